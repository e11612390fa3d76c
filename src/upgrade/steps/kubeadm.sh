# Runs the staged kubeadm's `upgrade node` and marks its success. Arguments: work directory, role, how many control
# plane machines there are, kubeadm's own.
# Exit code 46: a control plane lacks a static pod manifest, and kubeadm would take it for a worker.
directory=$1 role=$2 members=$3 kubelet=/etc/kubernetes/kubelet.conf
shift 3

if [ "$role" = control-plane ]; then
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    [ -e "/etc/kubernetes/manifests/$name.yaml" ] || exit 46
  done
  # Each run that touches etcd keeps a copy of its data: what is there now is not ours to prune later.
  [ -e "$directory/etcd-backups.before" ] ||
    ls -d /etc/kubernetes/tmp/kubeadm-backup-etcd-* >"$directory/etcd-backups.before" 2>/dev/null

  # While etcd is exchanged the API server beside it hangs, and with it a kubelet that talks to that one and so cannot
  # bring the new etcd up for over a minute. Others serve: kubeadm itself puts the old address back at its end.
  endpoint=$(grep -m 1 ' server: ' /etc/kubernetes/admin.conf)
  if [ "$members" -gt 1 ] && [ -n "$endpoint" ] && ! grep -qxF "$endpoint" "$kubelet"; then
    sed "s#^ *server: .*#$endpoint#" "$kubelet" >"$kubelet.new"
    chmod --reference="$kubelet" "$kubelet.new"
    mv "$kubelet.new" "$kubelet"
    systemctl restart kubelet
  fi
fi

"$directory/bin/kubeadm" upgrade node "$@" || exit
touch "$directory/kubeadm.done"
