"""Who can read a file that is given to a message."""

from __future__ import annotations

from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Assistant, CodeInterpreter, FileSearch, Target
from assistctl.spec.wording import is_unicode
from assistctl.surface import ATTACHED_TO_SEARCH, Capabilities, Support


def readers(
    path: Path, assistant: Assistant, target: Target, capabilities: Capabilities
) -> tuple[str, ...]:
    """The types of the assistant's tools that may use it. Raises AssistctlError where there is
    none, and for a file that cannot be given."""
    search = capabilities[ATTACHED_TO_SEARCH]
    can_search = search.support is not Support.REFUSED
    names = tuple(
        "code_interpreter" if isinstance(tool, CodeInterpreter) else "file_search"
        for tool in assistant.tools
        if isinstance(tool, CodeInterpreter) or (can_search and isinstance(tool, FileSearch))
    )
    if not names:
        at = "" if can_search else f" that are attached at {target.name}"
        way_out = "give it code_interpreter or file_search to use --attach"
        raise AssistctlError(
            f"{assistant.address} has no tool that reads files{at}; "
            + (way_out if can_search else search.how)
        )
    if not is_unicode(path.name):
        raise AssistctlError(f"the name of {path.name} is not UTF-8; rename the file")
    return names
