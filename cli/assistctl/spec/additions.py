"""What a new declaration must know of assistctl.yaml, and what it adds to it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from assistctl.errors import AssistctlError
from assistctl.resources import Json
from assistctl.spec import located
from assistctl.spec.discovery import FILE, find_sources
from assistctl.spec.editing import NotEditable, value_of, with_entries
from assistctl.spec.findings import Findings
from assistctl.spec.located import plain
from assistctl.spec.variables import Variables
from assistctl.spec.yaml_documents import read_top

STORES = "vector_stores"


def defaults(root: Path, *, environ: Mapping[str, str]) -> Mapping[str, Json]:
    """What a workspace without problems says of every assistant."""
    findings = Findings()
    source = find_sources(root.resolve(), findings).workspace
    top = read_top(source, None, Variables(environ, findings), findings)
    declared: Mapping[str, Json] = plain(top.document.usable.mapping("defaults"))
    return {name: value for name, value in declared.items() if value is not None}


def with_stores(
    text: str,
    stores: Mapping[str, Mapping[str, Json]],
    remarks: Mapping[located.Path, str] | None = None,
) -> str:
    """The text of assistctl.yaml with these vector stores as well, and comments above the keys
    that the remarks name; all else stays as it stands.

    Raises AssistctlError for a file that is written so that no lines can be added.
    """
    newline = "\r\n" if "\r\n" in text else "\n"
    text = text if text.endswith("\n") else text + newline
    try:
        whole = value_of(text, FILE)
        if STORES not in whole:
            first = re.search(r"^( *)[^ #\r\n]", text.removeprefix("\ufeff"), re.MULTILINE)
            title = f"{newline * 2}{first[1] if first else ''}{STORES}:"
            end = len(text.rstrip(" \t\r\n"))
            text = text[:end] + title + text[end:]
        if {STORES: None, **whole} == {STORES: None, **value_of(text, FILE)}:
            return with_entries(text, FILE, (STORES,), stores, remarks or {})
    except NotEditable:
        pass
    raise AssistctlError(
        f"no lines can be added to `{STORES}` in {FILE} as it is written; write it line by "
        "line, without braces, and try again"
    )
