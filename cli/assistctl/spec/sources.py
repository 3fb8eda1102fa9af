"""Where a workspace is, and which of its files declare what."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import AssistctlError, Place
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import SLUG
from assistctl.spec.wording import shown

FILE = "assistctl.yaml"
_SCRIPT = ".script"


@dataclass(frozen=True)
class Source:
    """A file that declares something; `file` is its path as findings show it."""

    path: Path
    file: str


@dataclass(frozen=True)
class Sources:
    """The files of a workspace by what they declare; assistants and scripts by assistant's key."""

    workspace: Source | None
    assistants: Mapping[str, Source]
    scripts: Mapping[str, Source]
    tools: tuple[Source, ...]


def find_root(start: Path) -> Path | None:
    """The directory, `start` or the nearest above it, that holds an assistctl.yaml."""
    start = start.resolve()
    return next((path for path in (start, *start.parents) if (path / FILE).is_file()), None)


def missing_workspace(start: Path) -> AssistctlError:
    """The error for a directory in which `find_root` finds nothing."""
    start = start.resolve()
    misnamed = start / "assistctl.yml"
    if misnamed.is_file():
        return AssistctlError(f"{misnamed} is not read; rename it to {FILE}")
    return AssistctlError(
        f"there is no {FILE} in {start} or above it; "
        "make one with `assistctl init`, or name the workspace with -C DIR"
    )


def find_sources(root: Path, findings: Findings) -> Sources:
    """The files that declare something; `root` is a resolved path. Misnamed ones are findings."""
    workspace = Source(root / FILE, FILE)
    if not workspace.path.is_file():
        findings.add(Place(FILE), "the file does not exist", "make one with `assistctl init`")
    assistants: dict[str, Source] = {}
    scripts: dict[str, Source] = {}
    for source in _yaml_files(root, "assistants", findings):
        stem = source.file.rpartition("/")[2].removesuffix(".yaml")
        key = stem.removesuffix(_SCRIPT)
        (assistants if key == stem else scripts)[key] = source
    _check_keys(assistants, findings)
    _check_scripts(scripts, assistants, findings)
    tools = tuple(_yaml_files(root, "tools", findings))
    top = workspace if workspace.path.is_file() else None
    return Sources(top, assistants, scripts, tools)


def _yaml_files(root: Path, name: str, findings: Findings) -> Iterator[Source]:
    """The YAML files of a directory, by name; hidden ones and other kinds are passed over."""
    directory = root / name
    if not directory.is_dir():
        return
    try:
        paths = sorted(directory.iterdir())
    except OSError as error:
        findings.add(
            Place(name), f"cannot be read: {str(error.strerror).lower()}", "correct its rights"
        )
        return
    for path in paths:
        suffix = path.suffix.lower()
        if path.name.startswith(".") or suffix not in (".yaml", ".yml"):
            continue
        source = Source(path, f"{name}/{os.fsencode(path.name).decode(errors='replace')}")
        if path.suffix != ".yaml":
            findings.add(Place(source.file), "only .yaml is read", f"rename it to {path.stem}.yaml")
        elif _is_usable(source, root, findings):
            yield source


def _is_usable(source: Source, root: Path, findings: Findings) -> bool:
    if not source.path.is_file():
        findings.add(Place(source.file), "is not a regular file", "remove it")
    elif not source.path.resolve().is_relative_to(root):
        findings.add(
            Place(source.file), "leads outside the workspace", "copy the file in its place"
        )
    else:
        return True
    return False


def _check_keys(assistants: Mapping[str, Source], findings: Findings) -> None:
    for key, source in assistants.items():
        if not re.fullmatch(SLUG, key):
            findings.add(
                Place(source.file),
                f"{shown(key)} cannot be an assistant's key",
                "rename the file: a-z, 0-9, - and _, beginning with a letter or digit, "
                "at most 63 characters",
            )


def _check_scripts(
    scripts: Mapping[str, Source], assistants: Mapping[str, Source], findings: Findings
) -> None:
    for key, source in scripts.items():
        if key not in assistants:
            findings.add(
                Place(source.file),
                f"there is no assistant {shown(key)} beside this script",
                f"write assistants/{key}.yaml, or rename the script after its assistant",
            )
