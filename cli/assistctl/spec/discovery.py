"""Where a workspace is, and which of its files declare what."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from assistctl.errors import AssistctlError, Place
from assistctl.keys import IN_WORDS, composed, is_key
from assistctl.spec.findings import Findings
from assistctl.spec.reading import new_files
from assistctl.spec.wording import shown

FILE = "assistctl.yaml"
_SCRIPT, _TESTS = ".script", ".tests"
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True)
class Source:
    """A file that declares something; `file` is its path as findings show it."""

    path: Path
    file: str


@dataclass(frozen=True)
class Sources:
    """The files of a workspace by what they declare; assistants, their scripts and tests by key."""

    workspace: Source | None
    assistants: Mapping[str, Source]
    scripts: Mapping[str, Source]
    tests: Mapping[str, Source]
    tools: tuple[Source, ...]


def is_of_tests(file: str) -> bool:
    """Whether a path below the workspace is that of an assistant's tests."""
    return file.startswith("assistants/") and PurePosixPath(file).stem.endswith(_TESTS)


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
    beside: dict[str, dict[str, Source]] = {_SCRIPT: {}, _TESTS: {}}
    for source in _yaml_files(root, "assistants", findings):
        stem = source.file.rpartition("/")[2].removesuffix(".yaml")
        kind = next((each for each in beside if stem.endswith(each)), "")
        key = composed(stem.removesuffix(kind))
        known = beside.get(kind, assistants)
        if (other := known.setdefault(key, source)) is not source:
            what = f"is called like {other.file}, which only spells it otherwise"
            findings.add(Place(source.file), what, "rename one of them")
    _check_keys(assistants, findings)
    _check_beside(beside[_SCRIPT], "this script", "the script", assistants, findings)
    _check_beside(beside[_TESTS], "these tests", "the file", assistants, findings)
    tools = tuple(_yaml_files(root, "tools", findings))
    top = workspace if workspace.path.is_file() else None
    return Sources(top, assistants, beside[_SCRIPT], beside[_TESTS], tools)


def _yaml_files(root: Path, name: str, findings: Findings) -> Iterator[Source]:
    """The YAML files of a directory, by name; hidden ones and other kinds are passed over."""
    directory = root / name
    for path in new_files(directory):
        yield Source(path, f"{name}/{path.name}")
    if not directory.is_dir():
        return
    try:
        entries = sorted(_entries(directory), key=lambda entry: entry.name)
    except OSError as error:
        findings.add(
            Place(name), f"cannot be read: {str(error.strerror).lower()}", "correct its rights"
        )
        return
    is_inside = directory.resolve().is_relative_to(root)
    for entry in entries:
        if not _is_yaml(entry):
            continue
        path = Path(entry.path)
        source = Source(path, f"{name}/{os.fsencode(entry.name).decode(errors='replace')}")
        if not entry.name.endswith(".yaml"):
            findings.add(Place(source.file), "only .yaml is read", f"rename it to {path.stem}.yaml")
        elif (is_inside and entry.is_file(follow_symlinks=False)) or _is_usable(
            source, root, findings
        ):
            yield source


def _entries(directory: Path) -> list[os.DirEntry[str]]:
    """What is in a directory; each entry knows what it is without another look."""
    with os.scandir(directory) as found:
        return list(found)


def _is_yaml(entry: os.DirEntry[str]) -> bool:
    """Hidden files and those of other kinds are passed over."""
    return entry.name[0] != "." and entry.name.lower().endswith(_SUFFIXES)


def check_nested(root: Path, used: Collection[str], findings: Findings) -> None:
    """YAML in subfolders declares nothing. What the workspace uses as a file is meant to lie there;
    anything else was most likely meant to be read, as function schemas beside code are."""
    for name, what in (("assistants", "an assistant"), ("tools", "a table of functions")):
        for path in sorted(_nested(root / name, set())):
            if str(path) not in used and (name == "assistants" or _has_functions(path)):
                findings.add(
                    Place(os.fsencode(path.relative_to(root)).decode(errors="replace")),
                    f"is not read, because it lies in a subfolder of {name}/",
                    f"move it to {name}/{path.name} if it is {what}, else out of {name}/",
                )


def _nested(directory: Path, seen: set[Path], *, below: bool = False) -> Iterator[Path]:
    """The YAML files in the subfolders of a directory, hidden ones left out."""
    if not directory.is_dir():
        return
    seen.add(directory.resolve())
    try:
        entries = _entries(directory)
    except OSError:
        return
    for entry in entries:
        if entry.name[0] == ".":
            continue
        path = Path(entry.path) if below or not entry.is_file(follow_symlinks=False) else None
        if path is None:
            continue
        if path.is_dir():
            if path.resolve() not in seen:
                yield from _nested(path, seen, below=True)
        elif below and _is_yaml(entry) and path.is_file():
            yield path


def _has_functions(path: Path) -> bool:
    try:
        return re.search(r"^functions\s*:", path.read_text(encoding="utf-8"), re.M) is not None
    except (OSError, ValueError):
        return False


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
        if not is_key(key):
            findings.add(
                Place(source.file),
                f"{shown(key)} cannot be an assistant's key",
                f"rename the file: {IN_WORDS}",
            )


def _check_beside(
    sources: Mapping[str, Source],
    these: str,
    it: str,
    assistants: Mapping[str, Source],
    findings: Findings,
) -> None:
    for key, source in sources.items():
        if key not in assistants:
            findings.add(
                Place(source.file),
                f"there is no assistant {shown(key)} beside {these}",
                f"write assistants/{key}.yaml, or rename {it} after its assistant",
            )
