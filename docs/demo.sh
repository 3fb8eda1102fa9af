#!/bin/sh
# The main job, on the embedded server with the scripted model: plan, sync, run, run on.
# Usage: docs/demo.sh [path to assistctl]
set -eu
cd "$(dirname "$0")/.."
assistctl=${1:-assistctl}

say() { printf '\n\033[1m$ assistctl %s\033[0m\n' "$*"; }

say plan
"$assistctl" plan
say sync --yes
"$assistctl" sync --yes
say run flower-shop '"今天卖出红玫瑰3支、郁金香2支、百合6支"'
"$assistctl" run flower-shop "今天卖出红玫瑰3支、郁金香2支、百合6支"
say run flower-shop --continue '"再加两支向日葵"'
"$assistctl" run flower-shop --continue "再加两支向日葵"
printf '\nThe bills in bills.db:\n'
"$(dirname "$assistctl")/python" - <<'PYTHON'
import sqlite3

with sqlite3.connect("bills.db") as book:
    for row in book.execute("SELECT id, saved_at, total_cost, total_income FROM bills"):
        print("  bill %d, %s: cost %.2f, income %.2f" % row)
PYTHON
