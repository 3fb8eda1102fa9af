"""Planning, syncing and conversing as a library, in a process that has no click."""

import shutil
import subprocess
import sys
from pathlib import Path

WORKSPACE = Path(__file__).parent.parent

PROGRAM = """
import sys
sys.modules["click"] = None  # an import of it fails

from pathlib import Path

from assistctl.conversation import session
from assistctl.events import Finished
from assistctl.loading import load
from assistctl.sync import apply_plan, plan_sync
from assistctl.targets import opened

workspace = load(Path(sys.argv[1]), target="local")
with opened(workspace) as surface:
    planned = plan_sync(surface, workspace)
    print([f"{change.action.value} {change.address}" for change in planned.plan.changes])
    print(sorted(f"{it.change.address}: {it.error}" for it in apply_plan(surface, workspace, planned)))
    print(bool(plan_sync(surface, workspace).plan))
with session(workspace, "flower-shop") as talk:
    for event in talk.say("今天卖了 10 朵玫瑰和 5 朵百合。"):
        if isinstance(event, Finished):
            print(event.status, [call.name for call in event.tool_calls])
"""


def test_a_program_without_a_terminal_plans_syncs_and_converses(tmp_path):
    for name in ("assistants", "tools", "assistctl.yaml"):
        source = WORKSPACE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['create file/assistants/flower_prices.csv', 'create assistant/flower-shop']",
        "['assistant/flower-shop: None', 'file/assistants/flower_prices.csv: None']",
        "False",
        "completed ['save_bill']",
    ]
