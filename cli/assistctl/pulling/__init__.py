"""Edits made at a target -> the files of the workspace.

    planned = plan_sync(surface, workspace, keys, PlanOptions(deep=True))
    pull = plan_pull(surface, planned, workspace)     # nothing is written yet
    write(workspace.root, pull.files)
    note(surface, pull)                               # the target's record says so, too

What a pull writes has been read again before anybody is asked: everything that is declared is as
before, but for what was edited at the target.
"""

from assistctl.pulling.drafts import FileEdit, write
from assistctl.pulling.pull import Pull, note, plan_pull
from assistctl.pulling.taking import Left, Take

__all__ = ["FileEdit", "Left", "Pull", "Take", "note", "plan_pull", "write"]
