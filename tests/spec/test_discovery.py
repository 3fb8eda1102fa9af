import os
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from assistctl.resources import Workspace
from assistctl.spec import find_root, load, missing_workspace

Write = Callable[[Mapping[str, str | bytes]], Path]
Loaded = Callable[..., tuple[Workspace, list[str]]]


def test_the_root_is_the_nearest_directory_with_an_assistctl_yaml(write: Write) -> None:
    root = write({"sub/assistctl.yaml": "", "sub/deep/er/x": "", "other/x": ""})
    assert find_root(root) == root
    assert find_root(root / "other") == root
    assert find_root(root / "sub" / "deep" / "er") == root / "sub"


def test_no_root_has_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    assert find_root(tmp_path) is None
    assert str(missing_workspace(tmp_path)) == (
        f"there is no assistctl.yaml in {tmp_path} or above it; "
        "make one with `assistctl init`, or name the workspace with -C DIR"
    )


def test_a_misnamed_workspace_file_is_recognised(tmp_path: Path) -> None:
    (tmp_path / "assistctl.yml").touch()
    assert str(missing_workspace(tmp_path)) == (
        f"{tmp_path / 'assistctl.yml'} is not read; rename it to assistctl.yaml"
    )


def test_what_is_hidden_or_of_another_kind_is_passed_over(loaded: Loaded) -> None:
    workspace, problems = loaded(
        {
            "assistants/.#shop.yaml": "[",
            "assistants/prices.csv": "[",
            "assistants/handbook/page.md": "[",
            "assistants/.drafts/shop.yaml": "[",
            "tools/bills.py": "raise SystemExit",
            "tools/.bills.yaml": "[",
            "tools/data/rates.yaml": "rates: {}",
        }
    )
    assert problems == []
    assert workspace.assistants == {}


def test_keys_are_of_any_script_and_compared_composed(loaded: Loaded) -> None:
    workspace, problems = loaded(
        {
            "assistctl.yaml": """\
                version: 1
                workspace: 花店
                default_target: größe
                targets: {größe: {overrides: {assistants: {花店: {name: Shop}}}}}
                defaults: {model: m}
                vector_stores: {手册: {}}
                moved: {alt: 花店, vector_store/booklet: vector_store/手册}
                """,
            "assistants/花店.yaml": "tools: [{type: file_search, vector_store: 手册}]",
            "assistants/花店.script.yaml": "turns: [{say: 你好}]",
            "assistants/gro\u0308ße.yaml": "name: Größe",
        }
    )
    assert problems == []
    assert list(workspace.assistants) == ["größe", "花店"]
    assert (workspace.name, workspace.target.name) == ("花店", "größe")
    assert workspace.assistants["花店"].settings["name"] == "Shop"
    assert list(workspace.scripts) == ["花店"]
    assert list(workspace.stores) == ["手册"]


def test_two_spellings_of_one_key_are_found(loaded: Loaded) -> None:
    files = {"assistants/größe.yaml": "name: a", "assistants/gro\u0308ße.yaml": "name: b"}
    _, problems = loaded(files)
    assert problems == [
        "assistants/größe.yaml: is called like assistants/gro\u0308ße.yaml, which only spells it "
        "otherwise; rename one of them"
    ]


def test_yaml_in_a_subfolder_is_refused_unless_it_is_used_as_a_file(write: Write) -> None:
    root = write(
        {
            "assistants/shop.yaml": """\
                instructions: {file: shop/prompt.yaml}
                tools: [{type: code_interpreter, files: [shop/data/*.yaml]}]
                """,
            "assistants/shop/prompt.yaml": "Be: brief",
            "assistants/shop/data/rates.yaml": "[",
            "assistants/team/north/clerk.yaml": "name: Clerk",
            "assistants/team/clerk.script.yml": "turns: []",
            "tools/bank/schemas.yaml": "x: 1\nfunctions: {}",
        }
    )
    (root / "assistants" / "team" / "loop").symlink_to("..")
    _, problems = load(root, environ={})
    assert list(map(str, problems)) == [
        "assistants/team/clerk.script.yml: is not read, because it lies in a subfolder of "
        "assistants/; move it to assistants/clerk.script.yml if it is an assistant, else out of "
        "assistants/",
        "assistants/team/north/clerk.yaml: is not read, because it lies in a subfolder of "
        "assistants/; move it to assistants/clerk.yaml if it is an assistant, else out of "
        "assistants/",
        "tools/bank/schemas.yaml: is not read, because it lies in a subfolder of tools/; move it "
        "to tools/schemas.yaml if it is a table of functions, else out of tools/",
    ]


def test_what_is_used_is_not_known_while_an_assistant_cannot_be_read(loaded: Loaded) -> None:
    _, problems = loaded({"assistants/shop.yaml": "[", "assistants/shop/rates.yaml": "a: 1"})
    assert [problem.partition(":")[0] for problem in problems] == ["assistants/shop.yaml"]


def test_what_is_not_a_file_in_the_workspace_is_found(write: Write, tmp_path: Path) -> None:
    root = write({"inside/assistctl.yaml": "version: 1\nworkspace: x\n", "far.yaml": "name: x\n"})
    assistants = root / "inside" / "assistants"
    (assistants / "directory.yaml").mkdir(parents=True)
    (assistants / "far.yaml").symlink_to(root / "far.yaml")
    (assistants / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(assistants / "pipe.yaml")
    _, problems = load(root / "inside", environ={})
    assert list(map(str, problems)) == [
        "assistants/directory.yaml: is not a regular file; remove it",
        "assistants/far.yaml: leads outside the workspace; copy the file in its place",
        "assistants/loop.yaml: is not a regular file; remove it",
        "assistants/pipe.yaml: is not a regular file; remove it",
    ]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_an_unreadable_directory_is_found(write: Write) -> None:
    root = write({"assistants/shop.yaml": "name: Shop\n"})
    (root / "assistants").chmod(0)
    try:
        _, problems = load(root, environ={})
    finally:
        (root / "assistants").chmod(0o755)
    assert list(map(str, problems)) == [
        "assistants: cannot be read: permission denied; correct its rights"
    ]


def test_a_file_name_that_is_not_utf_8_can_be_shown(write: Write) -> None:
    root = write({"assistants/shop.yaml": "name: Shop\n"})
    path = os.fsencode(root / "assistants") + b"/caf\xe9.yaml"
    try:
        with open(path, "w") as stream:  # noqa: PTH123
            stream.write("name: Shop\n")
    except OSError:
        pytest.skip("this file system only takes UTF-8")
    _, problems = load(root, environ={})
    "\n".join(map(str, problems)).encode()
    assert [problem.place.file for problem in problems] == ["assistants/caf\ufffd.yaml"]
