# Lets the staged kubeadm render the manifests of this machine's static pods, into the work directory and nowhere else.
# kubeadm's `init` and `upgrade node` render them by the same functions; this needs no API and takes a tenth of a second.
# Arguments: work directory, name of the Node, version, directory of kubeadm patches or "-".
# Leaves rendered/ with four manifests, and etcd.kept if etcd's manifest is the one in place. If they would differ from what
# `upgrade node` renders, it leaves exchange.refused with the reason instead. Exit codes: 46: a static pod has no manifest; 47: the directory of patches is missing.
set -eu
umask 077
directory=$1 node=$2 version=$3 patches=$4
manifests=/etc/kubernetes/manifests
pods='kube-apiserver kube-controller-manager kube-scheduler etcd'
new=$directory/rendered.new configuration=$directory/render.yaml refused=$directory/exchange.refused
trap 'rm -rf "$new" "$configuration" "$refused.new"' EXIT

# Renamed into place by an earlier run.
[ ! -e "$directory/rendered" ] || exit 0
for name in $pods; do [ -e "$manifests/$name.yaml" ] || exit 46; done
[ "$patches" = - ] || [ -d "$patches" ] || exit 47

refuse() {
  printf '%s\n' "$1" | tr -d '[:cntrl:]' | cut -c 1-300 | cat >"$refused.new"
  sync "$refused.new"
  mv "$refused.new" "$refused"
  exit 0
}

# The tag of the image in a manifest.
tag_in() {
  sed -n 's/^ *image: *//p' "$1" | head -n 1 | tr -d "\"'" | sed 's/@.*//; s/.*://'
}

versions=$(for name in kube-apiserver kube-controller-manager kube-scheduler; do tag_in "$manifests/$name.yaml"; done)
# What comes from a subshell is assigned first, here and below: then one that is killed ends the script.
different=$(echo "$versions" | sort -u | wc -l)
# They are in the middle of an exchange, too, which goes on: what there was before it is kept.
[ "$different" = 1 ] || [ -d "$directory/before" ] || refuse 'the static pods are of several versions'
# kubeadm makes users of its own for it, which no dry run does.
if grep -Eq 'RootlessControlPlane"?: *"?true' "$directory/cluster-configuration.yaml"; then
  refuse 'the feature gate RootlessControlPlane is on'
fi

# IPv6 addresses have brackets here, and quotes around them.
endpoint=$(sed -n 's/^ *kubeadm\.kubernetes\.io\/kube-apiserver\.advertise-address\.endpoint: *//p' "$manifests/kube-apiserver.yaml" |
  tr -d "\"'")
address=$(echo "${endpoint%:*}" | tr -d '[]')
port=${endpoint##*:}
case $address in '' | *[!0-9A-Fa-f.:]*) refuse 'the manifest of kube-apiserver has no advertise address' ;; esac
case $port in '' | *[!0-9]*) refuse 'the manifest of kube-apiserver has no advertise address' ;; esac

patching=
[ "$patches" = - ] || patching=",\"patches\":{\"directory\":\"$patches\"}"
rm -rf "$new"
mkdir "$new"
{
  cat "$directory/cluster-configuration.yaml"
  printf '\n---\n{"apiVersion":"kubeadm.k8s.io/v1beta4","kind":"InitConfiguration","nodeRegistration":{"name":"%s"}' "$node"
  printf ',"localAPIEndpoint":{"advertiseAddress":"%s","bindPort":%s}%s}\n' "$address" "$port" "$patching"
} | cat >"$configuration"

# In a dry run kubeadm writes into this directory alone (kubeadm v1.35.4 cmd/init.go, constants.CreateRandomDir).
for phase in 'control-plane all' 'etcd local'; do
  # shellcheck disable=SC2086 # Two words.
  printed=$(KUBEADM_INIT_DRYRUN_DIR=$new "$directory/bin/kubeadm" init phase $phase --dry-run --config "$configuration" 2>&1) && continue
  case $printed in
    *'o space left on device'*)
      echo 'no space left on device'
      exit 1
      ;;
  esac
  refuse "kubeadm init phase $phase: $(echo "$printed" | grep -i '^error' | head -n 1)"
done
for name in $pods; do
  [ -s "$new/$name.yaml" ] || refuse "kubeadm renders no manifest of $name"
  tag=$(tag_in "$new/$name.yaml")
  [ "$name" = etcd ] || [ "$tag" = "$version" ] || refuse "kubeadm renders another version of $name"
done
# kubeadm leaves an etcd that is newer as it is.
running=$(tag_in "$manifests/etcd.yaml")
wanted=$(tag_in "$new/etcd.yaml")
older=$(printf '%s\n' "$running" "$wanted" | sort -V | head -n 1)
[ "$older" = "$running" ] || refuse "etcd runs $running, which is newer than $wanted"
# The manifest of a member that has joined names the others. etcd reads these arguments only while it has no data, so a
# difference in them is no reason to exchange it.
without_members() { grep -Ev -- '--initial-cluster(-state)?=' "$1"; }
rm -f "$directory/etcd.kept"
kept=$(without_members "$manifests/etcd.yaml")
other=$(without_members "$new/etcd.yaml")
if [ "$kept" = "$other" ]; then
  cp "$manifests/etcd.yaml" "$new/etcd.yaml"
  : >"$directory/etcd.kept"
fi

chmod 0600 "$new"/*.yaml
sync "$new"/*.yaml
mv -T "$new" "$directory/rendered"
