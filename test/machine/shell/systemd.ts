import { mkdirSync, readdirSync } from 'node:fs'
import type { Root } from '../../upgrade/shell/rooted.ts'

/** A unit as systemctl show prints it. */
export interface ShownUnit {
  active: string
  sub: string
  invocationId?: string
}

// One file a unit, named as the unit and with the lines of systemctl show.
const units = '/units'

/** Puts stand-ins for systemctl and systemd-run into the root, with so many starts behind them. */
export function addSystemd(root: Root, starts = 0): void {
  mkdirSync(root.path(units), { recursive: true })
  root.write('/starts', String(starts))
  root.program('/stand-ins/systemctl', systemctl)
  root.program('/stand-ins/systemd-run', systemdRun)
}

export function addUnit(root: Root, name: string, { active, sub, invocationId = 'run-1' }: ShownUnit): void {
  const lines = [`Id=${name}.service`, `ActiveState=${active}`, `SubState=${sub}`, 'Result=success']
  root.write(`${units}/${name}.service`, [...lines, 'ExecMainStatus=0', `InvocationID=${invocationId}`, ''].join('\n'))
}

/** Names of the units that systemd knows. */
export function unitsOf(root: Root): string[] {
  return readdirSync(root.path(units)).map((file) => file.replace(/\.service$/, ''))
}

// A unit that has failed stays until it is reset, and any other is gone once it is stopped.
const systemctl = `
for word; do
  case $word in
    --state=*) states=",\${word#--state=}," ;;
    --property=*) property=\${word#--property=} ;;
    *.service) pattern=$word ;;
    -*) ;;
    *) pattern=$word.service ;;
  esac
done
failed() { grep -qx ActiveState=failed "$1" 2>/dev/null; }
case $1 in
  list-units)
    for file in $MACHINE_ROOT/units/$pattern; do
      [ -f "$file" ] || continue
      active=$(sed -n 's/^ActiveState=//p' "$file")
      sub=$(sed -n 's/^SubState=//p' "$file")
      case $states in
        *,loaded,* | *,"$active",* | *,"$sub",*) echo "\${file##*/} loaded $active $sub of a test" ;;
      esac
    done ;;
  show)
    separator=
    for file in $MACHINE_ROOT/units/$pattern; do
      [ -f "$file" ] || continue
      case " $* " in
        *" --value "*) sed -n "s/^$property=//p" "$file" ;;
        *) printf '%s' "$separator"; cat "$file"; separator='
' ;;
      esac
    done ;;
  stop) failed "$MACHINE_ROOT/units/$pattern" || rm -f "$MACHINE_ROOT/units/$pattern" ;;
  reset-failed) ! failed "$MACHINE_ROOT/units/$pattern" || rm -f "$MACHINE_ROOT/units/$pattern" ;;
esac`

// It notes a start and does not run the command.
const systemdRun = `
for word; do case $word in --unit=*) unit=\${word#--unit=} ;; esac; done
file=$MACHINE_ROOT/units/$unit.service
[ ! -e "$file" ] || { echo "Unit $unit.service was already loaded or has a fragment file." >&2; exit 1; }
count=$(($(cat $MACHINE_ROOT/starts) + 1))
echo $count >$MACHINE_ROOT/starts
printf '%s\\n' "Id=$unit.service" ActiveState=active SubState=running Result=success ExecMainStatus=0 \\
  "InvocationID=run-$count" >"$file"`
