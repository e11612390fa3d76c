import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { execa } from 'execa'
import { shellIn } from '../witness/exec.ts'
import type { Sign } from './moments.ts'

/** A step's unit that SIGSTOP has stopped. */
export interface Held {
  /** Which processes run, and which files are still to be renamed. */
  facts: string
  /** Continues the unit if it still exists. */
  release(): Promise<void>
}

/** A wait for a moment, in the machine itself. */
export interface Holding {
  /** Undefined before the moment. */
  readonly held: Held | undefined
  /** Stops the wait. A held unit stays held. */
  stop(): Promise<void>
}

const flag = '/run/recovery-hold'

/**
 * A shell script that waits until a step's unit is at a moment and stops its main process with SIGSTOP: the current command
 * ends, and no other one starts. For the end of static pods, the unit's child processes are stopped as well. Renames are too
 * fast to poll for, so a program in place of mv stops the shell that calls it. The script prints "armed", and then
 * "held <pid>,… <facts>". When a unit ends before the moment, it waits for the next one. It ends when its flag is removed.
 * Arguments: step, kind and subject of the sign, flag, a directory in place of / (for tests).
 */
export const script = `
set -u
unit=capd-kubeadm-upgrader-$1.service kind=$2 what=$3 flag=$4 root=\${5-}
case $what in /*) what=$root$what ;; esac
moved=$flag.moved mv=$root/usr/local/bin/mv
trap 'rm -f "$flag" "$moved" "$mv"' EXIT

# The kernel keeps 15 characters of a name.
pid_of() {
  if [ "$1" = kubelet ]; then systemctl show kubelet --property=MainPID --value; else pgrep -xo "$(printf %.15s "$1")"; fi
}
is_gone() { [ -z "$1" ] || [ "$1" = 0 ] || [ ! -d "/proc/$1" ]; }

is_there() {
  case $kind in
    made) [ -e "$what" ] ;;
    ended) is_gone "$kubelet" && is_gone "$process" ;;
    moved) [ -e "$moved" ] ;;
    started)
      now=$(pid_of kubelet)
      [ "$now" != "$kubelet" ] && ! is_gone "$now"
      ;;
  esac
}

facts() {
  running=
  for name in kubelet kube-scheduler kube-controller-manager kube-apiserver etcd; do
    if ! is_gone "$(pid_of $name)"; then running="$running $name"; fi
  done
  left=
  for name in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    if [ -e "$root/etc/kubernetes/tmp/capd-kubeadm-upgrader/$name.yaml" ]; then left="$left $name.yaml"; fi
  done
  for name in kubelet kubectl kubeadm; do
    if [ -e "$root/usr/bin/.$name.new" ]; then left="$left $name"; fi
  done
  drained=
  if [ -e "$root/var/lib/capd-kubeadm-upgrader/drained" ]; then drained=', drained'; fi
  echo "running:\${running:- none}, to be renamed:\${left:- nothing}$drained"
}

: >"$flag"
if [ "$kind" = moved ]; then
  rm -f "$moved"
  printf '#!/bin/sh\\n/bin/mv "$@" || exit\\nif [ "$1" = "%s" ]; then kill -STOP "$PPID"; : >"%s"; fi\\n' "$what" "$moved" >"$mv.new"
  chmod 0755 "$mv.new"
  /bin/mv "$mv.new" "$mv"
fi
echo armed
while [ -e "$flag" ]; do
  main=$(systemctl show "$unit" --property=MainPID --value)
  if is_gone "$main"; then
    sleep 0.05
    continue
  fi
  kubelet=$(pid_of kubelet) process=
  if [ "$kind" = ended ]; then process=$(pid_of "$what"); fi
  until is_there; do
    if [ ! -e "$flag" ] || [ ! -d "/proc/$main" ]; then continue 2; fi
    sleep 0.01
  done
  kill -STOP "$main" 2>/dev/null || continue
  held=$main
  if [ "$kind" = ended ]; then
    for child in $(pgrep -P "$main"); do
      if kill -STOP "$child" 2>/dev/null; then held=$held,$child; fi
    done
  fi
  rm -f "$flag" "$mv"
  # The current command ends.
  sleep 0.05
  echo "held $held $(facts)"
done`

/** Starts to wait for a moment of a step. Returns when a unit that starts from now on is stopped there. Throws when it cannot. */
export async function hold(machine: string, step: string, { kind, what }: Sign): Promise<Holding> {
  const args = ['exec', machine, 'sh', '-c', script, 'hold', step, kind, what, flag]
  const child = execa('docker', args, { reject: false, buffer: false, stdin: 'ignore' })
  let isArmed = false
  let held: Held | undefined
  createInterface({ input: child.stdout }).on('line', (line) => {
    isArmed = true
    const [, pids, facts] = /^held ([\d,]+) (.*)$/.exec(line) ?? []
    if (pids === undefined || facts === undefined) return
    const resume = `kill -CONT ${pids.replaceAll(',', ' ')}`
    held = { facts, release: async () => void (await shellIn(machine, resume).catch(() => {})) }
  })
  const isOver = child.then(() => true)
  while (!isArmed) {
    if ((await Promise.race([isOver, sleep(50)])) === true) throw new Error(`cannot hold a unit in ${machine}`)
  }
  return {
    get held() {
      return held
    },
    stop: async () => void (await shellIn(machine, `rm -f ${flag}`)),
  }
}
