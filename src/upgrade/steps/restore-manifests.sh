# Puts back each missing static pod manifest from kubeadm's newest backup; prints the first that has none.
# Copied next to its place, to the same file system, and then renamed: the kubelet reads what is in manifests/, half files too.
set -eu
copy=/etc/kubernetes/tmp/restored.yaml
# One at a time.
exec 9</etc/kubernetes/manifests
flock 9
trap 'rm -f "$copy"' EXIT

for name in kube-apiserver kube-controller-manager kube-scheduler etcd; do
  if [ -e "/etc/kubernetes/manifests/$name.yaml" ]; then continue; fi
  backup=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/"$name.yaml" 2>/dev/null | head -n 1)
  if [ "$name" = etcd ]; then
    # Where etcd has no data here, it is elsewhere.
    data=
    [ -z "$backup" ] || data=$(sed -n 's/.*--data-dir=\([^, "]*\).*/\1/p' "$backup" | head -n 1)
    [ -n "$data" ] || data=/var/lib/etcd
    [ -d "$data/member" ] || continue
  fi
  if [ -z "$backup" ]; then
    echo "$name"
    exit
  fi
  cp -p "$backup" "$copy"
  sync "$copy"
  mv "$copy" "/etc/kubernetes/manifests/$name.yaml"
done
