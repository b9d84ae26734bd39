#!/bin/sh
# Writes .env with a random password for each Redis role, unless .env exists. `make compose-up` runs it first.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then exit 0; fi
umask 077
for role in CLIENT GATEWAY CONSOLE READER CONSUMER TRAINER MONITOR EXPLAINER OPERATOR; do
  printf 'REDIS_%s_PASSWORD=%s\n' "$role" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')"
done > .env.part
mv .env.part .env
echo "passwords written to .env" >&2
