# Prints the observed state of this machine as one JSON document. Changes nothing.
#
# Arguments: state directory, role, sections (names in one argument, separated by spaces), then the paths of the API to
#     read
# Standard input: none
# Output: the document, whose form is in observation-document.ts. A section is a file or the outcome of a command. Its
#     text is base64, so that nothing has to be escaped. Versions come from processes and manifests, never from files in
#     /usr/bin, which may be newer than the running programs.
# Exit code: 0, even where a section could not be observed
state=$1 role=$2 sections=" $3 "
shift 3
manifests=/etc/kubernetes/manifests
kubelet_configuration=/var/lib/kubelet/config.yaml
# /run is in memory in kind's machines, so a full disk does not prevent an observation.
errors=$(mktemp -p /run capd-kubeadm-upgrader.XXXXXX 2>/dev/null) || errors=/dev/null
[ "$errors" = /dev/null ] || trap 'rm -f "$errors"' EXIT
# dash does not run the EXIT trap when a signal ends it. While that trap runs, a second SIGTERM is ignored.
trap 'trap "" TERM; exit 143' TERM

# Time limits: a command that hangs, as containerd's client may, costs only its own section.
ctr() { timeout -k 1 10 ctr "$@"; }
df() { timeout -k 1 10 df "$@"; }
du() { timeout -k 1 10 du "$@"; }
# Without --quiet it prints a line when there are no entries.
journalctl() { timeout -k 1 10 journalctl --quiet "$@"; }
kubectl() { timeout -k 1 15 kubectl "$@"; }
systemctl() { timeout -k 1 10 systemctl "$@"; }

# True when the section is requested.
wanted() {
  case $sections in *" $1 "*) ;; *) return 1 ;; esac
}

# Prints a field whose value is standard input, at most 1 MiB of it.
field() {
  printf ',"%s":"%s"' "$1" "$(head -c 1048576 | base64 -w 0)"
}

# Prints a field whose value is the content of a file, if the file exists.
file() {
  if [ -f "$2" ]; then field "$1" <"$2"; fi
}

# Prints a field whose value is the outcome of a command: its exit code, and its output or its error message.
outcome() {
  name=$1
  shift
  if printed=$("$@" 2>"$errors"); then code=0; else
    code=$?
    printed=$(head -c 4096 "$errors")
  fi
  printf ',"%s":{"exitCode":%d,"text":"%s"}' "$name" "$code" "$(printf '%s' "$printed" | head -c 1048576 | base64 -w 0)"
}

# Reads lines "<name> <pid>" and prints lines "<name> <age of the process in seconds>". The kernel has the start of a
# process in hundredths of a second since boot (proc(5), starttime).
ages() {
  awk -v uptime="$(cut -d ' ' -f 1 /proc/uptime)" '{
    stat = "/proc/" $2 "/stat"
    if ((getline line <stat) > 0) { sub(/.*[)] /, "", line); split(line, fields, " "); print $1, uptime - fields[20] / 100 }
    close(stat)
  }'
}

# Prints a top-level setting of the kubelet's configuration, if it is set.
kubelet_setting() {
  if [ -f "$kubelet_configuration" ]; then
    sed -n "s/^$1: *[\"']\{0,1\}\([^\"' ]*\).*/\1/p" "$kubelet_configuration" | head -n 1
  fi
}

# Prints the URL of the kubelet's health endpoint. A wildcard address is replaced, since nothing can connect to it.
kubelet_health_url() {
  address=$(kubelet_setting healthzBindAddress) port=$(kubelet_setting healthzPort)
  case $address in
    '' | 0.0.0.0 | ::) address=127.0.0.1 ;;
    *:*) address="[$address]" ;;
  esac
  echo "http://$address:${port:-10248}/healthz"
}

# Prints the pid of the kubelet, if it is running. Before its exec, the main process of the unit is still systemd.
kubelet_process() {
  pid=$(systemctl show kubelet --property=MainPID --value)
  if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = kubelet ]; then echo "$pid"; fi
}

# Prints the state of the kubelet. /proc/<pid>/exe is the running program, even after its file was replaced.
running_kubelet() {
  systemctl show kubelet --property=MainPID,NRestarts,InvocationID
  pid=$(kubelet_process)
  [ -n "$pid" ] || return 0
  echo "Version=$(timeout -k 1 10 "/proc/$pid/exe" --version 2>/dev/null)"
  echo "Age=$(echo "kubelet $pid" | ages | cut -d ' ' -f 2)"
  echo "Health=$(curl --silent --noproxy '*' --max-time 3 "$(kubelet_health_url)" | head -n 1)"
}

# Prints the last line that the kubelet logged, in its current or previous run.
kubelet_log() {
  journalctl _COMM=kubelet --output=cat --no-pager --lines=1
}

# Prints the running containers of pods: id, age in seconds, and name of the image.
running_containers() {
  tasks=$(ctr -n k8s.io tasks ls) || return
  containers=$(ctr -n k8s.io containers ls) || return
  ages=$(echo "$tasks" | awk '$3 == "RUNNING" { print $1, $2 }' | ages)
  printf '%s\n\n%s\n' "$ages" "$containers" |
    awk '!rest && NF == 2 { age[$1] = $2 } NF == 0 { rest = 1 } rest && $1 in age { print $1, age[$1], $2 }'
}

# Prints the processes of kubeadm's static pods: the name of the pod and, each after a dash and in base64, the arguments,
# the environment and the mounts of the process, from the kernel. The Node of a machine has the name of its host.
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

# Prints the names of images with their digests. An image can have several names.
present_images() {
  images=$(ctr -n k8s.io images ls) || return
  echo "$images" | awk '$1 !~ /^sha256:/ && $3 ~ /^sha256:/ { print $1, $3 }'
}

# Prints the units of this service, as blocks of Name=value.
our_units() {
  systemctl show 'capd-kubeadm-upgrader-*.service' \
    --property=Id,ActiveState,SubState,Result,ExecMainStatus,Job,InvocationID
}

# Prints the last lines that failed units of this service logged.
failed_logs() {
  our_units | awk -F = '$1 == "InvocationID" { id = $2 } $1 == "ActiveState" && $2 == "failed" { failed = 1 }
      $0 == "" { if (failed) print id; failed = 0 } END { if (failed) print id }' |
    while read -r id; do
      journalctl "_SYSTEMD_INVOCATION_ID=$id" --output=cat --no-pager --lines=40
    done
}

# Prints etcd's data directory. It comes from the manifest, or from kubeadm's newest backup while the manifest is
# missing.
etcd_data() {
  manifest=$manifests/etcd.yaml
  [ -f "$manifest" ] || manifest=$(ls -dt /etc/kubernetes/tmp/kubeadm-backup-manifests-*/etcd.yaml 2>/dev/null | head -n 1)
  directory=
  [ ! -f "$manifest" ] || directory=$(sed -n 's/.*--data-dir=\([^, "]*\).*/\1/p' "$manifest" | head -n 1)
  [ -n "$directory" ] || directory=/var/lib/etcd
  echo "$directory"
}

# Prints the cluster's CA. Where kubeadm's certificatesDir is another one, only the kubelet's kubeconfig has the CA.
cluster_ca() {
  if [ -e /etc/kubernetes/pki/ca.crt ]; then
    file ca /etc/kubernetes/pki/ca.crt
  elif [ -f /etc/kubernetes/kubelet.conf ]; then
    sed -n 's/^ *certificate-authority-data: *//p' /etc/kubernetes/kubelet.conf | head -n 1 | base64 -d 2>/dev/null | field ca
  fi
}

# Prints facts about the machine and its host as lines Name=value: missing files of kubeadm, the version of cgroups,
# whether the kubelet's configuration allows cgroup v1, and the version of the running containerd.
host_facts() {
  for needed in /etc/kubernetes/kubelet.conf "$kubelet_configuration"; do
    [ -e "$needed" ] || echo "Missing=$needed"
  done
  if [ -e /sys/fs/cgroup/cgroup.controllers ]; then echo Cgroups=2; else echo Cgroups=1; fi
  echo "CgroupV1=$(cgroup_v1)"
  echo "Containerd=$(ctr version | sed -n '/^Server/,$ s/^ *Version: *//p' | head -n 1)"
}

# Prints yes where failCgroupV1 is false for the kubelet, no where it is not, and unknown while the kubelet does not
# run: a flag may name a directory of further configuration files.
cgroup_v1() {
  pid=$(kubelet_process)
  flags=${pid:+$(tr '\0' '\n' <"/proc/$pid/cmdline")}
  drop_ins=$(echo "$flags" | sed -n 's/^--config-dir=//p; /^--config-dir$/ { n; p; }' | head -n 1)
  # Later files override earlier ones, and the flag overrides all files (kubernetes, cmd/kubelet/app/server.go).
  fails=$({
    if [ -f "$kubelet_configuration" ]; then echo "$kubelet_configuration"; fi
    if [ -d "$drop_ins" ]; then find "$drop_ins" -name '*.conf' ! -type d | LC_ALL=C sort; fi
  } | while IFS= read -r configuration; do
    sed -n 's/^\([^#]*[{, "'"'"']\)\{0,1\}failCgroupV1["'"'"']\{0,1\} *: *\([a-z]*\).*/\2/p' "$configuration"
  done | grep -x 'true\|false' | tail -n 1)
  flag=$(echo "$flags" | sed -n 's/^--fail-cgroupv1$/true/p; s/^--fail-cgroupv1=//p' | tail -n 1)
  case ${flag:-$fails} in
    false | False | FALSE | f | F | 0) echo yes ;;
    *) if [ -n "$flags" ]; then echo no; else echo unknown; fi ;;
  esac
}

# Prints paths with the free MiB of their file systems. For a path that does not exist, its nearest parent counts.
free_space() {
  for path in "$state" /var/lib/containerd /etc/kubernetes/tmp; do
    there=$path
    until [ -e "$there" ]; do there=$(dirname "$there"); done
    echo "$path $(df -Pk "$there" | awk 'NR == 2 { print int($4 / 1024) }')"
  done
  data=$(etcd_data)
  [ ! -d "$data" ] || echo "etcd-data $(du -sm "$data" | cut -f 1)"
}

# Prints the health of the etcd member. kubeadm sets the address in etcd.yaml (listen-metrics-urls).
etcd_health() {
  url=$(sed -n 's/.*--listen-metrics-urls=\([^, "]*\).*/\1/p' $manifests/etcd.yaml | head -n 1)
  curl --silent --show-error --noproxy '*' --max-time 5 "${url:-http://127.0.0.1:2381}/health"
}

# Reads from the cluster's API. Callers pass --raw, which needs no discovery: kubectl would leave a discovery cache in
# the machine. A control plane machine reads from its own API server. Its address is in the kubeconfig of the controller
# manager, and its certificate always names "kubernetes".
read_api() {
  if [ "$role" = worker ]; then
    set -- --kubeconfig=/etc/kubernetes/kubelet.conf "$@"
  else
    # Without --server, kubectl would read from the load balancer, and thus from any API server.
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
    # kubeadm writes no file with such a name.
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
