# Restores missing static pod manifests from kubeadm's newest backups.
#
# Arguments: none
# Standard input: none
# Output: the name of the first static pod without a backup
# Exit code: 0, or another one after a failure
#
# A manifest is first copied to the same file system and then renamed, because the kubelet would read an incomplete
# file.
set -eu
copy=/etc/kubernetes/tmp/restored.yaml
# Only one script runs at a time.
exec 9</etc/kubernetes/manifests
flock 9
trap 'rm -f "$copy"' EXIT

for name in kube-apiserver kube-controller-manager kube-scheduler etcd; do
  if [ -e "/etc/kubernetes/manifests/$name.yaml" ]; then continue; fi
  backup=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/"$name.yaml" 2>/dev/null | head -n 1)
  if [ "$name" = etcd ]; then
    # Without data here, etcd is external.
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
