"""Python functions as tools: read statically before a sync, imported and called in a run."""

from typing import TYPE_CHECKING, Any

from assistctl.toolbox.contracts import resolve

if TYPE_CHECKING:
    from assistctl.toolbox.toolbox import Toolbox, mount, mounted

__all__ = ["Toolbox", "mount", "mounted", "resolve"]


def __getattr__(name: str) -> Any:
    """What calls tools is imported by who calls them: not by `validate` and `plan`."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from assistctl.toolbox import toolbox

    return getattr(toolbox, name)
