"""Planning, syncing, importing and conversing as a library, without commands and click."""

import shutil
import subprocess
import sys
from pathlib import Path

WORKSPACE = Path(__file__).parent.parent

PROGRAM = """
import sys
from pathlib import Path

from assistctl.conversation import session
from assistctl.events import Finished
from assistctl.importing import ImportOptions, download_all, drafts_of_target
from assistctl.importing import staging_directory, write_drafts
from assistctl.loading import load
from assistctl.sync import adoption, apply_plan, plan_sync
from assistctl.targets import opened

workspace = load(Path(sys.argv[1]), target="local")
with opened(workspace) as surface:
    planned = plan_sync(surface, workspace, ["flower-shop"])
    print([f"{change.action.value} {change.address}" for change in planned.plan.changes])
    results = apply_plan(surface, workspace, planned)
    print(sorted(f"{it.change.address}: {it.error}" for it in results))
    print(bool(plan_sync(surface, workspace, ["flower-shop"]).plan))
    made = surface.client.create("/assistants", {"name": "Porter", "model": "gpt-6-luna"})
    with staging_directory(workspace.root) as staging:
        drafts = drafts_of_target(surface, workspace, ImportOptions((made["id"],)))
        download_all(surface, staging, drafts.downloads)
        new = (drafts.assistants, drafts.stores)
        with write_drafts(workspace.root, "local", staging, *new) as (workspace, paths):
            planned = adoption(surface, workspace, drafts.objects)
        print(paths, [(it.change.action.value, it.error) for it in
                      apply_plan(surface, workspace, planned)])
    print(bool(plan_sync(surface, workspace, ["porter"]).plan))
with session(workspace, "flower-shop") as talk:
    for event in talk.say("卖了红玫瑰3支、郁金香2支、百合6支。"):
        if isinstance(event, Finished):
            print(event.status, [returned.call.name for returned in event.tool_calls])
ours = [module for name, module in sys.modules.items() if name.startswith("assistctl")]
print([module.__name__ for module in ours if hasattr(module, "click")])
"""


def test_a_program_without_a_terminal_plans_syncs_imports_and_converses(tmp_path):
    for name in ("assistants", "tools", "assistctl.yaml"):
        source = WORKSPACE / name
        copy = shutil.copytree if source.is_dir() else shutil.copy
        copy(source, tmp_path / name)
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, tmp_path], capture_output=True, text=True, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "['create file/assistants/flower_prices.csv', "
        "'create vector_store/flower-shop.file_search', 'create assistant/flower-shop']",
        "['assistant/flower-shop: None', 'file/assistants/flower_prices.csv: None', "
        "'vector_store/flower-shop.file_search: None']",
        "False",
        "['assistants/porter.yaml'] [('adopt', None)]",
        "False",
        "completed ['save_bill']",
        "[]",
    ]
