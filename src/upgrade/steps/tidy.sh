# Removes everything that a finished upgrade has left behind.
#
# Arguments: work directory, name of the Node, then the units of this service
# Standard input: none
# Output: "drained" when the load balancer does not make the machine ready; nothing is removed then
# Exit code: 0, or another one after a failure
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
  # The unit may not exist anymore.
  systemctl stop "$unit" 2>/dev/null || true
  systemctl reset-failed "$unit" 2>/dev/null || true
done

# Removes only files that our own runs of kubeadm have left behind: those with a note, and those that did not exist
# before an interrupted run.
notes=${directory%/*}/leftovers
for leftover in /etc/kubernetes/tmp/kubeadm-backup-etcd-* /etc/kubernetes/tmp/kubeadm-upgraded-manifests*; do
  name=${leftover##*/}
  if [ -e "$notes/$name" ] || { [ -d "$notes/before" ] && [ ! -e "$notes/before/$name" ]; }; then
    rm -rf "$leftover"
  fi
done
# The notes are renamed first: with incomplete notes, files of others would count as ours.
rm -rf "$notes.old"
if [ -e "$notes" ]; then mv "$notes" "$notes.old"; fi
rm -rf "$notes.old"

# Prepared manifests and programs of an exchange that did not happen.
rm -rf /etc/kubernetes/tmp/capd-kubeadm-upgrader
rm -f /usr/bin/.kubelet.new /usr/bin/.kubectl.new /usr/bin/.kubeadm.new

# The work directory is renamed first, too, so that it never looks complete when it is not. Directories that an earlier
# run renamed are removed as well.
rm -rf "$directory.old" "${directory%/*}"/v*.old
if [ -e "$directory" ]; then mv "$directory" "$directory.old"; fi
rm -rf "$directory.old"
