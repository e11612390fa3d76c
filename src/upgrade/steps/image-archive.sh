# Runs in a container of the target's node image, with the machine's /var at /machine: exports images into an
# archive there. Arguments: directory, image names; one behind a question mark may be lacking. A failure is written to images.failed in the directory.
directory=$1
shift

fail() {
  echo "$1" >"$directory/images.failed"
  exit 1
}

[ -e "$directory/images.tar" ] && exit
containerd >/tmp/containerd.log 2>&1 &
tries=0
until ctr -n k8s.io images ls -q >/tmp/images 2>/dev/null; do
  tries=$((tries + 1))
  [ "$tries" -gt 300 ] && fail "containerd of the node image does not answer: $(tail -n 3 /tmp/containerd.log)"
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
error=$(ctr -n k8s.io images export "$directory/images.tar.new" $names 2>&1) || fail "$error"
mv "$directory/images.tar.new" "$directory/images.tar"
