#!/usr/bin/env bash
# Writes constraints.txt: the newest versions, of today, of everything that assistctl and its extras
# install, in the oldest Python that is supported. `pip install -c constraints.txt` then installs the
# same everywhere. Usage: .ci/constraints.sh [python3.11]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:-python3.11} venv=build/constraints
rm -rf "$venv"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check '.[interpreter,mcp,search]'
{
  echo "# Made by .ci/constraints.sh with $("$python" --version). For reproducible installs:"
  echo "#     pip install -c constraints.txt ."
  "$venv/bin/python" -m pip freeze --disable-pip-version-check --exclude assistctl
} >"$venv.txt"
mv "$venv.txt" constraints.txt
rm -rf "$venv"
