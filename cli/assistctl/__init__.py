"""Declare AI assistants in YAML, review the plan, sync, run."""

from assistctl.events import ToolContext

__version__ = "0.1.0"

__all__ = ["ToolContext", "__version__"]
