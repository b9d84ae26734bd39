#!/usr/bin/env bash
# The whole way of a recipe of one's own: it is trained, passes the gate, is stored and loaded again, and predicts.
# Wants LightGBM on the PYTHONPATH, and BIN, the folder of the tasador command.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"

TASADOR_HOME=$(mktemp -d)
export TASADOR_HOME PYTHONPATH="$PYTHONPATH:$PWD"
# LightGBM invents names for the columns of a matrix, and then misses them
export PYTHONWARNINGS="ignore:X does not have valid feature names:UserWarning"
trap 'rm -rf "$TASADOR_HOME"' EXIT

"$BIN/tasador" train --quick --models lightgbm --report "$TASADOR_HOME/reports"
"$BIN/tasador" registry show 1
echo '{"CRIM":0.1,"ZN":18,"INDUS":2.31,"CHAS":0,"NOX":0.538,"RM":6.575,"AGE":65.2,"DIS":4.09,"RAD":1,"TAX":296,"PTRATIO":15.3,"B":396.9,"LSTAT":4.98}' \
  > "$TASADOR_HOME/listing.jsonl"
"$BIN/tasador" predict "$TASADOR_HOME/listing.jsonl"
