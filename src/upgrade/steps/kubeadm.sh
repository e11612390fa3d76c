# Runs the staged kubeadm's `upgrade node` and marks its success. Arguments: work directory, role, another control plane
# machine that serves or "-", directory of kubeadm patches or "-", an UpgradeConfiguration, kubeadm's own.
# Exit codes: 46 a control plane lacks a static pod manifest, and kubeadm would take it for a worker; 47 the directory of
# patches is missing.
directory=$1 role=$2 other=$3 patches=$4 configuration=$5 kubelet=/etc/kubernetes/kubelet.conf
client=/etc/kubernetes/pki/apiserver-kubelet-client
shift 5

# Lets the kubelet talk to the API server that this line of its kubeconfig names.
talk_to() {
  sed "s#^ *server: .*#$1#" "$kubelet" >"$kubelet.new"
  chmod --reference="$kubelet" "$kubelet.new"
  mv "$kubelet.new" "$kubelet"
  systemctl restart kubelet
}

# The kubelet has looked at its pods since it began: its own metrics count as many looks as pods. Looks of any kind, since
# the first one at a pod may be for an update.
is_settled() {
  curl -sk -m 3 --cert "$client.crt" --key "$client.key" https://127.0.0.1:10250/metrics |
    awk '/^kubelet_desired_pods/ { pods += $2 } /^kubelet_pod_worker_duration_seconds_count/ { looks += $2 }
      END { exit !(pods && looks >= pods) }'
}

[ "$patches" = - ] || [ -d "$patches" ] || exit 47

if [ "$role" = control-plane ]; then
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    [ -e "/etc/kubernetes/manifests/$name.yaml" ] || exit 46
  done
  # Each run that touches etcd keeps a copy of its data: what is there now is not ours to prune later.
  [ -e "$directory/etcd-backups.before" ] ||
    ls -d /etc/kubernetes/tmp/kubeadm-backup-etcd-* >"$directory/etcd-backups.before" 2>/dev/null
fi

# While etcd is exchanged the API server beside it hangs, and with it a kubelet that talks to that one: it cannot bring
# the new etcd up before it has removed the old one's mirror pod. The load balancer might lead to that very one.
if [ "$other" != - ]; then
  [ -e "$directory/kubelet.server" ] || grep -m 1 '^ *server: ' "$kubelet" >"$directory/kubelet.server"
  sed "s#https://.*:#https://$other:#" "$directory/kubelet.server" >"$directory/kubelet.away"
  grep -qxFf "$directory/kubelet.away" "$kubelet" || talk_to "$(cat "$directory/kubelet.away")"
  # One that loses a static pod before it has looked at it lets go of it minutes later. That is slow and not wrong, so
  # kubeadm goes on after a minute.
  for _ in $(seq 60); do is_settled && break || sleep 1; done
fi

printf '%s\n' "$configuration" >"$directory/upgrade.yaml"
"$directory/bin/kubeadm" upgrade node "$@"
result=$?

# Also what an attempt that was cut off has left. kubeadm puts a local address back itself where it has one there.
if grep -qxFf "$directory/kubelet.away" "$kubelet" 2>/dev/null; then talk_to "$(cat "$directory/kubelet.server")"; fi
[ "$result" = 0 ] || exit "$result"
touch "$directory/kubeadm.done"
