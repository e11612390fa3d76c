# Prints what this machine is like at this moment, as one JSON document; changes nothing.
# Arguments: state directory, role, sections (words in one argument), then each path of the API to read.
# A section is a file or the outcome of a command. Its text is base64, so that nothing in it has to be escaped.
# Versions come from processes and manifests, never from the file that a restart would start next.
state=$1 role=$2 sections=" $3 "
shift 3
manifests=/etc/kubernetes/manifests
kubelet_configuration=/var/lib/kubelet/config.yaml
# kind's machines have /run in memory: a full disk does not stop an observation.
errors=$(mktemp -p /run capd-kubeadm-upgrader.XXXXXX 2>/dev/null) || errors=/dev/null
[ "$errors" = /dev/null ] || trap 'rm -f "$errors"' EXIT
# dash runs no trap for EXIT when a signal ends it. A second signal would end the programs of that trap.
trap 'trap "" TERM; exit 143' TERM

# One that hangs, as containerd's client may, keeps back its own section and not the others.
ctr() { timeout -k 1 10 ctr "$@"; }
df() { timeout -k 1 10 df "$@"; }
du() { timeout -k 1 10 du "$@"; }
# Quiet, or it prints that there are no entries where there are none.
journalctl() { timeout -k 1 10 journalctl --quiet "$@"; }
kubectl() { timeout -k 1 15 kubectl "$@"; }
systemctl() { timeout -k 1 10 systemctl "$@"; }

wanted() {
  case $sections in *" $1 "*) ;; *) return 1 ;; esac
}

# A field whose value is standard input. No section is larger than 1 MiB.
field() {
  printf ',"%s":"%s"' "$1" "$(head -c 1048576 | base64 -w 0)"
}

# A field whose value is a file, if it is there.
file() {
  if [ -f "$2" ]; then field "$1" <"$2"; fi
}

# A field whose value is the outcome of a command: its exit code and what it printed, or why it failed.
outcome() {
  name=$1
  shift
  if printed=$("$@" 2>"$errors"); then code=0; else
    code=$?
    printed=$(head -c 4096 "$errors")
  fi
  printf ',"%s":{"exitCode":%d,"text":"%s"}' "$name" "$code" "$(printf '%s' "$printed" | head -c 1048576 | base64 -w 0)"
}

# For each line "<name> <pid>" of standard input the name and the seconds for which that process has run. The kernel
# counts its start in hundredths of a second since boot, as /proc/uptime does.
ages() {
  awk -v uptime="$(cut -d ' ' -f 1 /proc/uptime)" '{
    stat = "/proc/" $2 "/stat"
    if ((getline line <stat) > 0) { sub(/.*[)] /, "", line); split(line, fields, " "); print $1, uptime - fields[20] / 100 }
    close(stat)
  }'
}

# A setting of the kubelet's configuration at its outermost level, if it has it.
kubelet_setting() {
  if [ -f "$kubelet_configuration" ]; then
    sed -n "s/^$1: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" "$kubelet_configuration" | head -n 1
  fi
}

# Where the kubelet reports its health. An address of all interfaces is none to connect to.
kubelet_health_url() {
  address=$(kubelet_setting healthzBindAddress) port=$(kubelet_setting healthzPort)
  case $address in
    '' | 0.0.0.0 | ::) address=127.0.0.1 ;;
    *:*) address="[$address]" ;;
  esac
  echo "http://$address:${port:-10248}/healthz"
}

# The process of the kubelet, if it has one. Until it runs the kubelet, the process is systemd's own.
kubelet_process() {
  pid=$(systemctl show kubelet --property=MainPID --value)
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = kubelet ]; then echo "$pid"; fi
}

# The kubelet by its own process: /proc/<pid>/exe is the running program even when its file was replaced.
running_kubelet() {
  systemctl show kubelet --property=MainPID,NRestarts,InvocationID
  pid=$(kubelet_process)
  [ -n "$pid" ] || return 0
  echo "Version=$(timeout -k 1 10 "/proc/$pid/exe" --version 2>/dev/null)"
  echo "Age=$(echo "kubelet $pid" | ages | cut -d ' ' -f 2)"
  echo "Health=$(curl --silent --noproxy '*' --max-time 3 "$(kubelet_health_url)" | head -n 1)"
}

# The last line that the kubelet itself has logged, in its present run or the one before.
kubelet_log() {
  journalctl _COMM=kubelet --output=cat --no-pager --lines=1
}

# Each running container of a pod: its id, the seconds for which it has run, and the name of its image.
running_containers() {
  tasks=$(ctr -n k8s.io tasks ls) || return
  containers=$(ctr -n k8s.io containers ls) || return
  ages=$(echo "$tasks" | awk '$3 == "RUNNING" { print $1, $2 }' | ages)
  printf '%s\n\n%s\n' "$ages" "$containers" |
    awk '!rest && NF == 2 { age[$1] = $2 } NF == 0 { rest = 1 } rest && $1 in age { print $1, age[$1], $2 }'
}

# Each process of kubeadm's own static pods: the pod's name and, each behind a dash, its arguments, its environment and what is
# mounted in its container. The kernel has them of the process itself. A machine's Node has the name of its host.
static_pod_processes() {
  tasks=$(ctr -n k8s.io tasks ls) || return
  for pod in etcd kube-apiserver kube-controller-manager kube-scheduler; do
    ids=$(ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.pod.namespace\"==kube-system,labels.\"io.kubernetes.pod.name\"==$pod-$(cat /proc/sys/kernel/hostname),labels.\"io.kubernetes.container.name\"==$pod") || return
    printf '%s\n\n%s\n' "$ids" "$tasks" |
      awk 'NF == 0 { rest = 1 } !rest { ids[$1] } rest && ($1 in ids) && $3 == "RUNNING" { print $2 }' |
      while read -r pid; do
        [ -d "/proc/$pid" ] || continue
        echo "$pod -$(base64 -w 0 <"/proc/$pid/cmdline") -$(base64 -w 0 <"/proc/$pid/environ") -$(base64 -w 0 <"/proc/$pid/mountinfo")"
      done
  done
}

# One image can have several names, so each name comes with its digest.
present_images() {
  images=$(ctr -n k8s.io images ls) || return
  echo "$images" | awk '$1 !~ /^sha256:/ && $3 ~ /^sha256:/ { print $1, $3 }'
}

# Each unit of ours, as blocks of Name=value, and the last lines of those that failed.
our_units() {
  systemctl show 'capd-kubeadm-upgrader-*.service' \
    --property=Id,ActiveState,SubState,Result,ExecMainStatus,Job,InvocationID
}

failed_logs() {
  our_units | awk -F = '$1 == "InvocationID" { id = $2 } $1 == "ActiveState" && $2 == "failed" { failed = 1 }
      $0 == "" { if (failed) print id; failed = 0 } END { if (failed) print id }' |
    while read -r id; do
      journalctl "_SYSTEMD_INVOCATION_ID=$id" --output=cat --no-pager --lines=40
    done
}

# The directory of etcd's data by its manifest, or by kubeadm's newest copy of it while that is not there.
etcd_data() {
  manifest=$manifests/etcd.yaml
  [ -f "$manifest" ] || manifest=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/etcd.yaml 2>/dev/null | head -n 1)
  directory=
  [ ! -f "$manifest" ] || directory=$(sed -n 's/.*--data-dir=\([^, "]*\).*/\1/p' "$manifest" | head -n 1)
  [ -n "$directory" ] || directory=/var/lib/etcd
  echo "$directory"
}

# The cluster's CA. With certificates elsewhere it is in the kubelet's kubeconfig alone.
cluster_ca() {
  if [ -e /etc/kubernetes/pki/ca.crt ]; then
    file ca /etc/kubernetes/pki/ca.crt
  elif [ -f /etc/kubernetes/kubelet.conf ]; then
    sed -n 's/^ *certificate-authority-data: *//p' /etc/kubernetes/kubelet.conf | head -n 1 | base64 -d 2>/dev/null | field ca
  fi
}

# What the machine is and what it runs on, as lines Name=value: files that kubeadm makes and that are missing, the version
# of cgroups, whether the kubelet's configuration allows version 1, and the version of the containerd that runs.
host_facts() {
  for needed in /etc/kubernetes/kubelet.conf "$kubelet_configuration"; do
    [ -e "$needed" ] || echo "Missing=$needed"
  done
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo Cgroups=2; else echo Cgroups=1; fi
  echo "CgroupV1=$(cgroup_v1)"
  echo "Containerd=$(ctr version | sed -n '/^Server/,$ s/^ *Version: *//p' | head -n 1)"
}

# Prints yes where failCgroupV1 is false. A configuration that the kubelet is given by a flag may have it, so without the
# flags of a kubelet that runs the answer is not known.
cgroup_v1() {
  pid=$(kubelet_process)
  flags=${pid:+$(tr '\0' '\n' <"/proc/$pid/cmdline")}
  drop_ins=$(echo "$flags" | sed -n 's/^--config-dir=//p; /^--config-dir$/ { n; p; }' | head -n 1)
  allowed=no
  # A later file wins over an earlier one, and all of them over the first.
  for configuration in "$kubelet_configuration" ${drop_ins:+"$drop_ins"/*.conf}; do
    [ -f "$configuration" ] || continue
    case $(sed -n 's/^ *"\{0,1\}failCgroupV1"\{0,1\}: *\([a-z]*\).*/\1/p' "$configuration" | tail -n 1) in
      false) allowed=yes ;;
      true) allowed=no ;;
    esac
  done
  if [ "$allowed" = no ] && [ -z "$flags" ]; then allowed=unknown; fi
  echo "$allowed"
}

# Free MiB of the file systems that hold these paths or, while one is not there yet, its nearest parent.
free_space() {
  for path in "$state" /var/lib/containerd /etc/kubernetes/tmp; do
    there=$path
    until [ -e "$there" ]; do there=$(dirname "$there"); done
    echo "$path $(df -Pk "$there" | awk 'NR == 2 { print int($4 / 1024) }')"
  done
  data=$(etcd_data)
  [ ! -d "$data" ] || echo "etcd-data $(du -sm "$data" | cut -f 1)"
}

# kubeadm gives etcd this address (etcd.yaml, listen-metrics-urls).
etcd_health() {
  url=$(sed -n 's/.*--listen-metrics-urls=\([^, "]*\).*/\1/p' $manifests/etcd.yaml | head -n 1)
  curl --silent --show-error --noproxy '*' --max-time 5 "${url:-http://127.0.0.1:2381}/health"
}

# --raw needs no discovery, whose cache kubectl would leave in the machine. A control plane machine reads from its own
# API server, whose address stands in the kubeconfig that kubeadm gives its controller manager; the certificate always
# names "kubernetes".
read_api() {
  if [ "$role" = worker ]; then
    set -- --kubeconfig=/etc/kubernetes/kubelet.conf "$@"
  else
    # Without a server kubectl would read from the load balancer, which answers for any of them.
    [ -n "$server" ] || { echo 'the address of its own API server is not known' >&2; return 1; }
    set -- --kubeconfig=/etc/kubernetes/admin.conf "--server=$server" --tls-server-name=kubernetes "$@"
  fi
  kubectl --request-timeout=10s get "$@"
}

printf '{"bootId":"%s","uptime":%s,"now":%s' "$(cat /proc/sys/kernel/random/boot_id)" "$(cut -d ' ' -f 1 /proc/uptime)" "$(date +%s)"
digest=
[ ! -f "$state/attempt.json" ] || digest=$(sha256sum <"$state/attempt.json" | cut -d ' ' -f 1)
printf ',"recordDigest":"%s"' "$digest"
file record "$state/attempt.json"
cluster_ca
if wanted host; then outcome host host_facts; fi
if wanted kubelet; then
  outcome kubelet running_kubelet
  outcome kubeletLog kubelet_log
fi
if wanted pods; then
  outcome containers running_containers
  outcome images present_images
fi
if wanted processes && [ "$role" != worker ]; then outcome processes static_pod_processes; fi
if wanted manifests; then
  printf ',"manifests":{"":""'
  for manifest in "$manifests"/*.yaml; do
    # A file with another kind of name is none of kubeadm's.
    case ${manifest##*/} in *[!A-Za-z0-9._-]*) continue ;; esac
    if [ -f "$manifest" ]; then field "${manifest##*/}" <"$manifest"; fi
  done
  printf '}'
  [ ! -d "$(etcd_data)/member" ] || printf ',"etcdData":true'
fi
if wanted units; then
  outcome units our_units
  outcome logs failed_logs
fi
if wanted work; then
  [ ! -d "$state/work" ] || field work <<LIST
$(ls -1A "$state/work")
LIST
  file workKey "$state/work/key"
  file neededImages "$state/work/images.list"
  file binariesFailed "$state/work/bin.failed"
  file imagesFailed "$state/work/images.failed"
  file exchangeRefused "$state/work/exchange.refused"
  file movedByKubeadm "$state/work/kubeadm.moved"
  [ ! -d "$state/files/applied" ] || outcome applied grep -rs . "$state/files/applied"
fi
if wanted space; then outcome space free_space; fi
if wanted etcd && [ -f "$manifests/etcd.yaml" ]; then outcome etcd etcd_health; fi
if [ $# -gt 0 ]; then
  [ "$role" = worker ] ||
    server=$(kubectl --kubeconfig=/etc/kubernetes/controller-manager.conf config view --output='jsonpath={.clusters[0].cluster.server}')
  printf ',"api":['
  separator=
  for path in "$@"; do
    printf '%s{"path":"%s"' "$separator" "$(printf '%s' "$path" | base64 -w 0)"
    outcome answer read_api "--raw=$path"
    printf '}'
    separator=,
  done
  printf ']'
fi
printf '}\n'
