import os
from collections.abc import Callable, Mapping
from hashlib import sha256
from pathlib import Path

import pytest

from assistctl.errors import Place
from assistctl.resources import File, Workspace
from assistctl.spec import files
from assistctl.spec.files import WorkspaceFiles
from assistctl.spec.findings import Findings

Write = Callable[[Mapping[str, str | bytes]], Path]
HERE = Place("assistants/shop.yaml", 3, 5)


def look(root: Path, *patterns: str) -> tuple[list[str], list[str]]:
    """The paths that patterns in assistants/shop.yaml name, and the problems."""
    findings = Findings()
    workspace_files = WorkspaceFiles(root.resolve(), findings)
    found = workspace_files.files(
        (text, Place("assistants/shop.yaml", 1, n)) for n, text in enumerate(patterns)
    )
    return [file.path for file in found], [
        str(problem).partition(": ")[2] for problem in findings.in_order()
    ]


def test_a_file_has_its_size_and_hash(write: Write) -> None:
    data = os.urandom(3_000_000)
    root = write({"assistants/a.bin": data, "assistants/empty": b""})
    found = WorkspaceFiles(root, Findings()).files([("a.bin", HERE), ("empty", HERE)])
    assert found == (
        File("assistants/a.bin", sha256(data).hexdigest(), 3_000_000),
        File("assistants/empty", sha256(b"").hexdigest(), 0),
    )


def test_paths_are_relative_to_the_file_that_declares_them(write: Write) -> None:
    root = write({"assistants/a.csv": "", "a.csv": "", "docs/a.csv": ""})
    assert look(root, "a.csv", "../docs/a.csv", "../assistctl.yaml") == (
        ["assistants/a.csv", "docs/a.csv", "assistctl.yaml"],
        [],
    )


def test_a_file_named_twice_is_there_once(write: Write) -> None:
    root = write({"assistants/a.csv": "", "assistants/b.csv": ""})
    assert look(root, "b.csv", "*.csv", "./b.csv", "../assistants/a.csv") == (
        ["assistants/b.csv", "assistants/a.csv"],
        [],
    )


def test_a_name_with_brackets_is_a_name_if_there_is_such_a_file(write: Write) -> None:
    root = write({"assistants/a[1].csv": "", "assistants/a1.csv": ""})
    assert look(root, "a[1].csv") == (["assistants/a[1].csv"], [])
    (root / "assistants" / "a[1].csv").unlink()
    assert look(root, "a[1].csv") == (["assistants/a1.csv"], [])


def test_symlinks_may_lead_anywhere_in_the_workspace_and_nowhere_else(write: Write) -> None:
    root = write({"shop/real.md": "r", "shop/assistants/x": "", "secret.md": "s", "dir/a.md": "d"})
    assistants = root / "shop" / "assistants"
    (assistants / "linked.md").symlink_to("../real.md")
    (assistants / "secret.md").symlink_to(root / "secret.md")
    (assistants / "dir").symlink_to(root / "dir")
    (assistants / "loop.md").symlink_to("loop.md")
    outside = "copy the file into the workspace"
    assert look(root / "shop", "linked.md", "secret.md", "dir/a.md", "dir/*.md", "s*.md") == (
        ["assistants/linked.md"],
        [
            "`secret.md` leads outside the workspace; copy the file in place of the symlink",
            f"`dir/a.md` lies outside the workspace; {outside}",
            f"`dir/*.md` lies outside the workspace; {outside}",
            "`s*.md` leads outside the workspace; copy the file in place of the symlink",
        ],
    )
    (assistants / "lost.md").symlink_to("nothing.md")
    for name in ("loop.md", "lost.md"):
        problem = f"`{name}` is a symlink that leads nowhere; correct where it leads"
        assert look(root / "shop", name)[1] == [problem]


def test_odd_paths_are_findings(write: Write) -> None:
    root = write({"assistants/dir/a.md": ""})
    os.mkfifo(root / "assistants" / "pipe")
    found, problems = look(root, "pipe", "dir/", "..", "a\0b", "x" * 300, "~/a", "*\0*", "/**")
    assert found == []
    assert problems == [
        "`pipe` is not a regular file; name a regular file",
        "`dir/` is a directory; write `dir/**` for all its files",
        "`..` is a directory; write `../**` for all its files",
        r"'a\x00b' cannot be read: it has a character that no path can have; "
        "correct the path, or the rights of what it names",
        f"`{'x' * 57}...` cannot be read: file name too long; "
        "correct the path, or the rights of what it names",
        "`~/a` does not exist; correct it: it is relative to assistants/shop.yaml",
        r"'*\x00*' matches no file; correct it: it is relative to assistants/shop.yaml",
        "`/**` is an absolute path; write it relative to assistants/shop.yaml",
    ]


def test_a_file_that_no_target_takes_is_found_before_it_is_read(
    write: Write, monkeypatch: pytest.MonkeyPatch
) -> None:
    root = write({"assistants/big.bin": ""})
    os.truncate(root / "assistants" / "big.bin", files.MAX_FILE_BYTES + 1)
    assert look(root, "*.bin") == (
        [],
        ["`*.bin` names assistants/big.bin, which is larger than 8 GB; split the file"],
    )


def test_a_file_name_that_is_not_utf_8_is_found(write: Write) -> None:
    root = write({"assistants/x": ""})
    try:
        Path(os.fsdecode(os.fsencode(root) + b"/assistants/caf\xe9.md")).touch()
    except OSError:
        pytest.skip("this file system only takes UTF-8")
    assert look(root, "*.md") == (
        [],
        ["`*.md` names a file whose name is not UTF-8; rename the file"],
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_the_right_to_read_it_is_found(write: Write) -> None:
    root = write({"assistants/a.md": ""})
    (root / "assistants" / "a.md").chmod(0)
    assert look(root, "a.md")[1] == [
        "`a.md` cannot be read: permission denied; correct the path, or the rights of what it names"
    ]


def test_instructions_have_a_limit_in_characters(write: Write) -> None:
    root = write({"assistants/a.md": "花" * 100})
    findings = Findings()
    workspace_files = WorkspaceFiles(root, findings)
    assert workspace_files.text("a.md", HERE, 100) == "花" * 100
    assert workspace_files.text("a.md", HERE, 99) is None
    assert workspace_files.text("a.md", Place("assistants/shop.yaml", 9, 9), 10) is None
    assert list(map(str, findings.in_order())) == [
        "assistants/a.md: is larger than 40 bytes; split it, or move its long parts elsewhere",
        "assistants/shop.yaml:3:5: `a.md` has 100 characters, more than 99; shorten it",
    ]


HIDDEN_FILES = {
    ".env": "KEY=1",
    ".git/config": "",
    ".assistctl/local.db": "",
    ".github/help.md": "Help",
    "..data/help.md": "Help",
    "assistants/.notes.md": "",
    "assistants/shop.yaml": "",
}


def hidden(text: str, path: str, declare: str | None = None) -> str:
    return (
        f"`{text}` leads to `{path}`, which is hidden and may hold secrets; copy it to another "
        f"name, or if it is meant, write `hidden_files: [{declare or path}]` in assistctl.yaml"
    )


def test_hidden_files_are_not_used_however_they_are_named(write: Write) -> None:
    root = write(HIDDEN_FILES)
    (root / "assistants" / "innocent.md").symlink_to("../.env")
    (root / "assistants" / "mounted.md").symlink_to("../..data/help.md")
    assert look(
        root, "../.env", "../.git/config", "../.assistctl/*", "../.nowhere", ".*.md", "inn*", "m*"
    ) == (
        ["assistants/mounted.md"],
        [
            hidden("../.env", ".env"),
            hidden("../.git/config", ".git/config"),
            hidden("../.assistctl/*", ".assistctl/local.db"),
            hidden("../.nowhere", ".nowhere"),
            hidden(".*.md", "assistants/.notes.md"),
            hidden("inn*", ".env", "assistants/innocent.md"),
        ],
    )


def test_a_hidden_file_is_used_where_assistctl_yaml_says_so(
    write: Write, loaded: Callable[..., tuple[Workspace, list[str]]]
) -> None:
    top = "version: 1\nworkspace: x\ndefaults: {model: m}\n"
    files = {
        **HIDDEN_FILES,
        "assistctl.yaml": top,
        "assistants/shop.yaml": """\
            instructions: {file: ../.github/help.md}
            tools: [{type: code_interpreter, files: [../.env]}]
            """,
    }
    assert loaded(files)[1] == [
        f"assistants/shop.yaml:1:22: {hidden('../.github/help.md', '.github/help.md')}",
        f"assistants/shop.yaml:2:42: {hidden('../.env', '.env')}",
    ]
    files["assistctl.yaml"] = top + "hidden_files: [./.github/help.md]\n"
    workspace, problems = loaded(files)
    assert problems == [f"assistants/shop.yaml:2:42: {hidden('../.env', '.env')}"]
    assert workspace.assistants["shop"].settings["instructions"] == "Help"
