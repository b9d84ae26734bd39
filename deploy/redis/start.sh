#!/bin/sh
# Starts the Redis of docker-compose.yml: writes its users to a folder in memory, then runs the server as the image does.
# Arguments are further options of the server. The users are those of every .acl file beside this one.
set -eu
cd "$(dirname "$0")"
cat ./*.acl > /run/tasador/roles
sh render-acl.sh /run/tasador/roles > /run/tasador/users.acl
# a replica logs in to its master, with a password that is in no list of processes
if [ -n "${REDIS_REPLICA_PASSWORD:-}" ]; then
  printf 'masteruser replica\nmasterauth %s\n' "$REDIS_REPLICA_PASSWORD" > /run/tasador/replica.conf
fi
# the server and its log need no passwords, and what it inherits can be read in /proc
for variable in $(env | sed -n 's/^\(REDIS_[A-Z]*_PASSWORD\)=.*/\1/p'); do unset "$variable"; done
cd /data
server=${REDIS_SERVER:-redis-server}
if [ -e /run/tasador/replica.conf ]; then server="$server /run/tasador/replica.conf"; fi
# split on purpose: the server and its file
# shellcheck disable=SC2086
set -- $server --aclfile /run/tasador/users.acl --bind '* -::*' --protected-mode no --dir /data \
  --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction "$@"
# official images have an entry point that gives up root; others are run as they are
if command -v docker-entrypoint.sh > /dev/null; then exec docker-entrypoint.sh "$@"; fi
exec "$@"
