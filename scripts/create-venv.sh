#!/usr/bin/env bash
# Creates a virtual environment with the first suitable Python, or with the given one. If there is none, uv finds or
# downloads one into .uv, next to the environment.
#
#   scripts/create-venv.sh FOLDER [PYTHON]
set -euo pipefail

venv=$1
named=${2:-}

# 3.12 and 3.11 first: with them, a missing redis-server needs no C compiler
versions=(3.12 3.11 3.13)
wanted="Python 3.12, 3.11 or 3.13"
way_out="Install Python 3.12 (apt-get install python3-venv python3-pip, brew install python@3.12), or use another: make install PYTHON=FILE"

fail() {
  printf '%s\n' "$*" >&2
  exit 1
}

# A Python without ensurepip cannot create an environment, and a shim may have no Python behind it.
version_of() {
  "$1" -c 'import sys, venv, ensurepip; print("%d.%d" % sys.version_info[:2])' 2>/dev/null || echo "not complete"
}

find_python() {
  local version candidate
  for version in "${versions[@]}"; do
    while IFS= read -r candidate; do
      if [[ $(version_of "$candidate") == "$version" ]]; then
        echo "$candidate"
        return
      fi
    done < <(type -ap "python$version" python3)
  done
  return 1
}

list_python() {
  local candidate listed=""
  while IFS= read -r candidate; do
    listed+="${listed:+; }$candidate is $(version_of "$candidate")"
  done < <(type -ap python3.12 python3.11 python3.13 python3)
  echo "${listed:-no python3 on the PATH}"
}

find_pip() {
  local candidate
  while IFS= read -r candidate; do
    if "$candidate" -m pip --version >/dev/null 2>&1; then
      echo "$candidate"
      return
    fi
  done < <(type -ap python3)
  return 1
}

print_download() {
  echo "No $wanted on the PATH ($(list_python)): uv finds or downloads one"
}

install_uv() {
  local pip
  pip=$(find_pip) || fail "No $wanted on the PATH ($(list_python)), and no pip to download one. $way_out"
  print_download
  mkdir -p .uv
  scripts/locked.sh uv >.uv/uv.txt
  "$pip" -m pip --quiet --disable-pip-version-check install --target .uv --only-binary :all: --require-hashes \
    -r .uv/uv.txt >"$log" 2>&1 || fail_to_download
  PATH=$PWD/.uv/bin:$PATH
}

# uv prints the innermost cause last
fail_to_download() {
  local cause
  cause=$(sed -nE 's/^ *(cause|Caused by|error|ERROR): *//p' "$log" | tail -n 1)
  rm -rf .uv
  fail "No Python could be downloaded: ${cause:-uv gave no reason}. $way_out"
}

find_uv_python() {
  local version
  for version in "${versions[@]}"; do
    uv python find --no-project --managed-python --no-python-downloads "$version" 2>/dev/null && return
  done
  return 1
}

download_python() {
  log=$(mktemp)
  trap 'rm -f "$log"' EXIT
  if uv --version >/dev/null 2>&1; then print_download; else install_uv; fi
  python=$(find_uv_python) && return
  export UV_PYTHON_INSTALL_DIR=${UV_PYTHON_INSTALL_DIR:-$PWD/.uv/python}
  uv python install --no-bin --no-progress "${versions[0]}" >"$log" 2>&1 || fail_to_download
  python=$(find_uv_python) || fail_to_download
}

if [[ -n $named ]]; then
  version=$(version_of "$named")
  [[ " ${versions[*]} " == *" $version "* ]] || fail "PYTHON=$named is $version, but Tasador requires $wanted"
  python=$named
elif ! python=$(find_python); then
  download_python
fi

echo "Creating $venv with $python (Python $(version_of "$python"))"
"$python" -m venv --clear "$venv" || { rm -rf "$venv"; fail "$python could not create a virtual environment. $way_out"; }
