# Prints the first place that has too little free space, and the MiB needed there; nothing when all is well.
# Argument: MiB that downloads and images need.
need=$1

# Free MiB of the file system that holds the path or, while that is not there yet, its nearest parent.
free() {
  path=$1
  until [ -e "$path" ]; do path=$(dirname "$path"); done
  df -Pk "$path" | awk 'NR == 2 { print int($4 / 1024) }'
}

etcd=0
[ -d /var/lib/etcd ] && etcd=$(du -sm /var/lib/etcd | cut -f1)

for place in /var/lib/capd-kubeadm-upgrader /var/lib/containerd; do
  if [ "$(free "$place")" -lt "$need" ]; then
    echo "$place $need"
    exit
  fi
done
if [ "$(free /etc/kubernetes/tmp)" -lt $((need + etcd)) ]; then
  echo "/etc/kubernetes/tmp $((need + etcd))"
fi
