"""What pages of the site are made of code: `<!-- made: NAME -->` in a page is its place.

A Sphinx extension (docs/conf.py), and a library for the tests that look whether all is there.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from making import commands, environment, exit_codes, library, problems, server_api, yaml_keys

MARK = re.compile(r"^<!-- made: (\S+) -->$", re.MULTILINE)

MADE: dict[str, Callable[[], str]] = {
    **{f"yaml-{kind}": page for kind, page in yaml_keys.PAGES.items()},
    "commands": commands.page,
    "environment": environment.page,
    "exit-codes": exit_codes.page,
    "library": library.page,
    "problems": problems.page,
    "server-api": server_api.page,
}
"""What can stand at a mark -> what makes it, in Markdown."""


def filled(text: str) -> str:
    """A page with everything at its marks."""
    return MARK.sub(lambda mark: MADE[mark[1]](), text)


def setup(app: Any) -> dict[str, Any]:
    """Sphinx calls this."""
    app.connect("env-get-outdated", _outdated)
    app.connect("source-read", _fill)
    return {"parallel_read_safe": True}


def _outdated(app: Any, env: Any, *_: Any) -> list[str]:
    """Pages of which Sphinx cannot see that the code behind them has changed."""
    pages = {name: Path(env.doc2path(name)) for name in env.found_docs}
    return [name for name, path in pages.items() if MARK.search(path.read_text(encoding="utf-8"))]


def _fill(app: Any, name: str, source: list[str]) -> None:
    source[0] = filled(source[0])
