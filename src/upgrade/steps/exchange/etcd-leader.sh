# The leadership of etcd's members.
#
# Variables: manifests: directory of the static pod manifests

# Prints the value of a flag in etcd's manifest.
etcd_flag() { sed -n "s/^ *- *--$1=\([^, \"]*\).*/\1/p" $manifests/etcd.yaml | head -n 1; }

# Calls etcd's API on this machine. kubeadm's certificate of the server is one of a client, too.
etcd_api() {
  curl --globoff --silent --fail --max-time 2 --cacert "$(etcd_flag trusted-ca-file)" --cert "$(etcd_flag cert-file)" \
    --key "$(etcd_flag key-file)" --data "$2" "$(etcd_flag listen-client-urls)/v3/$1"
}

# Prints the numbers in a field of etcd's answer.
numbers_in() { grep -o "\"$1\": *\"[0-9]*\"" | grep -o '[0-9]*' || true; }

# Moves etcd's leadership to another member. etcd does so when it ends, but then the host is busy, and what is written
# until the others have elected a leader may be lost until its client gives up.
move_leader() {
  status=$(etcd_api maintenance/status '{}') || return 0
  own=$(echo "$status" | numbers_in member_id)
  [ -n "$own" ] && [ "$own" = "$(echo "$status" | numbers_in leader)" ] || return 0
  members=$(etcd_api cluster/member/list '{}') || return 0
  for member in $(echo "$members" | numbers_in ID); do
    if [ "$member" = "$own" ]; then continue; fi
    if etcd_api maintenance/transfer-leadership "{\"targetID\":\"$member\"}" >/dev/null; then
      echo "etcd's leadership has moved to $member"
      return
    fi
  done
}
