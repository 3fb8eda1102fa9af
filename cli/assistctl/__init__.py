"""Declare AI assistants in YAML, review the plan, sync, run."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assistctl.events import ToolContext

__version__ = "0.1.0"

__all__ = ["ToolContext", "__version__"]


def __getattr__(name: str) -> object:
    """ToolContext is for tools; commands that call none do without what a turn tells."""
    if name != "ToolContext":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from assistctl.events import ToolContext

    return ToolContext
