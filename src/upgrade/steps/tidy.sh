# Removes what an upgrade that is done has left. Arguments: work directory, then its units.
set -eu
directory=$1
shift

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

# Moved away first, too: half a work directory would be taken for a whole one. What an earlier run moved away and did not
# come to remove goes, too.
rm -rf "$directory.old" "${directory%/*}"/v*.old
if [ -e "$directory" ]; then mv "$directory" "$directory.old"; fi
rm -rf "$directory.old"
