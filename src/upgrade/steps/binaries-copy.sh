# Copies kubeadm, kubelet and kubectl to the machine. Runs in a container of the target's node image, with the machine's
# /var at /machine.
#
# Arguments: work directory, key of the attempt
# Standard input: none
# Output: the directory bin.copied in the work directory; after a failure bin.failed with the reason, which is empty
#     when the disk was too full to write it
# Exit code: 0, or another one after a failure
#
# All paths are relative to the work directory. When another attempt begins, this directory is removed, and the script
# writes nothing into the new one.
set -eu
directory=$1 key=$2
cd "$directory"
[ "$(cat key)" = "$key" ]
copy=bin.copied

# Left by an earlier run.
rm -f "bin.failed"
if [ -e bin ] || [ -e "$copy" ]; then exit 0; fi
# An incomplete copy would fill up the disk.
trap 'rm -rf "$copy.new" "bin.failed.new"' EXIT

fail() {
  echo "$1" >&2
  rm -rf "$copy.new"
  if echo "$1" | cat >"bin.failed.new"; then
    mv "bin.failed.new" "bin.failed"
  else
    : >"bin.failed"
  fi
  exit 1
}

# Left by a run that was interrupted.
rm -rf "$copy.new"
mkdir "$copy.new"
for name in kubeadm kubelet kubectl; do
  program=/usr/bin/$name
  [ -f "$program" ] || fail "lacks $program"
  error=$(cp "$program" "$copy.new/$name" 2>&1) || fail "$error"
done
chmod 0755 "$copy.new"/*
error=$(sync "$copy.new"/* 2>&1) || fail "$error"
mv -T "$copy.new" "$copy"
