# Runs in a container of the target's node image, with the machine's /var at /machine: copies kubeadm, kubelet and
# kubectl there. Arguments: work directory, key of its attempt.
# All paths are relative: when another attempt has begun, this one's directory is gone, whatever is at its path.
# The reason of a failure is left in bin.failed in the directory; an empty one means that there was no space for it.
set -eu
directory=$1 key=$2
cd "$directory"
[ "$(cat key)" = "$key" ]
copy=bin.copied

# Of an earlier run.
rm -f "bin.failed"
if [ -e bin ] || [ -e "$copy" ]; then exit 0; fi
# Half a copy would keep a full disk full.
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

# Of a run that was broken off.
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
