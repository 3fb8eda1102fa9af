import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

from assistctl.commands.init import TEMPLATES
from tests import calling

FILES = [
    ".gitignore",
    "assistants/guide.md",
    "assistants/guide.script.yaml",
    "assistants/guide.tests.yaml",
    "assistants/guide.yaml",
    "assistctl.schema.json",
    "assistctl.yaml",
    "tools/museum.py",
]


def assistctl(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return calling.run(arguments, cwd=cwd)


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
  assistants/guide.tests.yaml
  assistants/guide.yaml
  assistctl.yaml
  tools/museum.py
  .gitignore
  assistctl.schema.json

Next:
  cd 'my shop'
  assistctl plan
  assistctl sync
  assistctl run guide "When are you open on Saturday?"
  assistctl test

A script (assistants/*.script.yaml) answers in the place of a language model; all else is
real. To ask a real model, set targets.local.model in assistctl.yaml.
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


@dataclass(frozen=True)
class Template:
    """What a workspace made of a template says; `run` is what its next steps name."""

    valid: str
    run: list[str]
    answer: str
    story: str
    tests: int


GUIDE = Template(
    "1 assistant, 1 function, 0 files",
    ["guide", "When are you open on Saturday?"],
    "On Saturday the museum is open from 10:00 to 16:00. See you there!\n",
    '→ opening_hours {"day": "saturday"}\n← opening_hours ok 10:00 to 16:00',
    2,
)
MADE = {
    "guide": GUIDE,
    "rag": Template(
        "1 assistant, 0 functions, 2 files",
        ["support", "Can I return a gift?"],
        "Gifts can be returned within 60 days, without a receipt, for a voucher[1].\n\n"
        "[1] returns.md\n",
        "← file_search ok returns.md",
        3,
    ),
    "tools": Template(
        "1 assistant, 2 functions, 0 files",
        ["desk", "Which rooms are free on 1 May 2027?"],
        "For two guests, room 12 (95 euro) and room 21 (140 euro) are free on 1 May 2027.\n",
        '← free_rooms ok [{"number": 12, "beds": 2, "price": 95.0}, {"number": 21, ',
        2,
    ),
    "analyst": Template(
        "1 assistant, 0 functions, 1 file",
        ["analyst", "Chart the sales by region", "--save", "charts"],
        "The south sold most, 29,700 euro of 76,500. The chart is in "
        "[sales-by-region.svg](sandbox:/mnt/data/sales-by-region.svg).\n",
        "← code_interpreter ok south: 29,700 euro west: 17,900 euro",
        2,
    ),
}


@pytest.mark.parametrize("name", TEMPLATES)
def test_each_template_works_as_it_is_without_any_key(name: str, tmp_path: Path) -> None:
    expected = MADE[name]
    made = assistctl("init", "--template", name, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    assert f"  assistctl run {shlex.join(expected.run).replace(chr(39), chr(34))}\n" in made.stdout
    validated = assistctl("validate", "--strict", cwd=tmp_path)
    assert (validated.stdout, validated.stderr) == (f"Valid: {expected.valid}.\n", "")
    assert assistctl("plan", "--detailed-exitcode", cwd=tmp_path).returncode == 2
    synced = assistctl("sync", "--yes", cwd=tmp_path)
    assert synced.returncode == 0, synced.stderr
    assert assistctl("plan", "--detailed-exitcode", cwd=tmp_path).returncode == 0
    answer = assistctl("run", *expected.run, cwd=tmp_path)
    assert (answer.returncode, answer.stdout) == (0, expected.answer), answer.stderr
    assert expected.story in answer.stderr
    tested = assistctl("test", cwd=tmp_path)
    assert tested.returncode == 0, tested.stdout
    assert f"\n{expected.tests} passed in " in tested.stdout
    assert assistctl("plan", "--detailed-exitcode", cwd=tmp_path).returncode == 0


def test_the_chart_of_the_analyst_is_a_picture_with_a_bar_for_each_region(tmp_path: Path) -> None:
    assistctl("init", "--template", "analyst", cwd=tmp_path)
    assert assistctl("run", *MADE["analyst"].run, cwd=tmp_path).returncode == 0
    drawn = ElementTree.parse(tmp_path / "charts" / "sales-by-region.svg").getroot()
    svg = "{http://www.w3.org/2000/svg}"
    assert [text.text for text in drawn.iter(f"{svg}text")] == ["south", "west", "north", "east"]
    assert [bar.get("width") for bar in drawn.iter(f"{svg}rect")] == ["297", "179", "151", "138"]


def test_the_desk_books_what_was_allowed_and_no_room_twice(tmp_path: Path) -> None:
    assistctl("init", "--template", "tools", cwd=tmp_path)
    book = ["run", "desk", "Book room 12 for Ada"]
    refused = assistctl(*book, cwd=tmp_path).stderr
    assert "book_room needs approval, and nobody can be asked" in refused
    assert not (tmp_path / "bookings.csv").exists()
    done = assistctl(*book, "--approve-all", cwd=tmp_path)
    assert done.stdout == "Room 12 is yours on 1 May 2027, Ada. See you then!\n"
    assert (tmp_path / "bookings.csv").read_text() == "2027-05-01,12,Ada\n"
    again = assistctl(*book, "--approve-all", cwd=tmp_path)
    assert "room 12 is taken that night" in again.stdout


@pytest.mark.parametrize("name", TEMPLATES)
def test_every_yaml_file_names_the_schema_that_lies_in_the_workspace(
    name: str, tmp_path: Path
) -> None:
    assistctl("init", "--template", name, cwd=tmp_path)
    files = list(tmp_path.rglob("*.yaml"))
    assert len(files) == 4
    for file in files:
        header, _ = file.read_text(encoding="utf-8").split("\n", 1)
        named = header.removeprefix("# yaml-language-server: $schema=")
        assert (file.parent / named).resolve() == tmp_path / "assistctl.schema.json"
    printed = assistctl("schema", cwd=tmp_path).stdout
    assert (tmp_path / "assistctl.schema.json").read_text(encoding="utf-8") == printed
