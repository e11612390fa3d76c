# Brings the Kubernetes images into containerd. Arguments: work directory, and pull or node-image.
# An archive that is not whole, or that containerd does not take, is removed: the step before then makes another.
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

# Fails unless every part of the archive has the digest that it is named after, and every part that an image of this
# machine's architecture names is there. tar itself does not miss what an archive lacks at its end.
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

# Fails where there is none.
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

# An index also names manifests of other architectures, which need not be there; one has to be.
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

# Of an image for several architectures only this one's is in the archive, which containerd 1.7 takes only if it is named.
import() {
  ctr -n k8s.io images import --platform "linux/$arch" "$@" "$archive" 2>&1
}

# What ctr unpacks with is not what the kubelet's containers use where the machine has another snapshotter than overlayfs:
# then the first container unpacks the image. A full disk is no reason for that.
failed=0
said=$(import) || failed=1
if [ "$failed" = 1 ] && ! echo "$said" | grep -qiE 'no space left|disk quota exceeded'; then
  failed=0
  said=$(import --no-unpack) || failed=1
fi
echo "$said"
rm "$archive"
exit "$failed"
