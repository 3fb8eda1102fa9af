"""`module:function`, and the source file behind it. Nothing here imports what it looks for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from assistctl.errors import Place
from assistctl.suggestion import suggestion
from assistctl.toolbox.site_packages import find_spec
from assistctl.toolbox.worker.frames import shown

TOOLS = "tools"


class Misread(Exception):
    """Something in a reference or behind it cannot be used: what is wrong, and what to do.

    `place` is set when the fault has a better place than the reference itself.
    """

    def __init__(self, what: str, remedy: str, place: Place | None = None) -> None:
        super().__init__(f"{what}; {remedy}")
        self.what, self.remedy, self.place = what, remedy, place


@dataclass(frozen=True)
class Tree:
    """The directories of one package: `tools/` itself (package None), or an installed package.

    Modules inside are named by their parts below it; no parts mean its `__init__.py`.
    """

    package: str | None
    locations: tuple[Path, ...]

    def find(self, parts: Sequence[str]) -> Path | None:
        """The source file of a module, in the order in which Python would look for it."""
        return _search(self.locations, parts)


@dataclass(frozen=True)
class Reference:
    """A parsed `module:function`."""

    module: str
    function: str

    def __str__(self) -> str:
        return f"{self.module}:{self.function}"

    @classmethod
    def parse(cls, text: str) -> Reference:
        module, _, function = text.partition(":")
        if not _dotted(module) or not _dotted(function):
            raise Misread(
                f"{text!r} does not name a Python function",
                "write module:function, as in bills:save_bill for tools/bills.py",
            )
        if "." in function:
            raise Misread(
                f"{text!r} names something inside a class",
                "name a function at the top level of the module; it may call the method",
            )
        return cls(module, function)


@dataclass(frozen=True)
class Located:
    """Where a reference leads: a file, as `parts` of a tree. `shown` is the path for people."""

    tree: Tree
    parts: tuple[str, ...]
    file: Path
    shown: str


def locate(reference: Reference, root: Path, search: tuple[str, ...] | None = None) -> Located:
    """Find the module's source file, below `<root>/tools` or in an installed package.

    The first part of the name decides: what exists in `tools/` is a tool module, a name without a
    dot always is; every other name is an installed package, in the directories `search`, or in this
    process's. Raises Misread.
    """
    parts = tuple(reference.module.split("."))
    if is_local(reference, root):
        return _locate_tool(reference, parts, root)
    if parts[0] == TOOLS and (root / TOOLS).is_dir():
        raise Misread(
            f"{str(reference)!r} names {TOOLS}/ itself, which is where modules are looked for",
            f"write {'.'.join(parts[1:])}:{reference.function}",
        )
    return installed(parts, search)


def tool_source(tree: Tree, parts: tuple[str, ...], file: Path, root: Path) -> Located:
    """A file below `tools/`, which must really lie in the workspace."""
    if not file.resolve().is_relative_to(root.resolve()):
        raise Misread(
            f"{shown(file, root)} is a link that leaves the workspace",
            "put the module itself into tools/, or install it as a package",
        )
    return Located(tree, parts, file, shown(file, root))


def is_local(reference: Reference, root: Path) -> bool:
    """Whether a reference means a module below `tools/`, existing or not."""
    first, _, rest = reference.module.partition(".")
    return not rest or is_tool_module(first, root)


def is_tool_module(name: str, root: Path) -> bool:
    """Whether there is a module or a package of this name below `tools/`."""
    return (root / TOOLS / name).is_dir() or (root / TOOLS / f"{name}.py").is_file()


def _locate_tool(reference: Reference, parts: tuple[str, ...], root: Path) -> Located:
    tree = Tree(None, (root / TOOLS,))
    wanted = f"{TOOLS}/{'/'.join(parts)}.py"
    file = tree.find(parts)
    if file is None:
        close = suggestion(reference.module, _tool_modules(root / TOOLS))
        raise Misread(
            f"{str(reference)!r} needs {wanted}, which does not exist",
            f"did you mean {close}:{reference.function}?" if close else "create it, or correct it",
        )
    return tool_source(tree, parts, file, root)


def installed(parts: tuple[str, ...], search: tuple[str, ...] | None = None) -> Located:
    """A module of an installed package. Raises Misread."""
    top, *rest = parts
    # For a name without a dot this looks the package up and imports nothing; with a dot it would
    # import the parent, so the way down is walked here.
    spec = find_spec(top, search)
    if spec is None:
        raise Misread(
            f"there is neither {TOOLS}/{'/'.join(parts)}.py nor an installed package {top!r}",
            f"install {top!r} {'beside assistctl' if search is None else 'for the tools'}, or "
            "correct the name",
        )
    tree = Tree(top, tuple(Path(each) for each in spec.submodule_search_locations or ()))
    file = tree.find(rest)
    if not rest and file is None and spec.origin and spec.origin.endswith(".py"):
        file = Path(spec.origin)
    if file is None:
        raise Misread(
            f"the installed package {top!r} has no Python source for {'.'.join(parts)!r}",
            "correct the name, or write a function in tools/ that calls it",
        )
    return Located(tree, tuple(rest), file, file.as_posix())


def _search(locations: Iterable[Path], parts: Sequence[str]) -> Path | None:
    if not parts:
        return next((f for each in locations if (f := each / "__init__.py").is_file()), None)
    head, *rest = parts
    portions = []
    for location in locations:
        package, module = location / head, location / f"{head}.py"
        if (package / "__init__.py").is_file():
            return _search([package], rest)
        if module.is_file():
            return None if rest else module
        if package.is_dir():
            portions.append(package)
    return _search(portions, rest) if rest else None


def _tool_modules(tools: Path) -> Iterable[str]:
    for file in sorted(tools.rglob("*.py")):
        yield ".".join(file.relative_to(tools).with_suffix("").parts)


def _dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
