# Lists the images that the staged kubeadm needs for the cluster.
#
# Argument: work directory
# Standard input: the ClusterConfiguration
# Output: in the work directory the configuration, readable only for root, and images.list; "refused <kubeadm's error>"
#     when kubeadm does not accept the configuration
# Exit code: 0, or another one after a failure
set -eu
umask 077
directory=$1
configuration=$directory/cluster-configuration.yaml list=$directory/images.list
trap 'rm -f "$configuration.new" "$list.new"' EXIT

cat >"$configuration.new"
sync "$configuration.new"
mv "$configuration.new" "$configuration"

list_images() {
  "$directory/bin/kubeadm" config images list --config "$configuration"
}

# Prints the first line of kubeadm's error. Warnings may precede it; they begin like "W0102 03:04:05".
refusal() {
  { list_images 2>&1 >/dev/null || true; } |
    grep -vE '^[IWEF][0-9]{4} |^To see the stack trace|^[[:space:]]*$' | head -n 1 | tr -d '[:cntrl:]'
}

status=0
listed=$(list_images 2>/dev/null) || status=$?
case $status in
  0) ;;
  # kubeadm app/util/error.go: an error, or one of validation.
  1 | 3)
    echo "refused $(refusal)"
    exit
    ;;
  *) exit "$status" ;;
esac
# Written by cat, because kubeadm may not report a full disk.
printf '%s\n' "$listed" | cat >"$list.new"
sync "$list.new"
mv "$list.new" "$list"
