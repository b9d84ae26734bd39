#!/bin/sh
# The health check of a Redis: it answers, has loaded its data, and has its users. With the argument `complete`, a node of
# a cluster is healthy once every slot has a node.
word_of() {
  eval "file=\${REDIS_$1_PASSWORD_FILE:-} word=\${REDIS_$1_PASSWORD:-}"
  if [ -n "$file" ]; then word=$(cat "$file"); fi
  printf '%s' "$word"
}
tls=
if [ -s /run/secrets/redis-ca ]; then tls="--tls --cacert /run/secrets/redis-ca"; fi
# in a variable, because every user can read the arguments of a process; the options are split on purpose
# shellcheck disable=SC2086
ask() { REDISCLI_AUTH=$(word_of "$1") redis-cli --no-auth-warning $tls --user "$2" $3; }

ask MONITOR monitor ping | grep -q PONG || exit 1
if [ "${1:-}" = complete ] && [ -n "${CLUSTER_HOSTNAME:-}" ]; then
  [ "$(ask CLUSTER cluster "cluster info" | grep -c -e '^cluster_state:ok' -e '^cluster_slots_assigned:16384')" = 2 ]
fi
