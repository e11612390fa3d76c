# Prints the images that kubeadm wants for the cluster ("needed <name>") and those that are there ("there <name>").
# Arguments: work directory, the cluster's ClusterConfiguration or nothing when it could not be read again.
# Leaves the configuration in the work directory.
directory=$1 configuration=$directory/cluster-configuration.yaml
set -e
[ -z "$2" ] || printf '%s' "$2" >"$configuration"
# Not in a pipe, which would hide that kubeadm cannot read the configuration.
needed=$("$directory/bin/kubeadm" config images list --config "$configuration")
# But for pause: containerd has its own, and no use for kubeadm's. Of the two kind puts only containerd's into a node image
# (kind v0.33.0, pkg/build/nodeimage/buildcontext.go).
echo "$needed" | sed '/\/pause:/d; s/^/needed /'
ctr -n k8s.io images ls -q | sed 's/^/there /'
