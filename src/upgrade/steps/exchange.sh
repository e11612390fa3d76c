# Exchanges the static pods and the programs of a control plane machine for the prepared ones, all at once, or restores
# the previous ones. It can be interrupted and run again at any point: the files show what is left to do.
#
# Arguments: "forward" or "back"; work directory; name of the Node; "drain" or "leave"; seconds that the API server gets
#     to terminate; seconds within which the machine has to become healthy
# Standard input: none
# Output: the log, with a line "component <name>: <last line of its log>" for a component that did not become healthy
# Exit codes: 49 the previous state was restored and is healthy; 50 it was restored and is not healthy; 51 the etcd
#     member of this machine is not healthy, and nothing was changed
set -eu
way=$1 directory=$2 node=$3 balancer=$4 stop_seconds=$5 well_seconds=$6
manifests=/etc/kubernetes/manifests staged=/etc/kubernetes/tmp/capd-kubeadm-upgrader
before=$directory/before
# Outside of the work directory, which is emptied when another attempt begins.
drained=${directory%/*}/drained
servers='kube-scheduler kube-controller-manager kube-apiserver'
# The version skew policy allows an API server that is newer than the controller manager, but not an older one.
in_order='etcd kube-apiserver kube-controller-manager kube-scheduler'
programs='kubelet kubectl kubeadm'
# Units have the proxy variables of the container. All requests here go to this machine and its load balancer.
export NO_PROXY='*' no_proxy='*'
stopped=
trap 'if [ -n "$stopped" ]; then systemctl start kubelet; fi' EXIT
# dash does not run the EXIT trap when a signal ends it.
trap 'exit 143' TERM

# Writes a file atomically.
note() {
  printf '%s\n' "$1" | cat >"$2.new"
  sync "$2.new"
  mv "$2.new" "$2"
}

# Prints the processes of one of kubeadm's static pods. Other pods may have processes of the same name.
processes_of() {
  ids=$(timeout -k 1 10 ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.pod.namespace\"==kube-system,labels.\"io.kubernetes.pod.name\"==$1-$node,labels.\"io.kubernetes.container.name\"==$1") || return
  tasks=$(timeout -k 1 10 ctr -n k8s.io tasks ls) || return
  printf '%s\n\n%s\n' "$ids" "$tasks" |
    awk 'NF == 0 { rest = 1 } !rest { ids[$1] } rest && ($1 in ids) && $3 == "RUNNING" { print $2 }'
}

alive() {
  for pid in "$@"; do
    if kill -0 "$pid" 2>/dev/null; then return 0; fi
  done
  return 1
}

# Terminates a static pod. The kubelet is stopped, so it does not restart the pod.
end() {
  pids=$(processes_of "$1") || return
  # shellcheck disable=SC2086 # Several processes are several words.
  set -- "$1" "$2" $pids
  name=$1 left=$(($2 * 20))
  shift 2
  [ $# -gt 0 ] || return 0
  kill -TERM "$@" 2>/dev/null || true
  while alive "$@"; do
    if [ "$left" = 0 ]; then
      echo "$name had to be killed"
      kill -KILL "$@" 2>/dev/null || true
    fi
    left=$((left - 1))
    sleep 0.05
  done
  echo "$name has ended"
}

# Terminates these static pods: the API server together with its clients, so that it does not wait for them, and etcd
# last, so that no watch delays it.
end_all() {
  waiting=
  for name in $servers; do
    case " $* " in *" $name "*) ;; *) continue ;; esac
    if [ "$name" = kube-apiserver ]; then seconds=$stop_seconds; else seconds=5; fi
    end "$name" "$seconds" &
    waiting="$waiting $!"
  done
  for job in $waiting; do wait "$job"; done
  case " $* " in *" etcd "*) end etcd 15 ;; esac
}

minor_of() { "$1" --version | cut -d . -f 1,2; }

# A kubelet of another minor version gives each static pod a new UID, and would start it next to the old one.
is_other_minor() { [ "$(minor_of "$1")" != "$(minor_of "$2")" ]; }

etcd_is_well() {
  url=$(sed -n 's/.*--listen-metrics-urls=\([^, "]*\).*/\1/p' $manifests/etcd.yaml | head -n 1)
  curl --silent --max-time 2 "${url:-http://127.0.0.1:2381}/health" | grep -q '"health":"true"'
}

# Prints the value of a flag in etcd's manifest.
etcd_flag() { sed -n "s/^ *- *--$1=\([^, \"]*\).*/\1/p" $manifests/etcd.yaml | head -n 1; }

# Calls etcd's API on this machine. kubeadm's certificate of the server is one of a client, too.
etcd_api() {
  curl --globoff --silent --fail --max-time 2 --cacert "$(etcd_flag trusted-ca-file)" --cert "$(etcd_flag cert-file)" \
    --key "$(etcd_flag key-file)" --data "$2" "$(etcd_flag listen-client-urls)/v3/$1"
}

# Prints the numbers in a field of etcd's answer.
numbers_in() { grep -o "\"$1\": *\"[0-9]*\"" | grep -o '[0-9]*' || true; }

# Moves etcd's leadership to another member. etcd does so when it ends, but then the host is busy, and what is written
# until the others have elected a leader may be lost until its client gives up.
move_leader() {
  status=$(etcd_api maintenance/status '{}') || return 0
  own=$(echo "$status" | numbers_in member_id)
  [ -n "$own" ] && [ "$own" = "$(echo "$status" | numbers_in leader)" ] || return 0
  members=$(etcd_api cluster/member/list '{}') || return 0
  for member in $(echo "$members" | numbers_in ID); do
    if [ "$member" = "$own" ]; then continue; fi
    if etcd_api maintenance/transfer-leadership "{\"targetID\":\"$member\"}" >/dev/null; then
      echo "etcd's leadership has moved to $member"
      return
    fi
  done
}

api_server_is_ready() {
  server=$(sed -n 's/^ *kubeadm\.kubernetes\.io\/kube-apiserver\.advertise-address\.endpoint: *//p' $manifests/kube-apiserver.yaml | tr -d "\"'")
  [ "$(kubectl --kubeconfig=/etc/kubernetes/admin.conf "--server=https://$server" --tls-server-name=kubernetes \
    --request-timeout=2s get --raw=/readyz 2>/dev/null)" = ok ]
}

# A container that exits right after its start never reaches this age.
are_steady() {
  [ $# -gt 0 ] || return
  for pid in "$@"; do
    awk -v uptime="$(cut -d ' ' -f 1 /proc/uptime)" '{ sub(/.*[)] /, ""); exit uptime - $20 / 100 < 3 }' "/proc/$pid/stat" 2>/dev/null || return
  done
}

is_steady() {
  pids=$(processes_of "$1") || return
  # shellcheck disable=SC2086 # Several processes are several words.
  are_steady $pids
}

# The address of the health endpoint can be changed in the cluster's configuration.
kubelet_is_steady() { are_steady "$(systemctl show kubelet --property=MainPID --value)"; }

# Prints the first component that is not healthy, or nothing.
unwell() {
  if ! kubelet_is_steady; then echo kubelet
  elif ! etcd_is_well; then echo etcd
  elif ! api_server_is_ready; then echo kube-apiserver
  elif ! is_steady kube-controller-manager; then echo kube-controller-manager
  elif ! is_steady kube-scheduler; then echo kube-scheduler
  fi
}

now() { cut -d . -f 1 /proc/uptime; }

get_well() {
  until=$(($(now) + $1))
  while component=$(unwell) && [ -n "$component" ]; do
    [ "$(now)" -lt "$until" ] || return 1
    sleep 0.3
  done
}

# Prints the last line that a component logged. The container runtime adds the first three words of a line.
last_words() {
  if [ "$1" = kubelet ]; then journalctl _COMM=kubelet --output=cat --no-pager --lines=1; else
    log=$(find /var/log/pods -path "*/kube-system_$1-*" -name '*.log' -size +0 -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    [ -z "$log" ] || tail -n 1 "$log" | cut -d ' ' -f 4-
  fi | tr -d '[:cntrl:]' | cut -c 1-300
}

# Sets the state of this machine at the load balancer, on the stats page that Cluster API's Docker provider configures.
set_state() {
  [ "$(curl --globoff --silent --max-time 3 --output /dev/null --write-out '%{http_code}' \
    --data "s=$node&action=$1&b=kube-apiservers" "$2")" = 303 ]
}

# Drains this machine at the load balancer, if it has the stats page and another machine is up.
drain() {
  if [ "$balancer" != drain ] || [ -e "$drained" ]; then return 0; fi
  host=$(sed -n 's/^ *server: *https:\/\///p' /etc/kubernetes/admin.conf | head -n 1 | sed 's/\/.*//; s/:[0-9]*$//')
  page="http://$host:8404/stats"
  if ! curl --globoff --silent --fail --max-time 3 "$page;csv" | awk -F , -v node="$node" '
    $1 == "kube-apiservers" && $18 == "UP" && $2 != "BACKEND" { if ($2 == node) own = 1; else other = 1 }
    END { exit !(own && other) }'; then
    echo 'not drained: the load balancer has no such page, or no other machine that is up'
    return
  fi
  # The note is written first, so that a machine that may be drained is made ready later.
  note "$page" "$drained"
  if set_state drain "$page"; then echo drained; else echo 'the load balancer does not drain'; fi
}

ready() {
  [ -e "$drained" ] || return 0
  if set_state ready "$(cat "$drained")"; then rm "$drained"; else echo 'still drained: the load balancer does not answer'; fi
}

# Prints the static pods and programs to exchange.
left() {
  for name in $in_order; do if [ -e "$staged/$name.yaml" ]; then echo "$name"; fi; done
  for name in $programs; do if [ -e "/usr/bin/.$name.new" ]; then echo "$name"; fi; done
}

# What systemd has to read again it reads while everything runs.
stop_kubelet() {
  systemctl daemon-reload
  stopped=yes
  systemctl stop kubelet
}

exchange() {
  if [ ! -e "$directory/exchange.begun" ] && ! etcd_is_well; then exit 51; fi
  ending=$(for name in $in_order; do if [ -e "$staged/$name.yaml" ]; then echo "$name"; fi; done)
  if [ -e /usr/bin/.kubelet.new ] && is_other_minor "$before/kubelet" /usr/bin/.kubelet.new; then ending=$in_order; fi
  drain
  case " $(echo $ending) " in *" etcd "*) move_leader ;; esac
  stop_kubelet
  # shellcheck disable=SC2046,SC2086 # Names are words.
  end_all $(echo $ending)
  : >"$directory/exchange.begun"
  for name in $in_order; do
    if [ -e "$staged/$name.yaml" ]; then mv "$staged/$name.yaml" "$manifests/$name.yaml"; fi
  done
  for name in $programs; do
    if [ -e "/usr/bin/.$name.new" ]; then mv "/usr/bin/.$name.new" "/usr/bin/$name"; fi
  done
}

# kubeadm connects to the endpoint, and a load balancer takes some seconds to detect that a machine is back.
meet_endpoint() {
  for _ in $(seq 20); do
    if kubectl --kubeconfig=/etc/kubernetes/admin.conf --request-timeout=2s get --raw=/readyz >/dev/null 2>&1; then return; fi
    sleep 1
  done
}

# Prints the static pods whose manifest differs from the previous one. A healthy etcd of another minor version is kept:
# its data may have been migrated, and etcd's data is never restored.
changed_pods() {
  minor_before=$(etcd_minor "$before/manifests/etcd.yaml")
  minor_now=$(etcd_minor $manifests/etcd.yaml)
  for name in $in_order; do
    if cmp -s "$before/manifests/$name.yaml" "$manifests/$name.yaml"; then continue; fi
    if [ "$name" = etcd ] && [ "$minor_before" != "$minor_now" ] && etcd_is_well; then continue; fi
    echo "$name"
  done
}

etcd_minor() {
  sed -n 's/^ *image: .*:\([0-9v]*\.[0-9]*\)\..*/\1/p' "$1" | head -n 1
}

# Restores a file atomically, with its mode and owner.
put_back() {
  cp -p "$1" "$3"
  sync "$3"
  mv "$3" "$2"
}

undo() {
  rm -rf "$staged"
  for name in $programs; do rm -f "/usr/bin/.$name.new"; done
  for name in config.yaml kubeadm-flags.env; do
    if [ -e "$before/$name" ] && ! cmp -s "$before/$name" "/var/lib/kubelet/$name"; then
      put_back "$before/$name" "/var/lib/kubelet/$name" "/var/lib/kubelet/.$name.new"
    fi
  done
  pods=$(changed_pods)
  changed=$(for name in $programs; do if ! cmp -s "$before/$name" "/usr/bin/$name"; then echo "$name"; fi; done)
  if [ -n "$pods$changed" ]; then
    ending=$pods
    if is_other_minor "$before/kubelet" /usr/bin/kubelet; then ending=$in_order; fi
    stop_kubelet
    # shellcheck disable=SC2046,SC2086 # Names are words.
    end_all $(echo $ending)
    mkdir -p "$staged"
    for name in $pods; do put_back "$before/manifests/$name.yaml" "$manifests/$name.yaml" "$staged/back"; done
    for name in $changed; do put_back "$before/$name" "/usr/bin/$name" "/usr/bin/.$name.new"; done
    rm -rf "$staged"
  fi
  systemctl start kubelet
  stopped=
}

# The next attempt renders and prepares everything again.
forget() {
  for entry in exchanged exchange.begun prepared; do rm -f "$directory/$entry"; done
  rm -rf "$directory/rendered" "$before.old"
  if [ -e "$before" ]; then mv "$before" "$before.old"; fi
  rm -rf "$before.old" "$directory/undoing"
}

go_back() {
  if [ -d "$before" ]; then undo; fi
  result=49
  get_well "$well_seconds" || result=50
  ready
  if [ -e "$directory/undoing" ]; then cat "$directory/undoing"; fi
  forget
}

if [ "$way" = back ]; then
  go_back
  exit
fi
# A restore that was interrupted continues.
if [ ! -e "$directory/undoing" ]; then
  if [ -n "$(left)" ]; then exchange; fi
  systemctl start kubelet
  stopped=
  if get_well "$well_seconds"; then
    ready
    meet_endpoint
    : >"$directory/exchanged"
    exit
  fi
  note "component $component: $(last_words "$component")" "$directory/undoing"
fi
go_back
exit "$result"
