# Restores the programs that kubelet.sh has kept, and restarts the kubelet.
#
# Argument: work directory
# Standard input: none
# Output: the log
# Exit code: 0, or another one after a failure
set -eu
directory=$1
if [ ! -d "$directory/previous" ]; then exit 0; fi
trap 'rm -f /usr/bin/.kubeadm.new /usr/bin/.kubectl.new /usr/bin/.kubelet.new' EXIT

# One after the other, because the disk may only have space for one.
for name in kubeadm kubectl kubelet; do
  cp -p "$directory/previous/$name" "/usr/bin/.$name.new"
  sync "/usr/bin/.$name.new"
  mv "/usr/bin/.$name.new" "/usr/bin/$name"
done
rm -f "$directory/exchanging"
systemctl restart kubelet
