# Removes what an upgrade that is done has left. Arguments: work directory, name of the Node, then its units.
# Prints "drained", and removes nothing, where the machine stays drained at the load balancer.
set -eu
directory=$1 node=$2
shift 2

drained=${directory%/*}/drained
if [ -e "$drained" ]; then
  status=$(curl --noproxy '*' --globoff --silent --max-time 3 --output /dev/null --write-out '%{http_code}' \
    --data "s=$node&action=ready&b=kube-apiservers" "$(cat "$drained")") || true
  if [ "$status" != 303 ]; then
    echo drained
    exit
  fi
  rm "$drained"
fi

for unit in "$@"; do
  # It may be gone already.
  systemctl stop "$unit" 2>/dev/null || true
  systemctl reset-failed "$unit" 2>/dev/null || true
done

# Of what runs of kubeadm have left only our own: each has a note, or was not there before a run that was cut off.
notes=${directory%/*}/leftovers
for leftover in /etc/kubernetes/tmp/kubeadm-backup-etcd-* /etc/kubernetes/tmp/kubeadm-upgraded-manifests*; do
  name=${leftover##*/}
  if [ -e "$notes/$name" ] || { [ -d "$notes/before" ] && [ ! -e "$notes/before/$name" ]; }; then
    rm -rf "$leftover"
  fi
done
# Moved away first: half the list of what was there before would take others' for ours.
rm -rf "$notes.old"
if [ -e "$notes" ]; then mv "$notes" "$notes.old"; fi
rm -rf "$notes.old"

# What was next to its place, for an exchange that did not come to it.
rm -rf /etc/kubernetes/tmp/capd-kubeadm-upgrader
rm -f /usr/bin/.kubelet.new /usr/bin/.kubectl.new /usr/bin/.kubeadm.new

# Moved away first, too: half a work directory would be taken for a whole one. What an earlier run moved away and did not
# come to remove goes, too.
rm -rf "$directory.old" "${directory%/*}"/v*.old
if [ -e "$directory" ]; then mv "$directory" "$directory.old"; fi
rm -rf "$directory.old"
