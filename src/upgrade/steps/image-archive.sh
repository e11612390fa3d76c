# Runs in a container of the target's node image, with the machine's /var at /machine: exports images into an
# archive there. Arguments: work directory, key of its attempt, image names; one behind a question mark may be lacking.
# All paths are relative: when another attempt has begun, this one's directory is gone, whatever is at its path.
# The reason of a failure is left in images.failed in the directory; an empty one means that there was no space for it.
set -eu
directory=$1 key=$2
shift 2
cd "$directory"
[ "$(cat key)" = "$key" ]
archive=images.tar

# Of an earlier run.
rm -f "images.failed"
if [ -e "$archive" ]; then exit 0; fi
# Half an archive would keep a full disk full.
trap 'rm -f "$archive.new" "images.failed.new"' EXIT

fail() {
  echo "$1" >&2
  rm -f "$archive.new"
  if echo "$1" | cat >"images.failed.new"; then
    mv "images.failed.new" "images.failed"
  else
    : >"images.failed"
  fi
  exit 1
}

containerd >/tmp/containerd.log 2>&1 &
tries=0
until ctr -n k8s.io images ls -q >/tmp/images 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then fail "containerd of the node image does not answer: $(tail -n 3 /tmp/containerd.log)"; fi
  sleep 0.2
done
names=
for name in "$@"; do
  if grep -qxF "${name#\?}" /tmp/images; then
    names="$names ${name#\?}"
  elif [ "$name" = "${name#\?}" ]; then
    fail "lacks $name"
  fi
done

# Words of their own again: an image's name has no spaces.
# shellcheck disable=SC2086
error=$(ctr -n k8s.io images export "$archive.new" $names 2>&1) || fail "$error"
error=$(sync "$archive.new" 2>&1) || fail "$error"
mv "$archive.new" "$archive"
