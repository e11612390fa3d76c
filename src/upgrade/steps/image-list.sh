# Lists the images that the staged kubeadm wants for the cluster. Standard input: the cluster's ClusterConfiguration.
# Argument: work directory. Leaves in it the configuration, for root alone, and the list, each renamed into place.
# Prints "refused <why>" when kubeadm does not accept the configuration, in kubeadm's words.
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

# Prints the first line of kubeadm's error. Warnings, which begin like "W0102 03:04:05", may precede it.
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
# Not by kubeadm itself, which need not report that the disk is full.
printf '%s\n' "$listed" | cat >"$list.new"
sync "$list.new"
mv "$list.new" "$list"
