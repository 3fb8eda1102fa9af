"""A workspace, looked at: what it declares, and its files beside that."""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from assistctl import loading, spec
from assistctl.checks import Check, State
from assistctl.errors import AssistctlError, DeclarationError
from assistctl.record import store
from assistctl.render.values import counted
from assistctl.resources import Workspace, declared_functions
from assistctl.some import some
from assistctl.state_directory import STATE

_SPACE, _LEAST_SPACE = 2**30, 100 * 2**20
_FAR = ("nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "fuse.sshfs", "ceph", "glusterfs")
_MOUNTS = Path("/proc/self/mountinfo")


@dataclass(frozen=True)
class Looked:
    """What a workspace is: `root` None where there is none, `workspace` None where nobody can say
    what it declares. `keyless`: the target's key is not set."""

    checks: tuple[Check, ...]
    root: Path | None = None
    workspace: Workspace | None = None
    keyless: bool = False


def looked(root: Path | None, target: str | None) -> Looked:
    """Read the workspace, as far as it can be read. A key that is not set hides nothing else."""
    try:
        root = loading.root_of(root).resolve()
    except (AssistctlError, OSError) as error:
        return Looked((Check("workspace", State.WARNING, str(error)),))
    workspace, checks, keyless = None, list[Check](), False
    try:
        workspace = loading.load(root, target, refuse=False)
    except (DeclarationError, OSError) as error:
        checks.append(_wrong(error))
        workspace = _as_far_as_possible(root, target)
        keyless = isinstance(error, DeclarationError) and _is_about_targets(error)
    except Exception as error:  # noqa: BLE001  (what is broken here is what is looked for)
        told = f"it cannot be read: {type(error).__name__}: {error}"
        return Looked((Check("workspace", State.FAILED, told),), root)
    if workspace is not None:
        checks += _declared(workspace, valid=not checks)
    return Looked(tuple(checks), root, workspace, keyless)


def _as_far_as_possible(root: Path, target: str | None) -> Workspace | None:
    """The workspace, good for looking at its target, though a key is not set or other files than
    the one that declares targets are wrong."""
    try:
        return loading.load(root, target, refuse=False, keyless=True)
    except DeclarationError as error:
        return None if _is_about_targets(error) else loading.glimpse(root, target)
    except OSError:
        return None


def _is_about_targets(error: DeclarationError) -> bool:
    return any(it.place.file in (spec.FILE, loading.ENV) for it in error.problems)


def _wrong(error: DeclarationError | OSError) -> Check:
    if isinstance(error, OSError):
        return Check("workspace", State.FAILED, f"{error.filename}: {error.strerror}")
    first, *more = error.problems
    others = f" (and {len(more)} more: `assistctl validate`)" if more else ""
    return Check("workspace", State.FAILED, f"{first.place}: {first.what}{others}", first.remedy)


def _declared(workspace: Workspace, *, valid: bool) -> Iterator[Check]:
    if valid:
        told = (
            counted(len(workspace.assistants), "assistant"),
            counted(len(declared_functions(workspace)), "function"),
            counted(len(workspace.suites), "file of tests", "files of tests"),
        )
        yield _ok(f"{workspace.name} in {workspace.root}: {', '.join(told)}")
    for problem in loading.refused(workspace):
        what = f"{problem.place}: {problem.what}"
        yield Check("workspace", State.FAILED, what, problem.remedy)
    if workspace.warnings:
        places = some(sorted({str(it.place) for it in workspace.warnings}))
        what = f"`assistctl validate` has something to say of {places}"
        yield Check("workspace", State.WARNING, what, "read what it says")


def files(root: Path) -> Iterator[Check]:
    """What lies in the workspace beside its declarations."""
    yield from _env(root)
    yield from _schema(root)
    yield from _state(root)


def _env(root: Path) -> Iterator[Check]:
    path = root / loading.ENV
    if not path.is_file():
        return
    if _git(root, "ls-files", "--error-unmatch", loading.ENV):
        remedy = "`git rm --cached .env`, name it in .gitignore, and change what is in it"
        yield Check("workspace", State.FAILED, ".env is in git", remedy)
    elif _git(root, "rev-parse") and not _git(root, "check-ignore", "-q", loading.ENV):
        what = "git does not ignore .env, so that its keys may be committed"
        yield Check("workspace", State.FAILED, what, "add a line `.env` to .gitignore")
    elif path.stat().st_mode & (stat.S_IRGRP | stat.S_IROTH):
        what = "others on this machine may read .env"
        yield Check("workspace", State.WARNING, what, f"chmod 600 {path}")
    else:
        yield _ok(".env is private, and git does not see it")


def _git(root: Path, *words: str) -> bool:
    """Whether git says yes; where there is none it says nothing."""
    try:
        done = subprocess.run(
            ["git", "-C", root, *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=10,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def _schema(root: Path) -> Iterator[Check]:
    path = root / spec.SCHEMA_FILE
    if not path.is_file():
        return
    try:
        same = json.loads(path.read_text(encoding="utf-8")) == spec.schema()
    except (OSError, ValueError, RecursionError):
        same = False
    if same:
        yield _ok(f"{spec.SCHEMA_FILE} is that of this version")
    else:
        what = f"{spec.SCHEMA_FILE}, by which editors check the YAML, is not that of this version"
        remedy = f"assistctl schema > {spec.SCHEMA_FILE}"
        yield Check("workspace", State.WARNING, what, remedy)


def _state(root: Path) -> Iterator[Check]:
    """`.assistctl/`, which holds what was said, and the local target."""
    path = root / STATE
    if not path.exists():
        yield _ok(f"{STATE}/ is made when it is first needed")
    elif not path.is_dir():
        yield Check("workspace", State.FAILED, f"{STATE} is no directory", "move it away")
        return
    elif path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        what = f"others on this machine may look into {STATE}/, where conversations are"
        yield Check("workspace", State.WARNING, what, f"chmod 700 {path}")
    else:
        yield _ok(f"{STATE}/ is private")
    try:
        store.threads(root, limit=1)
    except store.Unreadable as error:
        what, _, remedy = str(error).partition("; ")
        yield Check("workspace", State.WARNING, f"nothing is recorded: {what}", remedy)
    yield from _disk(path if path.is_dir() else root)


def _disk(path: Path) -> Iterator[Check]:
    if (kind := _file_system(path)) in _FAR:
        what = f"{path} lies on {kind}, where SQLite's locks cannot be relied on"
        yield Check("workspace", State.WARNING, what, "let one command at a time work there")
    free = shutil.disk_usage(path).free
    told = f"{free / 2**30:,.1f} GB are free on the disk of {path}"
    if free >= _SPACE:
        yield _ok(told)
    else:
        state = State.WARNING if free >= _LEAST_SPACE else State.FAILED
        yield Check("workspace", state, told, "make room")


def _file_system(path: Path) -> str:
    """The kind of file system that a path is on; nothing where that cannot be told."""
    longest, kind = -1, ""
    try:
        lines = _MOUNTS.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[4].replace("\\040", " ")
        if path.is_relative_to(point) and len(point) > longest:
            longest, kind = len(point), after.split(" ")[0]
    return kind


def _ok(what: str) -> Check:
    return Check("workspace", State.OK, what)
