#!/bin/sh
# Writes a random password into .env for each Redis role that has none there. `make compose-up` runs it first. REPLICA and
# CLUSTER are for the nodes of a cluster.
set -eu
cd "$(dirname "$0")/.."
umask 077
: > .env.part
if [ -e .env ]; then cat .env > .env.part; fi
for role in CLIENT GATEWAY CONSOLE READER CONSUMER TRAINER MONITOR EXPLAINER OPERATOR REPLICA CLUSTER; do
  grep -q "^REDIS_${role}_PASSWORD=" .env.part && continue
  # the last line may have no end
  if [ -n "$(tail -c 1 .env.part)" ]; then echo >> .env.part; fi
  printf 'REDIS_%s_PASSWORD=%s\n' "$role" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" >> .env.part
done
if cmp -s .env .env.part; then rm .env.part; exit 0; fi
mv .env.part .env
echo "passwords written to .env" >&2
