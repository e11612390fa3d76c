# Puts the staged programs in place and restarts the kubelet.
# Arguments: work directory, version, then the kubelet flags that this version does not know any more.
set -eu
directory=$1 version=$2
shift 2
flags=/var/lib/kubelet/kubeadm-flags.env

clean() {
  rm -f /usr/bin/.kubeadm.new /usr/bin/.kubectl.new /usr/bin/.kubelet.new "$flags.new"
  rm -rf "$directory/previous.new" || true
}
trap clean EXIT

# The old ones are kept, once: a second run must not take the new ones for them.
if [ "$(/usr/bin/kubelet --version)" != "Kubernetes $version" ] && [ ! -d "$directory/previous" ]; then
  # Emptied, not removed: a disk of its own may be mounted there.
  mkdir -p "$directory/previous.new"
  find "$directory/previous.new" -mindepth 1 -delete
  cp -p /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl "$directory/previous.new"
  sync "$directory"/previous.new/*
  mv -T "$directory/previous.new" "$directory/previous"
fi

# Before anything changes: a full disk leaves the machine as it is.
for name in kubeadm kubectl kubelet; do
  cp "$directory/bin/$name" "/usr/bin/.$name.new"
  sync "/usr/bin/.$name.new"
done

for flag in "$@"; do
  if [ -e "$flags" ] && grep -q -- "--$flag=" "$flags"; then
    # Copied first, for its mode and owner.
    cp -p "$flags" "$flags.new"
    sed "s/ *--$flag=[^\" ]*//" "$flags" >"$flags.new"
    sync "$flags.new"
    mv "$flags.new" "$flags"
  fi
done

# While this is there, the programs are of two versions.
: >"$directory/exchanging"
# Renamed over the old ones: writing into a program that runs fails with "Text file busy".
for name in kubeadm kubectl kubelet; do
  mv "/usr/bin/.$name.new" "/usr/bin/$name"
done
rm -f "$directory/exchanging"

systemctl daemon-reload
systemctl restart kubelet
