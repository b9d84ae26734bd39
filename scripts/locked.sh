#!/usr/bin/env bash
# Prints what requirements.lock pins of one package, with its hashes and without its marker: scripts/locked.sh uv
set -euo pipefail
awk -v name="$1" '
  index($0, name "==") == 1 { sub(/ *;[^\\]*/, " "); found = 1 }
  found { print }
  found && !/\\$/ { exit }
' requirements.lock
