"""Declare AI assistants in YAML, review the plan, sync, run."""

__version__ = "0.1.0"
