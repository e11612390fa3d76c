# Prints what runs on this machine, one name=value a line; changes nothing.
# Versions come from processes and manifests, never from the file that a restart would start next.

pid=$(systemctl show kubelet --property=MainPID --value)
echo "kubelet.pid=$pid"
echo "kubelet.restarts=$(systemctl show kubelet --property=NRestarts --value)"
if [ "$pid" != 0 ]; then
  # /proc/<pid>/exe is the running program even when its file was replaced.
  echo "kubelet.version=$("/proc/$pid/exe" --version 2>/dev/null | sed 's/^Kubernetes //')"
  echo "kubelet.since=$(date -d "$(systemctl show kubelet --property=ExecMainStartTimestamp --value)" +%s)"
  echo "kubelet.healthz=$(curl -s -m 3 http://127.0.0.1:10248/healthz)"
fi

for manifest in /etc/kubernetes/manifests/*.yaml; do
  [ -e "$manifest" ] && echo "manifest.$(basename "$manifest" .yaml)=$(sed -n 's/^ *image: *//p' "$manifest" | head -n 1)"
done

# One image can have several names, and containerd may name a container's image by another than its pod does: so
# each name comes with its digest.
ctr -n k8s.io images ls | awk '$1 !~ /^sha256:/ && $3 ~ /^sha256:/ { print "digest." $1 "=" $3 }'
{
  ctr -n k8s.io tasks ls | awk '$3 == "RUNNING" { print "task", $1 }'
  ctr -n k8s.io containers ls | awk '{ print "container", $1, $2 }'
} | awk '$1 == "task" { running[$2] = 1 } $1 == "container" && $2 in running { print "container." $2 "=" $3 }'
