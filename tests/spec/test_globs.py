from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import pytest

from assistctl.spec.globs import glob

TREE = ["a.md", "b.txt", ".h.md", "d/a.md", "d/e/a.md", "d/e/f/b.md", ".g/a.md", "d/.i/a.md"]


@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ("*.md", ["a.md"]),
        ("?.md", ["a.md"]),
        ("[ab].*", ["a.md", "b.txt"]),
        ("[!a]*", ["b.txt"]),
        ("*/*.md", ["d/a.md"]),
        ("d/*/a.md", ["d/e/a.md"]),
        ("**/*.md", ["a.md", "d/a.md", "d/e/a.md", "d/e/f/b.md"]),
        ("**/e/**/*.md", ["d/e/a.md", "d/e/f/b.md"]),
        ("**", ["a.md", "b.txt", "d/a.md", "d/e/a.md", "d/e/f/b.md"]),
        ("d/**", ["d/a.md", "d/e/a.md", "d/e/f/b.md"]),
        ("**/**/**/b.*", ["b.txt", "d/e/f/b.md"]),
        (".*.md", [".h.md"]),
        (".g/*", [".g/a.md"]),
        ("*/.i/*", ["d/.i/a.md"]),
        ("d", []),
        ("nowhere/*", []),
        ("*.md/*", []),
        ("d/../*.md", ["d/../a.md"]),
    ],
)
def test_globs_match_as_in_a_shell(
    write: Callable[[Mapping[str, str]], Path], pattern: str, matches: list[str]
) -> None:
    root = write(dict.fromkeys((f"x/{name}" for name in TREE), "")) / "x"
    found = {path.relative_to(root).as_posix() for path in glob(root, PurePosixPath(pattern).parts)}
    assert sorted(found) == matches


def test_loops_of_links_are_not_walked(write: Callable[[Mapping[str, str]], Path]) -> None:
    root = write({"x/a.md": "", "x/d/b.md": ""}) / "x"
    for name in ("one", "two", "d/three"):
        (root / name).symlink_to(root)
    found = {path.relative_to(root).as_posix() for path in glob(root, ("**", "*.md"))}
    assert found == {"a.md", "d/b.md"}
