# Installs the staged programs and restarts the kubelet.
#
# Arguments: work directory, version, then the kubelet flags that this version no longer supports
# Standard input: none
# Output: the log
# Exit code: 0, or another one after a failure
set -eu
directory=$1 version=$2
shift 2
flags=/var/lib/kubelet/kubeadm-flags.env

clean() {
  rm -f /usr/bin/.kubeadm.new /usr/bin/.kubectl.new /usr/bin/.kubelet.new "$flags.new"
  rm -rf "$directory/previous.new" || true
}
trap clean EXIT

# Keeps the old programs. A second run must not overwrite them with the new ones.
if [ "$(/usr/bin/kubelet --version)" != "Kubernetes $version" ] && [ ! -d "$directory/previous" ]; then
  # The directory is emptied and not removed, because a disk may be mounted there.
  mkdir -p "$directory/previous.new"
  find "$directory/previous.new" -mindepth 1 -delete
  cp -p /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl "$directory/previous.new"
  sync "$directory"/previous.new/*
  mv -T "$directory/previous.new" "$directory/previous"
fi

# All copies are made before anything changes, so that a full disk does no harm.
for name in kubeadm kubectl kubelet; do
  cp "$directory/bin/$name" "/usr/bin/.$name.new"
  sync "/usr/bin/.$name.new"
done

for flag in "$@"; do
  if [ -e "$flags" ] && grep -q -- "--$flag=" "$flags"; then
    # The copy has the mode and owner of the old program.
    cp -p "$flags" "$flags.new"
    sed "s/ *--$flag=[^\" ]*//" "$flags" >"$flags.new"
    sync "$flags.new"
    mv "$flags.new" "$flags"
  fi
done

# While this file exists, the programs may be of two versions.
: >"$directory/exchanging"
# A rename replaces the old programs: writing to a running program fails with "Text file busy".
for name in kubeadm kubectl kubelet; do
  mv "/usr/bin/.$name.new" "/usr/bin/$name"
done
rm -f "$directory/exchanging"

systemctl daemon-reload
systemctl restart kubelet
