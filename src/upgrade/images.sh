# Prints the images that kubeadm wants for the cluster ("needed <name>") and those that are there ("there <name>").
# Arguments: work directory, role. Leaves the cluster's configuration in the work directory.
directory=$1 role=$2
configuration=$directory/cluster-configuration.yaml
set -e

kubeconfig=/etc/kubernetes/kubelet.conf
[ "$role" = control-plane ] && kubeconfig=/etc/kubernetes/admin.conf
if [ ! -s "$configuration" ]; then
  kubectl --kubeconfig "$kubeconfig" --request-timeout=10s --namespace kube-system \
    get configmap kubeadm-config --output 'jsonpath={.data.ClusterConfiguration}' >"$configuration.new"
  mv "$configuration.new" "$configuration"
fi
"$directory/bin/kubeadm" config images list --config "$configuration" 2>/dev/null | sed 's/^/needed /'
ctr -n k8s.io images ls -q | sed 's/^/there /'
