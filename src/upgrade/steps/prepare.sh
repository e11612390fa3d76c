# Does all of the work of `kubeadm upgrade node` but the exchange of the static pods, while everything runs: certificates,
# the kubelet's configuration and its flags. Puts what is to be exchanged next to its place, on the same file system, and
# keeps what is there now.
# Arguments: work directory, directory of kubeadm patches or "-", an UpgradeConfiguration, then kubeadm's own.
# Exit codes: 46: a static pod has no manifest; 47: the directory of patches is missing; else kubeadm's.
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

# Once: a second run must not take the new ones for them.
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

# New certificates are of the same CA: old and new components take both.
"$directory/bin/kubeadm" certs renew all
printf '%s\n' "$configuration" | cat >"$directory/upgrade.yaml"
"$directory/bin/kubeadm" upgrade node "$@"

# What is equal stays as it is.
rm -rf "$staged.new"
mkdir -p "$staged.new"
for name in $pods; do
  if cmp -s "$directory/rendered/$name.yaml" "$manifests/$name.yaml"; then continue; fi
  # With the mode and the owner that kubeadm gives it.
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
