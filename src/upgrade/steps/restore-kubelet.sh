# Puts back the programs that kubelet.sh kept and restarts the kubelet. Argument: work directory.
directory=$1
set -e
[ -d "$directory/previous" ] || exit 0
for name in kubeadm kubectl kubelet; do
  cp -p "$directory/previous/$name" "/usr/bin/.$name.new"
  mv "/usr/bin/.$name.new" "/usr/bin/$name"
done
systemctl restart kubelet
