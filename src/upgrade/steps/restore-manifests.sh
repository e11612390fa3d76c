# Puts back each missing static pod manifest from kubeadm's newest backup; prints the first that has none.
# Copied next to its place, to the same file system, and then renamed: the kubelet reads what is in manifests/, half files too.
set -eu
copy=/etc/kubernetes/tmp/restored.yaml
# One at a time.
exec 9</etc/kubernetes/manifests
flock 9
trap 'rm -f "$copy"' EXIT

for name in kube-apiserver kube-controller-manager kube-scheduler etcd; do
  if [ "$name" = etcd ] && [ ! -d /var/lib/etcd/member ]; then continue; fi
  if [ -e "/etc/kubernetes/manifests/$name.yaml" ]; then continue; fi
  backup=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/"$name.yaml" 2>/dev/null | head -n 1)
  if [ -z "$backup" ]; then
    echo "$name"
    exit
  fi
  cp -p "$backup" "$copy"
  sync "$copy"
  mv "$copy" "/etc/kubernetes/manifests/$name.yaml"
done
