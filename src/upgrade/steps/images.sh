# Loads the Kubernetes images into containerd.
#
# Arguments: work directory, then "pull" or "node-image"
# Standard input: none
# Output: the log
# Exit code: 0, or another one after a failure. An archive that is incomplete, or that containerd refuses, is removed,
#     so that the previous step makes another one.
set -eu
directory=$1
if [ "$2" = pull ]; then
  "$directory/bin/kubeadm" config images pull --config "$directory/cluster-configuration.yaml"
  exit
fi

archive=$directory/images.tar
case $(uname -m) in
  x86_64) arch=amd64 ;;
  aarch64) arch=arm64 ;;
  *) arch=$(uname -m) ;;
esac

# Fails unless every blob in the archive has the digest in its name, and every blob that an image of this machine's
# architecture references is there. tar itself does not detect a truncated archive.
verify() {
  # shellcheck disable=SC2016 # expanded by the shell that tar starts
  hashed=$(tar -xf "$archive" --to-command='echo "$(sha256sum | cut -d " " -f 1) ${TAR_FILENAME#./}"') || return 1
  parts=' '
  while read -r digest path; do
    case $path in
      blobs/sha256/*) [ "$path" = "blobs/sha256/$digest" ] || return 1 ;;
      *) continue ;;
    esac
    parts="$parts$digest "
  done <<LIST
$hashed
LIST
  index=$(tar -xOf "$archive" index.json 2>/dev/null) || return 1
  images=$(digests_in "$index") || return 1
  for image in $images; do image_is_whole "$image" || return 1; done
}

# Fails when there is none.
digests_in() {
  printf '%s' "$1" | grep -o '"digest": *"sha256:[0-9a-f]*"' | grep -o '[0-9a-f]\{64\}'
}

has() {
  case $parts in *" $1 "*) ;; *) return 1 ;; esac
}

manifest_is_whole() {
  named=$(digests_in "$1") || return 1
  for part in $named; do has "$part" || return 1; done
}

# An index also references manifests of other architectures, which may be missing. At least one has to be there.
image_is_whole() {
  has "$1" || return 1
  content=$(tar -xOf "$archive" "blobs/sha256/$1")
  case $content in
    *'"manifests"'*) ;;
    *)
      manifest_is_whole "$content"
      return
      ;;
  esac
  found=1
  for manifest in $(digests_in "$content"); do
    has "$manifest" || continue
    manifest_is_whole "$(tar -xOf "$archive" "blobs/sha256/$manifest")" || return 1
    found=0
  done
  return $found
}

if ! verify; then
  echo 'the archive of the images is not whole' >&2
  rm "$archive"
  exit 1
fi

# The archive has only this architecture of a multi-platform image. containerd 1.7 imports it only with an explicit
# platform. The client itself reads the archive: the transfer service of containerd 2 needs twice the processor time for
# it (7.7 instead of 3.9 s for 477 MB).
import() {
  ctr -n k8s.io images import --local --platform "linux/$arch" "$@" "$archive" 2>&1
}

# If the machine does not use the snapshotter overlayfs, unpacking by ctr may fail, and the first container unpacks the
# image instead. A full disk still counts as a failure.
failed=0
printed=$(import) || failed=1
if [ "$failed" = 1 ] && ! echo "$printed" | grep -qiE 'no space left|disk quota exceeded'; then
  failed=0
  printed=$(import --no-unpack) || failed=1
fi
echo "$printed"
rm "$archive"
exit "$failed"
