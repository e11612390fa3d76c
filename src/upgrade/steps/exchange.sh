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

. ./exchange/static-pods.sh
. ./exchange/health.sh
. ./exchange/etcd-leader.sh
. ./exchange/load-balancer.sh

minor_of() { "$1" --version | cut -d . -f 1,2; }

# A kubelet of another minor version gives each static pod a new UID, and would start it next to the old one.
is_other_minor() { [ "$(minor_of "$1")" != "$(minor_of "$2")" ]; }

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
