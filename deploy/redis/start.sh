#!/bin/sh
# Starts a Redis of docker-compose.yml or deploy/kubernetes: writes its users to a folder in memory, then runs the server as
# the image does. Arguments are further options of the server.
#
# CLUSTER_HOSTNAME makes it a node of a cluster, and is the name by which clients reach it; create.sh makes the cluster.
# With a key in /run/secrets/redis-key, everyone speaks TLS with it, on the same ports.
set -eu
cd "$(dirname "$0")"
cat users.acl > /run/tasador/roles
if [ -n "${CLUSTER_HOSTNAME:-}" ]; then
  cat nodes.acl >> /run/tasador/roles
  # a replica logs in to its master, with a password that is in no list of processes
  printf 'masteruser replica\nmasterauth %s\n' "${REDIS_REPLICA_PASSWORD:?run deploy/passwords.sh}" \
    > /run/tasador/replica.conf
fi
sh render-acl.sh /run/tasador/roles > /run/tasador/users.acl
# the server and its log need no passwords, and what it inherits can be read in /proc
for variable in $(env | sed -n 's/^\(REDIS_[A-Z]*_PASSWORD\)=.*/\1/p'); do unset "$variable"; done
cd /data

set -- --aclfile /run/tasador/users.acl --bind '* -::*' --protected-mode no --dir /data \
  --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction "$@"
if [ -s /run/secrets/redis-key ]; then
  set -- --port 0 --tls-port 6379 --tls-cert-file /run/secrets/redis-certificate --tls-key-file /run/secrets/redis-key \
    --tls-ca-cert-file /run/secrets/redis-ca --tls-auth-clients optional --tls-replication yes --tls-cluster yes "$@"
fi
if [ -n "${CLUSTER_HOSTNAME:-}" ]; then
  # clients get names, because addresses change; a node that is away stops its own slots alone
  set -- /run/tasador/replica.conf --cluster-enabled yes --cluster-node-timeout 5000 \
    --cluster-require-full-coverage no --cluster-announce-hostname "$CLUSTER_HOSTNAME" \
    --cluster-preferred-endpoint-type hostname "$@"
fi
set -- "${REDIS_SERVER:-redis-server}" "$@"
# official images have an entry point that gives up root; others are run as they are
if command -v docker-entrypoint.sh > /dev/null; then exec docker-entrypoint.sh "$@"; fi
exec "$@"
