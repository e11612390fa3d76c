# Puts back each missing static pod manifest from kubeadm's newest backup; prints the first that has none.
# Renamed, not copied, within one file system: the kubelet reads whatever stands in manifests/, half files too.
for name in kube-apiserver kube-controller-manager kube-scheduler etcd; do
  [ "$name" = etcd ] && [ ! -d /var/lib/etcd/member ] && continue
  [ -e "/etc/kubernetes/manifests/$name.yaml" ] && continue
  backup=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/"$name.yaml" 2>/dev/null | head -n 1)
  if [ -z "$backup" ]; then
    echo "$name"
    exit
  fi
  cp -p "$backup" "/etc/kubernetes/tmp/$name.yaml.restored"
  mv "/etc/kubernetes/tmp/$name.yaml.restored" "/etc/kubernetes/manifests/$name.yaml"
done
