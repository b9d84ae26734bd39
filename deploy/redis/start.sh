#!/bin/sh
# Starts the Redis of docker-compose.yml: writes its users to a folder in memory, then runs the server as the image does.
set -eu
cd "$(dirname "$0")"
sh render-acl.sh users.acl > /run/tasador/users.acl
# the server and its log need no passwords, and what it inherits can be read in /proc
for variable in $(env | sed -n 's/^\(REDIS_[A-Z]*_PASSWORD\)=.*/\1/p'); do unset "$variable"; done
cd /data
server=${REDIS_SERVER:-redis-server}
set -- "$server" --aclfile /run/tasador/users.acl --bind '* -::*' --protected-mode no --dir /data \
  --appendonly yes --appendfsync everysec --save '' --maxmemory-policy noeviction
# official images have an entry point that gives up root; others are run as they are
if command -v docker-entrypoint.sh > /dev/null; then exec docker-entrypoint.sh "$@"; fi
exec "$@"
