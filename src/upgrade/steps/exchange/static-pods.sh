# The processes of kubeadm's static pods.
#
# Variables: node: name of the Node; stop_seconds: seconds that the API server gets to terminate

servers='kube-scheduler kube-controller-manager kube-apiserver'

# Prints the processes of one of kubeadm's static pods. Other pods may have processes of the same name.
processes_of() {
  ids=$(timeout -k 1 10 ctr -n k8s.io containers ls -q "labels.\"io.kubernetes.pod.namespace\"==kube-system,labels.\"io.kubernetes.pod.name\"==$1-$node,labels.\"io.kubernetes.container.name\"==$1") || return
  tasks=$(timeout -k 1 10 ctr -n k8s.io tasks ls) || return
  printf '%s\n\n%s\n' "$ids" "$tasks" |
    awk 'NF == 0 { rest = 1 } !rest { ids[$1] } rest && ($1 in ids) && $3 == "RUNNING" { print $2 }'
}

alive() {
  for pid in "$@"; do
    if kill -0 "$pid" 2>/dev/null; then return 0; fi
  done
  return 1
}

# Terminates a static pod. The kubelet is stopped, so it does not restart the pod.
end() {
  pids=$(processes_of "$1") || return
  # shellcheck disable=SC2086 # Several processes are several words.
  set -- "$1" "$2" $pids
  name=$1 left=$(($2 * 20))
  shift 2
  [ $# -gt 0 ] || return 0
  kill -TERM "$@" 2>/dev/null || true
  while alive "$@"; do
    if [ "$left" = 0 ]; then
      echo "$name had to be killed"
      kill -KILL "$@" 2>/dev/null || true
    fi
    left=$((left - 1))
    sleep 0.05
  done
  echo "$name has ended"
}

# Terminates these static pods: the API server together with its clients, so that it does not wait for them, and etcd
# last, so that no watch delays it.
end_all() {
  waiting=
  for name in $servers; do
    case " $* " in *" $name "*) ;; *) continue ;; esac
    if [ "$name" = kube-apiserver ]; then seconds=$stop_seconds; else seconds=5; fi
    end "$name" "$seconds" &
    waiting="$waiting $!"
  done
  for job in $waiting; do wait "$job"; done
  case " $* " in *" etcd "*) end etcd 15 ;; esac
}
