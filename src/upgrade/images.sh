# Prints the images that kubeadm wants for the cluster ("needed <name>") and those that are there ("there <name>"); or
# "refused <why>" when kubeadm does not accept the cluster's ClusterConfiguration, in kubeadm's words.
# Arguments: work directory, length of the configuration in bytes. Standard input: the configuration, or nothing when it
# could not be read again. Keeps the configuration in the work directory, for root alone.
set -eu
directory=$1 length=$2
configuration=$directory/cluster-configuration.yaml
umask 077
# One at a time.
exec 9<"$directory"
flock 9
trap 'rm -f "$configuration.new"' EXIT

if [ "$length" != 0 ]; then
  head -c "$length" >"$configuration.new"
  # One that arrives cut off would be another configuration.
  [ "$(wc -c <"$configuration.new")" = "$length" ]
  if ! cmp -s "$configuration.new" "$configuration"; then
    sync "$configuration.new"
    mv "$configuration.new" "$configuration"
  fi
fi
[ -e "$configuration" ]

list_images() {
  "$directory/bin/kubeadm" config images list --config "$configuration"
}

# Prints the first line of kubeadm's error. Warnings, which begin like "W0102 03:04:05", may precede it.
refusal() {
  { list_images 2>&1 >/dev/null || true; } |
    grep -vE '^[IWEF][0-9]{4} |^To see the stack trace|^[[:space:]]*$' | head -n 1 | tr -d '[:cntrl:]'
}

status=0
needed=$(list_images 2>/dev/null) || status=$?
case $status in
  0) ;;
  # kubeadm app/util/error.go: an error, or one of validation.
  1 | 3)
    echo "refused $(refusal)"
    exit
    ;;
  *) exit "$status" ;;
esac
there=$(ctr -n k8s.io images ls -q)
# But for pause: containerd has its own, and no use for kubeadm's. Of the two kind puts only containerd's into a node image
# (kind v0.33.0, pkg/build/nodeimage/buildcontext.go).
echo "$needed" | sed '/\/pause:/d; s/^/needed /'
if [ -n "$there" ]; then echo "$there" | sed 's/^/there /'; fi
