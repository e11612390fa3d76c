# The health of the kubelet and of kubeadm's static pods.
#
# Variables: manifests: directory of the static pod manifests
# Functions: processes_of, of static-pods.sh

etcd_is_well() {
  url=$(sed -n 's/.*--listen-metrics-urls=\([^, "]*\).*/\1/p' $manifests/etcd.yaml | head -n 1)
  curl --silent --max-time 2 "${url:-http://127.0.0.1:2381}/health" | grep -q '"health":"true"'
}

api_server_is_ready() {
  server=$(sed -n 's/^ *kubeadm\.kubernetes\.io\/kube-apiserver\.advertise-address\.endpoint: *//p' $manifests/kube-apiserver.yaml | tr -d "\"'")
  [ "$(kubectl --kubeconfig=/etc/kubernetes/admin.conf "--server=https://$server" --tls-server-name=kubernetes \
    --request-timeout=2s get --raw=/readyz 2>/dev/null)" = ok ]
}

# A container that exits right after its start never reaches this age.
are_steady() {
  [ $# -gt 0 ] || return
  for pid in "$@"; do
    awk -v uptime="$(cut -d ' ' -f 1 /proc/uptime)" '{ sub(/.*[)] /, ""); exit uptime - $20 / 100 < 3 }' "/proc/$pid/stat" 2>/dev/null || return
  done
}

is_steady() {
  pids=$(processes_of "$1") || return
  # shellcheck disable=SC2086 # Several processes are several words.
  are_steady $pids
}

# Prints the URL of a static pod's liveness probe, from kubeadm's manifest; nothing where the manifest has no address.
probe_of() {
  tr -d "\"'" <"$manifests/$1.yaml" | awk '
    $1 == "-" && $2 == "containerPort:" { number = $3 }
    $1 == "name:" && $2 == "probe-port" { port["probe-port"] = number }
    /^    [A-Za-z]/ { inside = $1 == "livenessProbe:" }
    inside { probe[$1] = $2 }
    END {
      host = probe["host:"]
      number = probe["port:"]
      if (number in port) number = port[number]
      if (index(host, ":") > 0) host = "[" host "]"
      if (host != "" && number ~ /^[0-9]+$/ && probe["path:"] ~ /^\//)
        print tolower(probe["scheme:"] == "" ? "http" : probe["scheme:"]) "://" host ":" number probe["path:"]
    }'
}

# True when the liveness probe of a static pod succeeds. Otherwise the pod would never be Ready.
answers() {
  url=$(probe_of "$1")
  [ -z "$url" ] || curl --globoff --silent --insecure --fail --max-time 2 --output /dev/null "$url"
}

# The address of the health endpoint can be changed in the cluster's configuration.
kubelet_is_steady() { are_steady "$(systemctl show kubelet --property=MainPID --value)"; }

# Prints the first component that is not healthy, or nothing.
unwell() {
  if ! kubelet_is_steady; then echo kubelet
  elif ! etcd_is_well; then echo etcd
  elif ! api_server_is_ready; then echo kube-apiserver
  elif ! is_steady kube-controller-manager || ! answers kube-controller-manager; then echo kube-controller-manager
  elif ! is_steady kube-scheduler || ! answers kube-scheduler; then echo kube-scheduler
  fi
}

now() { cut -d . -f 1 /proc/uptime; }

get_well() {
  until=$(($(now) + $1))
  while component=$(unwell) && [ -n "$component" ]; do
    [ "$(now)" -lt "$until" ] || return 1
    sleep 0.6
  done
}

# Prints the last line that a component logged. The container runtime adds the first three words of a line.
last_words() {
  if [ "$1" = kubelet ]; then journalctl _COMM=kubelet --output=cat --no-pager --lines=1; else
    log=$(find /var/log/pods -path "*/kube-system_$1-*" -name '*.log' -size +0 -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2-)
    [ -z "$log" ] || tail -n 1 "$log" | cut -d ' ' -f 4-
  fi | tr -d '[:cntrl:]' | cut -c 1-300
}
