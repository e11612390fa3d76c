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
# Where containerd keeps the parts of images, each under its digest.
store=/var/lib/containerd/io.containerd.content.v1.content/blobs/sha256

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

digests_in() {
  grep -o '"digest": *"sha256:[0-9a-f]*"' "$store/$1" | grep -o '[0-9a-f]\{64\}'
}

# Prints a manifest and everything that it names. Fails where something is not here.
manifest_parts() {
  for blob in "$1" $(digests_in "$1"); do
    [ -e "$store/$blob" ] || return 1
    echo "$blob"
  done
}

# The same for a manifest or an index. An index also names manifests of other architectures, which are not here.
image_parts() {
  grep -q '"manifests"' "$store/$1" || {
    manifest_parts "$1"
    return
  }
  echo "$1"
  found=1
  for manifest in $(digests_in "$1"); do
    [ -e "$store/$manifest" ] || continue
    manifest_parts "$manifest" || return 1
    found=0
  done
  return $found
}

# Makes an archive of images in the layout of OCI, from the files where containerd keeps their parts. `ctr images export`
# makes the same and has containerd hand it each part through its API: 8.3 s for 474 MB, where this whole script takes 1.2 s.
pack() {
  mkdir -p /tmp/pack
  : >/tmp/pack/parts
  printf '{"imageLayoutVersion":"1.0.0"}' >/tmp/pack/oci-layout
  separator=
  {
    printf '{"schemaVersion":2,"manifests":['
    for name in "$@"; do
      read -r type digest <<FOUND
$(awk -v name="$name" '$1 == name { print $2, $3 }' /tmp/listed)
FOUND
      digest=${digest#sha256:}
      image_parts "$digest" >>/tmp/pack/parts || return 1
      printf '%s{"mediaType":"%s","digest":"sha256:%s","size":%s,"annotations":{"io.containerd.image.name":"%s"}}' \
        "$separator" "$type" "$digest" "$(stat -c %s "$store/$digest")" "$name"
      separator=,
    done
    printf ']}'
  } >/tmp/pack/index.json
  sort -u -o /tmp/pack/parts /tmp/pack/parts
  tar -cf "$archive.new" --mtime=@0 --owner=0 --group=0 --transform='s,^[0-9a-f]\{64\}$,blobs/sha256/&,' \
    -C /tmp/pack oci-layout index.json -C "$store" --files-from=/tmp/pack/parts
}

# By the client itself: the transfer service of containerd 2 may end before the last part is written. An image for several
# architectures has only this one's parts here, so it has to be named.
export_images() {
  case $(uname -m) in
    x86_64) arch=amd64 ;;
    aarch64) arch=arm64 ;;
    *) arch=$(uname -m) ;;
  esac
  ctr -n k8s.io images export --local --platform "linux/$arch" "$archive.new" "$@"
}

containerd >/tmp/containerd.log 2>&1 &
tries=0
until ctr -n k8s.io images ls >/tmp/listed 2>/dev/null; do
  tries=$((tries + 1))
  if [ "$tries" -gt 300 ]; then fail "containerd of the node image does not answer: $(tail -n 3 /tmp/containerd.log)"; fi
  sleep 0.2
done
awk 'NR > 1 { print $1 }' /tmp/listed >/tmp/images
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
pack $names 2>/dev/null || error=$(export_images $names 2>&1) || fail "$error"
error=$(sync "$archive.new" 2>&1) || fail "$error"
mv "$archive.new" "$archive"
