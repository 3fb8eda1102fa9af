"""Python functions as tools: read statically before a sync, imported and called in a run."""

from assistctl.toolbox.contracts import resolve
from assistctl.toolbox.toolbox import Toolbox, mount

__all__ = ["Toolbox", "mount", "resolve"]
