# Removes what an upgrade that is done has left. Arguments: work directory, then its units.
set -eu
directory=$1
shift

for unit in "$@"; do
  # It may be gone already.
  systemctl stop "$unit" 2>/dev/null || true
  systemctl reset-failed "$unit" 2>/dev/null || true
done

# Only the copies of etcd's data that a run of ours made: each of them has a note.
notes=${directory%/*}/etcd-backups
for note in "$notes"/kubeadm-backup-etcd-*; do
  [ -e "$note" ] || continue
  rm -rf "/etc/kubernetes/tmp/${note##*/}"
done
rm -rf "$notes"

# Moved away first: half a work directory would be taken for a whole one. What an earlier run moved away and did not
# come to remove goes, too.
rm -rf "$directory.old" "${directory%/*}"/v*.old
if [ -e "$directory" ]; then mv "$directory" "$directory.old"; fi
rm -rf "$directory.old"
