#!/bin/sh
# Makes a cluster of the six nodes that NODES names: the first three get the slots, the others are their replicas. Each
# step is repeated until it has an effect and does nothing where it had, so this may run again: nodes whose addresses
# have all changed are introduced to each other. `redis-cli --cluster create` introduces nodes once, and may wait for ever.
set -eu
# only the environment hides a password from other users
export REDISCLI_AUTH="${REDIS_CLUSTER_PASSWORD:?run deploy/passwords.sh}"
tls=
if [ -s /run/secrets/redis-ca ]; then tls="--tls --cacert /run/secrets/redis-ca"; fi
# the options are split on purpose
# shellcheck disable=SC2086
ask() { host=$1; shift; redis-cli --no-auth-warning $tls --user cluster -h "$host" "$@"; }
# what a node says of itself: its id, its role, and how many ranges of slots it has
own() { ask "$1" cluster nodes | awk '$3 ~ /myself/ { print $1, ($3 ~ /master/ ? "master" : "replica"), NF - 8 }'; }
# how many nodes a node is connected to, itself among them
connected() { ask "$1" cluster nodes | awk '$3 !~ /handshake|noaddr/ && $8 == "connected"' | wc -l; }

for node in $NODES; do
  until answer=$(ask "$node" ping 2>&1) && [ "$answer" = PONG ]; do
    case $answer in *WRONGPASS*)
      echo "create.sh: $node does not know the user cluster with this password: start it with CLUSTER_HOSTNAME," \
        "which deploy/cluster.env sets" >&2
      exit 1 ;;
    esac
    echo "waiting for $node" >&2
    sleep 2
  done
done
# shellcheck disable=SC2086
set -- $NODES

# Each node introduces all others, by their numbers. It may know where they were once.
introduce() {
  for node in $NODES; do
    for other in $NODES; do
      if [ "$node" != "$other" ] && [ "$(connected "$node")" -lt 6 ]; then
        ask "$node" cluster meet "$(getent hosts "$other" | awk 'NR == 1 { print $1 }')" 6379 > /dev/null
      fi
    done
  done
}
strangers=1
while [ "$strangers" -gt 0 ]; do
  introduce
  sleep 1
  strangers=0
  for node in $NODES; do
    [ "$(connected "$node")" -ge 6 ] || strangers=$((strangers + 1))
  done
done

if ! ask "$1" cluster info | grep -q '^cluster_slots_assigned:16384'; then
  # a range that a node has already is refused, which changes nothing
  ask "$1" cluster addslotsrange 0 5460 > /dev/null
  ask "$2" cluster addslotsrange 5461 10922 > /dev/null
  ask "$3" cluster addslotsrange 10923 16383 > /dev/null
fi
for pair in "$4 $1" "$5 $2" "$6 $3"; do
  replica=${pair% *}
  master=$(own "${pair#* }" | cut -d' ' -f1)
  # one that has become a master in the meantime has slots, and stays one
  while own "$replica" | grep -q 'master 0$'; do
    ask "$replica" cluster replicate "$master" > /dev/null
    sleep 1
  done
done
for node in $NODES; do
  until ask "$node" cluster info | grep -q '^cluster_state:ok'; do
    echo "waiting for the cluster" >&2
    introduce
    sleep 1
  done
done
echo "the cluster is complete" >&2
