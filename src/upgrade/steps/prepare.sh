# Does the work of `kubeadm upgrade node` except for the static pods, while everything is running: certificates, and the
# kubelet's configuration and flags. Puts the new manifests and programs next to their places, on the same file system,
# and keeps the current ones.
#
# Arguments: work directory, directory of kubeadm patches or "-", an UpgradeConfiguration, then arguments for kubeadm
# Standard input: none
# Output: the log of kubeadm
# Exit codes: 46 a static pod has no manifest; 47 the directory of patches is missing; otherwise that of kubeadm
set -eu
directory=$1 patches=$2 configuration=$3
shift 3
manifests=/etc/kubernetes/manifests staged=/etc/kubernetes/tmp/capd-kubeadm-upgrader
before=$directory/before
pods='etcd kube-apiserver kube-controller-manager kube-scheduler'
programs='kubelet kubectl kubeadm'
trap 'rm -rf "$before.new" "$staged.new"' EXIT

for name in $pods; do [ -e "$manifests/$name.yaml" ] || exit 46; done
[ "$patches" = - ] || [ -d "$patches" ] || exit 47

# Only once: a second run must not overwrite the kept files with the new ones.
if [ ! -d "$before" ]; then
  rm -rf "$before.new"
  mkdir -p "$before.new/manifests"
  for name in $programs; do cp -p "/usr/bin/$name" "$before.new/"; done
  for name in $pods; do cp -p "$manifests/$name.yaml" "$before.new/manifests/"; done
  for name in config.yaml kubeadm-flags.env; do
    if [ -e "/var/lib/kubelet/$name" ]; then cp -p "/var/lib/kubelet/$name" "$before.new/"; fi
  done
  find "$before.new" -type f -exec sync {} +
  mv -T "$before.new" "$before"
fi

# New certificates have the same CA, so old and new components accept both.
"$directory/bin/kubeadm" certs renew all
printf '%s\n' "$configuration" | cat >"$directory/upgrade.yaml"
"$directory/bin/kubeadm" upgrade node "$@"

# Equal files are not exchanged.
rm -rf "$staged.new"
mkdir -p "$staged.new"
for name in $pods; do
  if cmp -s "$directory/rendered/$name.yaml" "$manifests/$name.yaml"; then continue; fi
  # The mode and owner are those that kubeadm sets.
  cp "$directory/rendered/$name.yaml" "$staged.new/$name.yaml"
  chmod 0600 "$staged.new/$name.yaml"
  sync "$staged.new/$name.yaml"
done
rm -rf "$staged"
mv -T "$staged.new" "$staged"
for name in $programs; do
  rm -f "/usr/bin/.$name.new"
  if cmp -s "$directory/bin/$name" "/usr/bin/$name"; then continue; fi
  cp "$directory/bin/$name" "/usr/bin/.$name.new"
  sync "/usr/bin/.$name.new"
done
: >"$directory/prepared"
