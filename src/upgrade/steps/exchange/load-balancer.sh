# The state of this machine at the cluster's load balancer.
#
# Variables: node: name of the Node; balancer: "drain" or "leave"; drained: file with the page of a load balancer that
#     may have drained this machine
# Functions: note, of exchange.sh

# Sets the state of this machine at the load balancer, on the stats page that Cluster API's Docker provider configures.
set_state() {
  [ "$(curl --globoff --silent --max-time 3 --output /dev/null --write-out '%{http_code}' \
    --data "s=$node&action=$1&b=kube-apiservers" "$2")" = 303 ]
}

# Drains this machine at the load balancer, if it has the stats page and another machine is up.
drain() {
  if [ "$balancer" != drain ] || [ -e "$drained" ]; then return 0; fi
  host=$(sed -n 's/^ *server: *https:\/\///p' /etc/kubernetes/admin.conf | head -n 1 | sed 's/\/.*//; s/:[0-9]*$//')
  page="http://$host:8404/stats"
  if ! curl --globoff --silent --fail --max-time 3 "$page;csv" | awk -F , -v node="$node" '
    $1 == "kube-apiservers" && $18 == "UP" && $2 != "BACKEND" { if ($2 == node) own = 1; else other = 1 }
    END { exit !(own && other) }'; then
    echo 'not drained: the load balancer has no such page, or no other machine that is up'
    return
  fi
  # The note is written first, so that a machine that may be drained is made ready later.
  note "$page" "$drained"
  if set_state drain "$page"; then echo drained; else echo 'the load balancer does not drain'; fi
}

ready() {
  [ -e "$drained" ] || return 0
  if set_state ready "$(cat "$drained")"; then rm "$drained"; else echo 'still drained: the load balancer does not answer'; fi
}
