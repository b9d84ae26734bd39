#!/usr/bin/env bash
# Prints a package's line of requirements.lock with its hashes, without its marker: scripts/locked.sh uv
set -euo pipefail
awk -v name="$1" '
  index($0, name "==") == 1 { sub(/ *;[^\\]*/, " "); found = 1 }
  found { print }
  found && !/\\$/ { exit }
' requirements.lock
