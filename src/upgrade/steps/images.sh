# Brings the Kubernetes images into containerd. Arguments: work directory, and pull or node-image.
set -eu
directory=$1
if [ "$2" = pull ]; then
  "$directory/bin/kubeadm" config images pull --config "$directory/cluster-configuration.yaml"
else
  ctr -n k8s.io images import "$directory/images.tar"
  rm "$directory/images.tar"
fi
