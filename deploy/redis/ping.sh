#!/bin/sh
# The health check of the Redis of docker-compose.yml: it answers, has loaded its data, and has its users.
password=${REDIS_MONITOR_PASSWORD:-}
if [ -n "${REDIS_MONITOR_PASSWORD_FILE:-}" ]; then password=$(cat "$REDIS_MONITOR_PASSWORD_FILE"); fi
# in a variable, because every user can read the arguments of a process
REDISCLI_AUTH=$password redis-cli --user monitor ping | grep -q PONG
