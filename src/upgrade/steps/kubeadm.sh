# Runs the staged kubeadm's `upgrade node` and marks its success. Arguments: work directory, role, another control plane
# machine that serves or "-", directory of kubeadm patches or "-", an UpgradeConfiguration or "", the version, kubeadm's own.
# Without a configuration, the last of its arguments then, it only gives the kubelet its own API server back, after an
# attempt that was cut off.
# Exit codes: 46: a control plane lacks a static pod manifest, and kubeadm would take it for a worker; 47: the directory of
# patches is missing; 48: kubeadm-config names another version by now, and kubeadm was not started; else kubeadm's.
set -eu
directory=$1 role=$2 other=$3 patches=$4 configuration=$5
shift 5
kubelet=/etc/kubernetes/kubelet.conf
client=/etc/kubernetes/pki/apiserver-kubelet-client
# The kubelet's own kubeconfig, and the one that it has while kubeadm runs. The second exists as long as the kubelet may
# use it: also after an attempt that was cut off.
own=$directory/kubelet.conf.own
detour=$directory/kubelet.conf.detour
notes=${directory%/*}/leftovers
# What is written in part when the run ends early. Where that fails, the exit code stays the one of before.
trap 'rm -rf "$kubelet.new" "$own.new" "$detour.new" "$directory/edit" || true' EXIT

# Puts a copy of the file $1, with its mode and owner, in the place of $2: a reader finds the old file or the new one.
replace() {
  cp -p "$1" "$2.new" && sync "$2.new" && mv "$2.new" "$2"
}

# Prints the name of a kubeconfig's cluster and, on the second line, the address of its API server.
cluster_in() {
  "$directory/bin/kubectl" config view --minify --kubeconfig="$1" \
    --output='jsonpath={.clusters[0].name}{"\n"}{.clusters[0].cluster.server}{"\n"}'
}

# Gives the kubelet a kubeconfig that names the other API server.
take_detour() {
  replace "$kubelet" "$own"
  cluster=$(cluster_in "$own")
  # All API servers of a cluster have one port. The load balancer, which the kubelet may have, can have another.
  server=$(cluster_in /etc/kubernetes/controller-manager.conf 2>/dev/null | sed -n 2p)
  [ -n "$server" ] || server=$(echo "$cluster" | sed -n 2p)
  case $server in
    https://*:*[0-9]) port=${server##*:} ;;
    *) port=443 ;;
  esac
  # kubectl edits in an empty directory: the lock file of an edit that was cut off would stand in its way.
  rm -rf "$directory/edit"
  mkdir "$directory/edit"
  cp -p "$own" "$directory/edit/kubelet.conf"
  "$directory/bin/kubectl" config set-cluster "$(echo "$cluster" | sed -n 1p)" --server="https://$other:$port" \
    --kubeconfig="$directory/edit/kubelet.conf" >/dev/null
  replace "$directory/edit/kubelet.conf" "$detour"
  rm -r "$directory/edit"
  replace "$detour" "$kubelet"
}

# Gives the kubelet its own kubeconfig back, unless kubeadm has given it another API server meanwhile.
end_detour() {
  now=$(cluster_in "$kubelet")
  taken=$(cluster_in "$detour")
  if [ "$now" = "$taken" ]; then
    replace "$own" "$kubelet"
    is_back=yes
  fi
}

# Prints the names of what runs of kubeadm leave and nobody needs: copies of etcd's data, and, where one was killed, the
# manifests that it had rendered.
leftovers() {
  if [ -d /etc/kubernetes/tmp ]; then
    find /etc/kubernetes/tmp -mindepth 1 -maxdepth 1 -type d \
      \( -name 'kubeadm-backup-etcd-*' -o -name 'kubeadm-upgraded-manifests*' \) -printf '%f\n'
  fi
}

# Remembers what is there before kubeadm runs: all else is this run's, also where it is killed. What an earlier run of
# ours remembered and did not come to note is still valid. Empty files are not cut off by a full disk; whole or not at all.
remember_leftovers() {
  [ ! -d "$notes/before" ] || return 0
  rm -rf "$notes/before.new"
  mkdir -p "$notes/before.new"
  leftovers | while read -r name; do touch "$notes/before.new/$name" || exit 1; done
  mv "$notes/before.new" "$notes/before"
}

# Notes what this run has left: that and nothing else is removed later. The notes are not kept in the work directory,
# which goes when another attempt begins.
note_leftovers() {
  leftovers | while read -r name; do
    [ -e "$notes/before/$name" ] || touch "$notes/$name" || exit 1
  done || return
  # Half a list would take others' for ours.
  mv "$notes/before" "$notes/before.old"
  rm -rf "$notes/before.old"
}

# Prints the last line of the static pod that did not come up, if one was started again and again meanwhile: each of its
# containers has a log of its own, numbered from 0. The first three words of a line are the runtime's.
last_words() {
  log=$(find /var/log/pods -path '*/kube-system_*' -name '[1-9]*.log' -newer "$directory/upgrade.yaml" -printf '%T@ %p\n' |
    sort -n | tail -n 1 | cut -d ' ' -f 2-)
  [ -n "$log" ] || return 0
  line=$(tail -n 1 "$log" | cut -d ' ' -f 4- | tr -d '[:cntrl:]' | cut -c 1-300)
  echo "component $(basename "$(dirname "$log")"): $line"
}

# The kubelet has looked at its pods since it began: its own metrics count as many looks as pods. Looks of any kind, since
# the first one at a pod may be for an update.
is_settled() {
  curl -sk -m 3 --noproxy '*' --cert "$client.crt" --key "$client.key" https://127.0.0.1:10250/metrics |
    awk '/^kubelet_desired_pods/ { pods += $2 } /^kubelet_pod_worker_duration_seconds_count/ { looks += $2 }
      END { exit !(pods && looks >= pods) }'
}

# Prints the version that kubeadm-config names, to which kubeadm takes the static pods; nothing where it cannot be read,
# which kubeadm says better. kubectl's cache goes with the work directory, and not into the machine's home.
named_version() {
  "$directory/bin/kubectl" get configmap kubeadm-config --namespace=kube-system --kubeconfig=/etc/kubernetes/admin.conf \
    --cache-dir="$directory/cache" --request-timeout=10s --output='jsonpath={.data.ClusterConfiguration}' 2>/dev/null |
    sed -n "s/^kubernetesVersion: *[\"']\{0,1\}v\{0,1\}\([^\"' ]*\).*/v\1/p"
}

# What an attempt that was cut off has left. It may also have put the kubeconfig back and not come to the restart.
if [ -e "$detour" ]; then
  end_detour
  if [ "$other" = - ]; then
    systemctl restart kubelet
    rm "$detour"
  fi
fi

# Without a configuration that was all.
[ -n "$configuration" ] || exit 0
version=$1
shift

[ "$patches" = - ] || [ -d "$patches" ] || exit 47

if [ "$role" = control-plane ]; then
  for name in kube-apiserver kube-controller-manager kube-scheduler; do
    [ -e "/etc/kubernetes/manifests/$name.yaml" ] || exit 46
  done
  remember_leftovers
fi

# While etcd is exchanged the API server beside it hangs, and with it a kubelet that talks to that one: it cannot bring
# the new etcd up before it has removed the old one's mirror pod. The load balancer might lead to that very one.
if [ "$other" != - ]; then
  take_detour
  systemctl restart kubelet
  # One that loses a static pod before it has looked at it lets go of it minutes later. That is slow and not wrong, so
  # kubeadm goes on after a minute.
  for _ in $(seq 60); do is_settled && break || sleep 1; done
fi

printf '%s\n' "$configuration" | cat >"$directory/upgrade.yaml"
# A unit that is stopped ends kubeadm; the kubelet gets its own API server back all the same.
trap : TERM
result=0
# It may have been changed since it was read for this upgrade.
if [ "$role" = control-plane ]; then
  named=$(named_version)
  if [ -n "$named" ] && [ "$named" != "$version" ]; then
    # The static pods that were exchanged together are those of the right version already.
    if [ -e "$directory/exchanged" ]; then set -- "$@" --skip-phases=control-plane; else result=48; fi
  fi
fi
[ "$result" != 0 ] || "$directory/bin/kubeadm" upgrade node "$@" || result=$?
trap - TERM
if [ "$role" = control-plane ]; then note_leftovers || echo "not all that kubeadm has left could be noted" >&2; fi

# kubeadm puts a local address back itself where it has one there.
if [ -e "$detour" ]; then
  is_back=
  end_detour
  if [ "$is_back" = yes ]; then systemctl restart kubelet; fi
  rm "$detour"
fi
if [ "$result" != 0 ]; then
  last_words 2>/dev/null || true
  exit "$result"
fi
# What was exchanged before should be what kubeadm renders.
if [ -e "$directory/exchanged" ]; then
  moved=$(cd "$directory/rendered" && for file in *.yaml; do cmp -s "$file" "/etc/kubernetes/manifests/$file" || echo "${file%.yaml}"; done)
  if [ -n "$moved" ]; then echo "$moved" | tr '\n' ' ' | cat >"$directory/kubeadm.moved"; fi
fi
: >"$directory/kubeadm.done"
