"""Existing assistants -> the files of a workspace, without a terminal.

    from assistctl.importing import ImportOptions, download_all, drafts_of_target
    from assistctl.importing import staging_directory, write_drafts
    from assistctl.loading import load
    from assistctl.sync import adoption, apply_plan
    from assistctl.targets import opened

    workspace = load(Path("shop"), target="prod")
    with opened(workspace) as surface, staging_directory(workspace.root) as staging:
        drafts = drafts_of_target(surface, workspace, ImportOptions(("asst_abc123",)))
        download_all(surface, staging, drafts.downloads)
        new = (drafts.assistants, drafts.stores)
        with write_drafts(workspace.root, "prod", staging, *new) as (workspace, paths):
            planned = adoption(surface, workspace, drafts.objects)
        list(apply_plan(surface, workspace, planned))

Nothing here asks or prints. If the block of `write_drafts` raises, no file is left behind; what is
adopted (assistctl.sync) keeps its id.
"""

from assistctl.importing.downloads import download_all
from assistctl.importing.drafting import (
    Drafts,
    ImportOptions,
    drafts_of_dump,
    drafts_of_target,
)
from assistctl.importing.dumps import read_dump
from assistctl.importing.staging import staging_directory
from assistctl.importing.writing import write_drafts

__all__ = [
    "Drafts",
    "ImportOptions",
    "download_all",
    "drafts_of_dump",
    "drafts_of_target",
    "read_dump",
    "staging_directory",
    "write_drafts",
]
