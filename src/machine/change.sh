# Makes one change in this machine, if the attempt record is still the one that the caller observed. The service changes
# machines only through this script, which holds a lock. So the changes of two replicas never overlap.
#
# Arguments:
#   1  state directory
#   2  SHA-256 of the record that the caller observed; "" for none
#   3  the new record, one line; "" keeps the old one
#   4  length of standard input in bytes
#   5  one change, with its own arguments:
#      note [invocation id]
#          Writes the record. With an invocation id: only if the kubelet still has it.
#      begin <key> <invocation id> <entries> <kept> <renewed> [unit ...]
#          Prepares the work directory of an attempt and ends the named units. Only if the kubelet still has the invocation
#          id ("" accepts any) and the directory still has these entries (sorted, a space after each; "*" accepts any).
#          A directory with the same key keeps what was staged, without the renewed entries. Any other is emptied, except for
#          the kept entries. Kept and renewed are names in one argument each, separated by spaces.
#      run <alongside> <script> [argument ...]
#          Writes the record, then runs a script, unless a unit of this service is running that is not named in alongside
#          (names in one argument, separated by spaces).
#      rest <script> [argument ...]
#          Runs a script, then writes the record. It ends a failed attempt: the script brings the machine into a state in
#          which it can stay.
#      start <unit> <seconds> <service> <alongside> <script> [argument ...]
#          Starts a unit with a time limit that runs a script, unless a unit of this service is running that is not named
#          in alongside. When the unit ends, with any result, systemd starts the service ("" for none).
#      clear <unit> <invocation id>
#          Resets a unit that has ended, if it still has the invocation id.
#
# Standard input: the input of the script. The script reads it as its own standard input.
# Output: "made", then the output of the script; or one line, "differs" or "busy", when nothing was changed.
# Exit codes: 0; 2 for an unknown change; any other for a failure.
set -eu
umask 077
state=$1 seen=$2 record=$3 bytes=$4 change=$5
shift 5

mkdir -p "$state"
exec 9<"$state"
flock -w 20 9

# Another replica or a newer request has changed the record in between.
held=
[ ! -f "$state/attempt.json" ] || held=$(sha256sum <"$state/attempt.json" | cut -d ' ' -f 1)
if [ "$held" != "$seen" ]; then
  echo differs
  exit 0
fi

# Nothing happens with incomplete input: the caller may have died while it sent it.
input=$(mktemp -p /run capd-kubeadm-upgrader.XXXXXX)
trap 'rm -f "$input"' EXIT
# dash does not run the EXIT trap when a signal ends it. While that trap runs, a second SIGTERM is ignored.
trap 'trap "" TERM; exit 143' TERM
head -c "$bytes" >"$input"
[ "$(wc -c <"$input")" = "$bytes" ]

# Writes a line to a new file. It pipes through cat, because the shell's own printf does not report a full disk.
write() {
  # Otherwise a pipe or a link of this name would be written into.
  rm -f "$2"
  printf '%s\n' "$1" | cat >"$2"
}

write_record() {
  [ -n "$record" ] || return 0
  write "$record" "$state/attempt.json.new"
  sync "$state/attempt.json.new"
  mv -fT "$state/attempt.json.new" "$state/attempt.json"
}

busy_states=activating,deactivating,running,start,reloading

# Prints the names of this service's units in the given states. Fails when systemd does not respond, because a unit may
# be running then.
units_in() {
  listed=$(systemctl list-units --all --plain --no-legend --state="$1" 'capd-kubeadm-upgrader-*.service') || return
  echo "$listed" | cut -d ' ' -f 1
}

# Ends the script with "busy" while a unit of this service is running that is not named in the argument.
unless_busy() {
  working=$(units_in "$busy_states")
  for running in $working; do
    case " $1 " in *" ${running%.service} "*) ;; *) echo busy && exit 0 ;; esac
  done
}

# Ends the script with "differs" when the kubelet was restarted. An empty invocation id accepts any.
unless_restarted() {
  if [ -n "$1" ] && [ "$(systemctl show kubelet --property=InvocationID --value)" != "$1" ]; then
    echo differs
    exit 0
  fi
}

# Ends the script with "differs" when the work directory has other entries than the caller observed. A unit that ended
# since then may have left entries that the rollback needs.
unless_worked_on() {
  [ "$1" != '*' ] || return 0
  entries=
  if [ -d "$state/work" ]; then entries=$(find "$state/work" -mindepth 1 -maxdepth 1 -printf '%f\n' | LC_ALL=C sort | tr '\n' ' '); fi
  if [ "$entries" != "$1" ]; then
    echo differs
    exit 0
  fi
}

forget_unit() {
  systemctl stop "$1" 2>/dev/null || true
  systemctl reset-failed "$1" 2>/dev/null || true
}

case $change in
  note)
    unless_restarted "${1-}"
    write_record
    echo made
    ;;
  begin)
    key=$1 kubelet=$2 entries=$3 kept=$4 renewed=$5
    shift 5
    unless_restarted "$kubelet"
    # A running unit that may not be ended is changing the machine, even if its record is lost. It runs to its end.
    working=$(units_in "$busy_states")
    loaded=$(units_in loaded)
    for unit in $working; do
      case " $* " in *" ${unit%.service} "*) ;; *) echo busy && exit 0 ;; esac
    done
    unless_worked_on "$entries"
    for unit in $loaded; do forget_unit "$unit"; done
    rm -rf "$state/work.old" "$state/work.new"
    if [ -n "$key" ] && [ -f "$state/work/key" ] && [ "$(cat "$state/work/key")" = "$key" ]; then
      for entry in $renewed; do rm -rf "$state/work/$entry"; done
    else
      # The key is removed first: without it, the remaining entries belong to no attempt. Kept entries are never moved.
      rm -f "$state/work/key"
      mkdir -p "$state/work"
      entries=$(find "$state/work" -mindepth 1 -maxdepth 1 -printf '%f\n')
      for entry in $entries; do
        case " $kept " in *" $entry "*) ;; *) rm -rf "$state/work/$entry" ;; esac
      done
    fi
    write_record
    # The key is written last. Otherwise the new attempt would own what the previous one is still staging.
    if [ -z "$key" ]; then rmdir "$state/work"; else
      write "$key" "$state/work/key.new"
      mv -fT "$state/work/key.new" "$state/work/key"
    fi
    echo made
    ;;
  run)
    alongside=$1 script=$2
    shift 2
    unless_busy "$alongside"
    write_record
    echo made
    (umask 022 && exec sh -c "$script" script "$@" <"$input")
    ;;
  rest)
    script=$1
    shift
    output=$(umask 022 && exec sh -c "$script" script "$@" <"$input")
    write_record
    echo made
    printf '%s\n' "$output"
    ;;
  start)
    unit=$1 seconds=$2 service=$3 alongside=$4 script=$5
    shift 5
    unless_busy "$alongside"
    forget_unit "$unit"
    mkdir -p "$state/work"
    write "$script" "$state/work/$unit.sh.new"
    rm -f "$state/work/$unit.input"
    cp "$input" "$state/work/$unit.input"
    mv "$state/work/$unit.sh.new" "$state/work/$unit.sh"
    write_record
    # systemd-run uses systemd's private socket, so no D-Bus daemon is needed.
    set -- sh "$state/work/$unit.sh" "$@"
    [ -z "$service" ] || set -- --property="ExecStopPost=/bin/sh -c \"systemctl start $service\"" "$@"
    # A unit does not have the proxy variables of the container, as an exec has. kubeadm copies them into the static
    # pods (GetProxyEnvVars in its package util), and CAPD runs kubeadm by an exec, so the unit needs them too.
    for name in $(env | sed -n 's/^\([A-Za-z][A-Za-z0-9_]*_[Pp][Rr][Oo][Xx][Yy]\)=..*/\1/p'); do
      if value=$(printenv "$name"); then set -- --setenv="$name=$value" "$@"; fi
    done
    systemd-run --quiet --unit="$unit" --no-block --property=Type=exec --property=RemainAfterExit=yes \
      --property="RuntimeMaxSec=$seconds" --property="StandardInput=file:$state/work/$unit.input" "$@" >&2
    echo made
    ;;
  clear)
    if [ "$(systemctl show "$1" --property=InvocationID --value)" != "$2" ] ||
      [ -n "$(systemctl list-units --plain --no-legend --state=running "$1.service")" ]; then
      echo differs
      exit 0
    fi
    write_record
    forget_unit "$1"
    echo made
    ;;
  *)
    echo "unknown change: $change" >&2
    exit 2
    ;;
esac
