# Runs `upgrade node` of the staged kubeadm and marks its success.
#
# Arguments: work directory; role; another control plane machine with a ready API server, or "-"; directory of kubeadm
#     patches, or "-"; an UpgradeConfiguration, or ""; the version; then arguments for kubeadm. With "" for the
#     configuration, which is the last argument then, it only restores the kubelet's kubeconfig after an attempt that
#     was interrupted.
# Standard input: none
# Output: the log of kubeadm
# Exit codes: 46 a control plane machine lacks a static pod manifest, and kubeadm would treat it as a worker; 47 the
#     directory of patches is missing; 48 kubeadm-config has another version, and kubeadm was not started; otherwise
#     that of kubeadm
set -eu
directory=$1 role=$2 other=$3 patches=$4 configuration=$5
shift 5
kubelet=/etc/kubernetes/kubelet.conf
client=/etc/kubernetes/pki/apiserver-kubelet-client
# The kubelet's own kubeconfig, and the one that it uses while kubeadm runs. The second one exists as long as the
# kubelet may use it, even after an attempt that was interrupted.
own=$directory/kubelet.conf.own
detour=$directory/kubelet.conf.detour
notes=${directory%/*}/leftovers
# Removes incomplete files. If that fails, the exit code does not change.
trap 'rm -rf "$kubelet.new" "$own.new" "$detour.new" "$directory/edit" || true' EXIT

# Replaces the file $2 atomically by a copy of $1, with its mode and owner.
replace() {
  cp -p "$1" "$2.new" && sync "$2.new" && mv "$2.new" "$2"
}

# Prints the name of a kubeconfig's cluster and, on the second line, the address of its API server.
cluster_in() {
  "$directory/bin/kubectl" config view --minify --kubeconfig="$1" \
    --output='jsonpath={.clusters[0].name}{"\n"}{.clusters[0].cluster.server}{"\n"}'
}

# Points the kubelet's kubeconfig to the other API server.
take_detour() {
  replace "$kubelet" "$own"
  cluster=$(cluster_in "$own")
  # All API servers of a cluster use the same port. The load balancer, which the kubelet may use, can have another one.
  server=$(cluster_in /etc/kubernetes/controller-manager.conf 2>/dev/null | sed -n 2p)
  [ -n "$server" ] || server=$(echo "$cluster" | sed -n 2p)
  case $server in
    https://*:*[0-9]) port=${server##*:} ;;
    *) port=443 ;;
  esac
  # kubectl edits in an empty directory, because the lock file of an interrupted edit would block it.
  rm -rf "$directory/edit"
  mkdir "$directory/edit"
  cp -p "$own" "$directory/edit/kubelet.conf"
  "$directory/bin/kubectl" config set-cluster "$(echo "$cluster" | sed -n 1p)" --server="https://$other:$port" \
    --kubeconfig="$directory/edit/kubelet.conf" >/dev/null
  replace "$directory/edit/kubelet.conf" "$detour"
  rm -r "$directory/edit"
  replace "$detour" "$kubelet"
}

# Restores the kubelet's own kubeconfig, unless kubeadm has changed the API server in it.
end_detour() {
  now=$(cluster_in "$kubelet")
  taken=$(cluster_in "$detour")
  if [ "$now" = "$taken" ]; then
    replace "$own" "$kubelet"
    is_back=yes
  fi
}

# Prints the names of files that kubeadm leaves behind: copies of etcd's data, and rendered manifests of a killed run.
leftovers() {
  if [ -d /etc/kubernetes/tmp ]; then
    find /etc/kubernetes/tmp -mindepth 1 -maxdepth 1 -type d \
      \( -name 'kubeadm-backup-etcd-*' -o -name 'kubeadm-upgraded-manifests*' \) -printf '%f\n'
  fi
}

# Records which of these files exist before kubeadm runs. All others are left by this run, even if it is killed. The
# record of an interrupted run is still valid. The record consists of empty files, which a full disk cannot truncate.
remember_leftovers() {
  [ ! -d "$notes/before" ] || return 0
  rm -rf "$notes/before.new"
  mkdir -p "$notes/before.new"
  leftovers | while read -r name; do touch "$notes/before.new/$name" || exit 1; done
  mv "$notes/before.new" "$notes/before"
}

# Notes which files this run has left behind, so that only those are removed later. The notes are outside of the work
# directory, which is emptied when another attempt begins.
note_leftovers() {
  leftovers | while read -r name; do
    [ -e "$notes/before/$name" ] || touch "$notes/$name" || exit 1
  done || return
  # With an incomplete list, files of others would count as ours.
  mv "$notes/before" "$notes/before.old"
  rm -rf "$notes/before.old"
}

# Prints the last line of a static pod that was restarted repeatedly. Each of its containers has a log, numbered from 0.
# The container runtime adds the first three words of a line.
last_words() {
  log=$(find /var/log/pods -path '*/kube-system_*' -name '[1-9]*.log' -newer "$directory/upgrade.yaml" -printf '%T@ %p\n' |
    sort -n | tail -n 1 | cut -d ' ' -f 2-)
  [ -n "$log" ] || return 0
  line=$(tail -n 1 "$log" | cut -d ' ' -f 4- | tr -d '[:cntrl:]' | cut -c 1-300)
  echo "component $(basename "$(dirname "$log")"): $line"
}

# True when the kubelet has synced its pods since its start: its metrics count at least as many syncs as pods. Syncs of
# any kind count, because the first one of a pod may be an update. Fails with 3 when the kubelet does not allow reading its
# metrics: from v1.35.5 on, the certificate has no group of its own, and only the control plane's controller or kubeadm init
# binds its user.
is_settled() {
  answer=$(curl -sk -m 3 --noproxy '*' --write-out '%{http_code}' --cert "$client.crt" --key "$client.key" \
    https://127.0.0.1:10250/metrics) || return 1
  case ${answer#"${answer%???}"} in 401 | 403) return 3 ;; esac
  printf '%s\n' "$answer" |
    awk '/^kubelet_desired_pods/ { pods += $2 } /^kubelet_pod_worker_duration_seconds_count/ { looks += $2 }
      END { exit !(pods && looks >= pods) }'
}

# Waits a minute at most.
wait_until_settled() {
  for _ in $(seq 60); do
    is_settled && return
    if [ $? = 3 ]; then
      echo 'the kubelet does not allow reading its metrics, so nothing is waited for' >&2
      return
    fi
    sleep 1
  done
}

# Prints the version in kubeadm-config, to which kubeadm upgrades the static pods. Prints nothing when it cannot be
# read: kubeadm reports that error better. kubectl's cache is in the work directory and not in the home of the machine.
named_version() {
  "$directory/bin/kubectl" get configmap kubeadm-config --namespace=kube-system --kubeconfig=/etc/kubernetes/admin.conf \
    --cache-dir="$directory/cache" --request-timeout=10s --output='jsonpath={.data.ClusterConfiguration}' 2>/dev/null |
    sed -n "s/^kubernetesVersion: *[\"']\{0,1\}v\{0,1\}\([^\"' ]*\).*/v\1/p"
}

# Cleans up after an interrupted attempt. It may have restored the kubeconfig without restarting the kubelet.
if [ -e "$detour" ]; then
  end_detour
  if [ "$other" = - ]; then
    systemctl restart kubelet
    rm "$detour"
  fi
fi

# Without a configuration, the script is done.
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

# While etcd is replaced, the API server of this machine hangs. A kubelet that uses it would hang too: it has to remove
# the mirror pod of the old etcd before it starts the new one. The load balancer might lead to the same API server.
if [ "$other" != - ]; then
  take_detour
  systemctl restart kubelet
  # If a static pod's manifest disappears before the restarted kubelet has synced that pod once, the kubelet takes
  # minutes to remove it. That only costs time, so wait at most a minute.
  wait_until_settled
fi

printf '%s\n' "$configuration" | cat >"$directory/upgrade.yaml"
# When the unit is stopped, kubeadm ends, and the kubelet's kubeconfig is still restored.
trap : TERM
result=0
# The version may have changed since it was read for this upgrade.
if [ "$role" = control-plane ]; then
  named=$(named_version)
  if [ -n "$named" ] && [ "$named" != "$version" ]; then
    # Static pods that were exchanged together already have the right version.
    if [ -e "$directory/exchanged" ]; then set -- "$@" --skip-phases=control-plane; else result=48; fi
  fi
fi
[ "$result" != 0 ] || "$directory/bin/kubeadm" upgrade node "$@" || result=$?
trap - TERM
if [ "$role" = control-plane ]; then note_leftovers || echo "not all that kubeadm has left could be noted" >&2; fi

# kubeadm itself restores a local address in the kubeconfig.
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
# The exchanged manifests should be equal to those that kubeadm renders.
if [ -e "$directory/exchanged" ]; then
  moved=$(cd "$directory/rendered" && for file in *.yaml; do cmp -s "$file" "/etc/kubernetes/manifests/$file" || echo "${file%.yaml}"; done)
  if [ -n "$moved" ]; then echo "$moved" | tr '\n' ' ' | cat >"$directory/kubeadm.moved"; fi
fi
: >"$directory/kubeadm.done"
