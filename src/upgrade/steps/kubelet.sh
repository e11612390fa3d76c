# Puts the staged programs in place and restarts the kubelet.
# Arguments: work directory, version, then the kubelet flags that this version does not know any more.
directory=$1 version=$2
shift 2
set -e

# The old ones are kept, once: a second run must not take the new ones for them.
if [ "$(/usr/bin/kubelet --version)" != "Kubernetes $version" ] && [ ! -d "$directory/previous" ]; then
  mkdir -p "$directory/previous.new"
  cp -p /usr/bin/kubeadm /usr/bin/kubelet /usr/bin/kubectl "$directory/previous.new"
  mv "$directory/previous.new" "$directory/previous"
fi

flags=/var/lib/kubelet/kubeadm-flags.env
for flag in "$@"; do
  if grep -q -- "--$flag=" "$flags"; then
    sed "s/ *--$flag=[^\" ]*//" "$flags" >"$flags.new"
    mv "$flags.new" "$flags"
  fi
done

# Renamed over the old ones: writing into a program that runs fails with "Text file busy".
for name in kubeadm kubectl kubelet; do
  cp "$directory/bin/$name" "/usr/bin/.$name.new"
  sync "/usr/bin/.$name.new"
done
for name in kubeadm kubectl kubelet; do
  mv "/usr/bin/.$name.new" "/usr/bin/$name"
done

systemctl daemon-reload
systemctl restart kubelet
