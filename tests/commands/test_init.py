import subprocess
from pathlib import Path

import pytest

from tests import forking

FILES = [
    ".gitignore",
    "assistants/guide.md",
    "assistants/guide.script.yaml",
    "assistants/guide.yaml",
    "assistctl.yaml",
    "tools/museum.py",
]


def assistctl(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return forking.run(["-m", "assistctl", *arguments], cwd=cwd, stdin=subprocess.DEVNULL)


def files_below(directory: Path) -> list[str]:
    return sorted(
        path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file()
    )


def test_a_new_directory_gets_a_workspace_and_the_next_steps(tmp_path: Path) -> None:
    result = assistctl("init", "my shop", cwd=tmp_path)
    assert (result.returncode, result.stderr) == (0, "")
    assert (
        result.stdout
        == """\
Wrote:
  assistants/guide.md
  assistants/guide.script.yaml
  assistants/guide.yaml
  assistctl.yaml
  .gitignore
  tools/museum.py

Next:
  cd 'my shop'
  assistctl plan
  assistctl sync
  assistctl run guide "When are you open on Saturday?"

A script answers in the place of a language model (assistants/guide.script.yaml); the
function call is real. To ask a real model, set targets.local.model in assistctl.yaml.
"""
    )
    assert files_below(tmp_path / "my shop") == FILES
    assert 'workspace: "my-shop"' in (tmp_path / "my shop" / "assistctl.yaml").read_text()
    assert (tmp_path / "my shop" / ".gitignore").read_text() == (
        ".assistctl/\n.env\n.venv/\n__pycache__/\n"
    )


@pytest.mark.parametrize("arguments", [["init"], ["init", "."], ["-C", ".", "init"]])
def test_the_current_directory_needs_no_cd(arguments: list[str], tmp_path: Path) -> None:
    result = assistctl(*arguments, cwd=tmp_path)
    assert "  cd " not in result.stdout
    assert files_below(tmp_path) == FILES


def test_quiet_writes_and_says_nothing(tmp_path: Path) -> None:
    result = assistctl("init", "-q", "a/b", cwd=tmp_path)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    assert files_below(tmp_path / "a" / "b") == FILES


def test_nothing_is_written_if_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "museum.py").write_text("mine\n")
    (tmp_path / "assistctl.yaml").symlink_to("nowhere")
    result = assistctl("init", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == (
        "error: these files are in the way, nothing was written:\n"
        "  assistctl.yaml\n"
        "  tools/museum.py\n"
        "Choose another directory or move them away; init never overwrites.\n"
    )
    assert files_below(tmp_path) == ["tools/museum.py"]
    assert (tmp_path / "tools" / "museum.py").read_text() == "mine\n"


def test_a_gitignore_that_is_there_stays_and_is_spoken_of(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("mine\n")
    result = assistctl("init", cwd=tmp_path)
    assert result.returncode == 0
    assert "\nAdd .assistctl/ to your .gitignore: it holds the local database.\n" in result.stdout
    assert "  .gitignore\n" not in result.stdout
    assert (tmp_path / ".gitignore").read_text() == "mine\n"


@pytest.mark.parametrize(
    ("directory", "name"),
    [
        ("2024", "2024"),
        ("花店", "花店"),
        ("🌹", "assistants"),
        ("-My.Shop_", "my-shop"),
        ("x" * 80, "x" * 63),
    ],
)
def test_the_workspace_is_named_after_its_directory(
    directory: str, name: str, tmp_path: Path
) -> None:
    assert assistctl("init", "--", directory, cwd=tmp_path).returncode == 0
    assert f'\nworkspace: "{name}"\n' in (tmp_path / directory / "assistctl.yaml").read_text()


def test_a_directory_that_cannot_be_made_is_a_plain_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    result = assistctl("init", "file/below", cwd=tmp_path)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr == "error: file/below/assistants: Not a directory\n"


def test_the_workspace_works_without_any_key(tmp_path: Path) -> None:
    assert assistctl("init", cwd=tmp_path).returncode == 0
    validated = assistctl("validate", cwd=tmp_path)
    assert (validated.stdout, validated.stderr) == (
        "Valid: 1 assistant, 1 function, 0 files.\n",
        "",
    )
    assert assistctl("plan", "--detailed-exitcode", cwd=tmp_path).returncode == 2
    synced = assistctl("sync", "--yes", cwd=tmp_path)
    assert synced.returncode == 0, synced.stderr
    assert assistctl("plan", "--detailed-exitcode", cwd=tmp_path).returncode == 0
    answer = assistctl("run", "guide", "When are you open on Saturday?", cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (
        0,
        "On Saturday the museum is open from 10:00 to 16:00. See you there!\n",
    )
    assert '→ opening_hours {"day": "saturday"}\n← opening_hours ok 10:00 to 16:00' in answer.stderr
