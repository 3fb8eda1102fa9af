#!/usr/bin/env bash
# Builds the sdist and the wheel, checks what PyPI would show of them, and installs the wheel in a
# fresh virtual environment of every Python from 3.11 to 3.14 that is there, and in the first the
# sdist too, with the versions of constraints.txt; there a workspace is made, synced, run and tested.
# In: PYTHON (what builds; it has `build` and `twine`), PYTHONS (which to try).
set -euo pipefail
cd "$(dirname "$0")/.."
: "${PYTHON:?}"
PYTHONS=${PYTHONS:-python3.11 python3.12 python3.13 python3.14}
rm -rf dist build/dist
"$PYTHON" -m build --outdir dist . >/dev/null
"$PYTHON" -m twine check --strict dist/*

tried=0
for python in $PYTHONS; do
  if ! "$python" --version >/dev/null 2>&1; then
    echo "$python: not there"
    continue
  fi
  archives=(dist/*.whl)
  if [ "$tried" = 0 ]; then archives+=(dist/*.tar.gz); fi
  for archive in "${archives[@]}"; do
    venv=build/dist/$(basename "$python")
    rm -rf "$venv"
    "$python" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -c constraints.txt "$archive"
    "$venv/bin/python" -m pip check --disable-pip-version-check >/dev/null
    (
      assistctl="$PWD/$venv/bin/assistctl"
      cd build/dist
      rm -rf shop
      env -u OPENAI_API_KEY -u PYTHONPATH sh -euc '
        "$0" init shop -q && cd shop
        "$0" validate -q && "$0" sync --yes -q
        "$0" run guide -q "When do you open on Saturday?" >/dev/null
        "$0" plan --detailed-exitcode -q && "$0" test -q' "$assistctl" >/dev/null
      "$assistctl" --version | sed "s|\$|: $(basename "$archive") works in $("$python" --version)|"
    )
    tried=$((tried + 1))
  done
done
rm -rf build/dist
test "$tried" -gt 0
