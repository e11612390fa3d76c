# Makes one change in this machine, if the attempt record is still the one that the caller saw. This is the only way
# in which the service changes anything in a machine, so whatever two replicas do, they do it one after the other.
#
# Arguments: state directory, SHA-256 of the record that the caller saw ("" for none), the new record (one line; "" to
# keep the old one), bytes on standard input, and one change with its arguments:
#   note [invocation id]                  nothing but the record, if this is still the kubelet's run
#   begin <key> <invocation id> <entries> <kept> [unit ...]
#                                         a work directory for another attempt, if this is still the kubelet's run ("" for
#                                         any) and the directory has these entries (sorted, a space after each; "*" for
#                                         any); ends these units, if they run. What was staged stays for the same key. For
#                                         another it goes, but for the kept entries (words in one argument)
#   run <script> [argument ...]           write the record, then run a script, which reads standard input, unless a unit of
#                                         ours runs
#   rest <script> [argument ...]          run a script, then write the record: the attempt ends where the machine rests
#   start <unit> <seconds> <service> <script> [argument ...]
#                                         start a unit that runs a script, unless a unit of ours runs already. The service,
#                                         if one is named, is started when the unit ends, however it ends
#   clear <unit> <invocation id>          forget a unit that has ended, if it is still the run that the caller saw
#
# Prints one line: "made", followed by what the script printed, "differs" or "busy". Anything else is a failure.
set -eu
umask 077
state=$1 seen=$2 record=$3 bytes=$4 change=$5
shift 5

mkdir -p "$state"
exec 9<"$state"
flock -w 20 9

# "differs" when another replica or a newer request was faster.
held=
[ ! -f "$state/attempt.json" ] || held=$(sha256sum <"$state/attempt.json" | cut -d ' ' -f 1)
if [ "$held" != "$seen" ]; then
  echo differs
  exit 0
fi

# Whole or not at all: the caller may have died in the middle of its sentence.
input=$(mktemp -p /run capd-kubeadm-upgrader.XXXXXX)
trap 'rm -f "$input"' EXIT
# dash runs no trap for EXIT when a signal ends it. A second signal would end the programs of that trap.
trap 'trap "" TERM; exit 143' TERM
head -c "$bytes" >"$input"
[ "$(wc -c <"$input")" = "$bytes" ]

# Writes a line to a new file. The shell's own printf does not report that a disk is full.
write() {
  # A pipe or a link would be written into.
  rm -f "$2"
  printf '%s\n' "$1" | cat >"$2"
}

write_record() {
  [ -n "$record" ] || return 0
  write "$record" "$state/attempt.json.new"
  sync "$state/attempt.json.new"
  mv -fT "$state/attempt.json.new" "$state/attempt.json"
}

at_work=activating,deactivating,running,start,reloading

# Names of our units in these states. Fails where systemd does not answer: then a unit may be at work.
units_in() {
  listed=$(systemctl list-units --all --plain --no-legend --state="$1" 'capd-kubeadm-upgrader-*.service') || return
  echo "$listed" | cut -d ' ' -f 1
}

# Ends with "busy" while a unit of ours runs.
unless_busy() {
  working=$(units_in "$at_work")
  if [ -n "$working" ]; then
    echo busy
    exit 0
  fi
}

# Ends with "differs" when the kubelet was started again, if the caller names the run that it saw.
unless_restarted() {
  if [ -n "$1" ] && [ "$(systemctl show kubelet --property=InvocationID --value)" != "$1" ]; then
    echo differs
    exit 0
  fi
}

# Ends with "differs" when the work directory has other entries than the caller saw, if it names what it saw. A unit that has
# ended since then may have left what the way back needs.
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
    key=$1 kubelet=$2 entries=$3 kept=$4
    shift 4
    unless_restarted "$kubelet"
    # Another unit at work changes the machine, whatever became of the record: it is left to come to its end.
    working=$(units_in "$at_work")
    loaded=$(units_in loaded)
    for unit in $working; do
      case " $* " in *" ${unit%.service} "*) ;; *) echo busy && exit 0 ;; esac
    done
    unless_worked_on "$entries"
    for unit in $loaded; do forget_unit "$unit"; done
    rm -rf "$state/work.old" "$state/work.new"
    if [ -n "$key" ] && [ -f "$state/work/key" ] && [ "$(cat "$state/work/key")" = "$key" ]; then
      # The cluster's configuration may be another one by now.
      for entry in bin.failed images.list images.failed kubeadm.done kubeadm.moved exchange.refused rendered etcd.kept prepared exchanged; do
        rm -rf "$state/work/$entry"
      done
    else
      # First the key: without it what is still there is no attempt's. What is kept never leaves its place.
      rm -f "$state/work/key"
      mkdir -p "$state/work"
      entries=$(find "$state/work" -mindepth 1 -maxdepth 1 -printf '%f\n')
      for entry in $entries; do
        case " $kept " in *" $entry "*) ;; *) rm -rf "$state/work/$entry" ;; esac
      done
    fi
    write_record
    # Last, or what the attempt before still stages would be taken for this one's.
    if [ -z "$key" ]; then rmdir "$state/work"; else
      write "$key" "$state/work/key.new"
      mv -fT "$state/work/key.new" "$state/work/key"
    fi
    echo made
    ;;
  run)
    script=$1
    shift
    unless_busy
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
    unit=$1 seconds=$2 service=$3 script=$4
    shift 4
    unless_busy
    forget_unit "$unit"
    mkdir -p "$state/work"
    write "$script" "$state/work/$unit.sh.new"
    rm -f "$state/work/$unit.input"
    cp "$input" "$state/work/$unit.input"
    mv "$state/work/$unit.sh.new" "$state/work/$unit.sh"
    write_record
    # systemd-run needs no D-Bus daemon for this: it uses systemd's private socket.
    set -- sh "$state/work/$unit.sh" "$@"
    [ -z "$service" ] || set -- --property="ExecStopPost=/bin/sh -c \"systemctl start $service\"" "$@"
    # An exec has the environment of the container, and a unit has systemd's. kubeadm was run by an exec when the machine was
    # made, and gives the static pods each variable of this kind (GetProxyEnvVars in its package util).
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
