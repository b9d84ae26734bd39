#!/bin/sh
# The health check of the Redis of docker-compose.yml: it answers, has loaded its data, and knows its users.
password=${REDIS_MONITOR_PASSWORD:-}
if [ -n "${REDIS_MONITOR_PASSWORD_FILE:-}" ]; then password=$(cat "$REDIS_MONITOR_PASSWORD_FILE"); fi
# in a variable, for what stands on a command line can be read by everyone
REDISCLI_AUTH=$password redis-cli --user monitor ping | grep -q PONG
