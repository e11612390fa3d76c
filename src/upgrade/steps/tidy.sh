# Removes what an upgrade that is done has left. Arguments: work directory, then its units.
directory=$1
shift

for unit in "$@"; do
  systemctl stop "$unit" 2>/dev/null
  systemctl reset-failed "$unit" 2>/dev/null
done

# Of etcd's copies those that were there before our first run are not ours.
if [ -e "$directory/etcd-backups.before" ]; then
  for backup in /etc/kubernetes/tmp/kubeadm-backup-etcd-*; do
    [ -d "$backup" ] && ! grep -qxF "$backup" "$directory/etcd-backups.before" && rm -rf "$backup"
  done
fi

# Last, because its absence says that all of this is done.
rm -rf "$directory.old"
mv "$directory" "$directory.old"
rm -rf "$directory.old"
