# Prints the first place that has too little free space, and the MiB needed there; nothing when all is well.
# Argument: MiB that downloads and images need.
set -eu
need=$1

# Free MiB of the file system that holds the path or, while that is not there yet, its nearest parent.
free() {
  path=$1
  until [ -e "$path" ]; do path=$(dirname "$path"); done
  df -Pk "$path" | awk 'NR == 2 { print int($4 / 1024); found = 1 } END { exit !found }'
}

etcd=0
if [ -d /var/lib/etcd ]; then etcd=$(du -sm /var/lib/etcd | awk '{ print $1; found = 1 } END { exit !found }'); fi

for place in /var/lib/capd-kubeadm-upgrader /var/lib/containerd; do
  mebibytes=$(free "$place")
  if [ "$mebibytes" -lt "$need" ]; then
    echo "$place $need"
    exit
  fi
done
mebibytes=$(free /etc/kubernetes/tmp)
if [ "$mebibytes" -lt $((need + etcd)) ]; then
  echo "/etc/kubernetes/tmp $((need + etcd))"
fi
