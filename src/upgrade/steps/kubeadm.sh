# Runs the staged kubeadm's `upgrade node` and marks its success. Arguments: work directory, role, kubeadm's own.
# Exit code 46: a control plane lacks a static pod manifest, and kubeadm would take it for a worker.
directory=$1 role=$2
shift 2

if [ "$role" = control-plane ]; then
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    [ -e "/etc/kubernetes/manifests/$name.yaml" ] || exit 46
  done
  # Each run that touches etcd keeps a copy of its data: what is there now is not ours to prune later.
  [ -e "$directory/etcd-backups.before" ] ||
    ls -d /etc/kubernetes/tmp/kubeadm-backup-etcd-* >"$directory/etcd-backups.before" 2>/dev/null
fi

"$directory/bin/kubeadm" upgrade node "$@" || exit
touch "$directory/kubeadm.done"
