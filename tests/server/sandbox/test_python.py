"""Which interpreter runs, and which packages it sees."""

from __future__ import annotations

import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from assistctl.server.sandbox import Limits
from assistctl.server.sandbox.confinement import confinement
from assistctl.server.sandbox.interpreter import Interpreter
from assistctl.server.sandbox.launch import launch
from assistctl.server.sandbox.layout import layout_here, layout_of
from assistctl.server.sandbox.python import Python, named_python, own_python

MODULES = "from importlib.util import find_spec\n[name for name in {} if find_spec(name)]"


@pytest.fixture
def modules(confinable: None):
    """Which of some modules are found by code under an interpreter."""

    def modules(python: Python, *names: str) -> str:
        interpreter = Interpreter(launch(confinement(python), Limits()), Limits())
        try:
            return interpreter.run(MODULES.format(names), threading.Event()).output
        finally:
            interpreter.close()

    return modules


def test_of_the_servers_packages_only_the_listed_ones_and_what_they_need_are_seen(modules):
    seen = modules(own_python(["httpx2", "no-such-thing"]), "httpx2", "anyio", "yaml", "openai")
    assert seen == "['httpx2', 'anyio']\n"


def test_a_package_with_compiled_parts_runs(confinable):
    python = own_python(["PyYAML"])
    interpreter = Interpreter(launch(confinement(python), Limits()), Limits())
    told = interpreter.run("import yaml; yaml.load('a: 1', yaml.CSafeLoader)", threading.Event())
    interpreter.close()
    assert told.output == "{'a': 1}\n"


def test_without_any_of_them_there_is_the_standard_library(modules):
    assert modules(own_python([]), "json", "sqlite3", "yaml", "pip") == "['json', 'sqlite3']\n"


RECORD = """\
rose.py,,
roses/__init__.py,,
roses/red.py,,
"roses,more/__init__.py",,
__pycache__/rose.cpython-311.pyc,,
rose.pth,,
../../../bin/rose,,
/usr/share/rose/rose.txt,,
rose-1.0.dist-info/RECORD,,
"""


def test_of_a_package_its_own_files_are_shown_and_nothing_that_it_has_elsewhere(
    tmp_path, monkeypatch
):
    about = tmp_path / "rose-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Name: Rose\nVersion: 1.0\nRequires-Dist: no-such-thing\n")
    (about / "RECORD").write_text(RECORD)
    monkeypatch.syspath_prepend(str(tmp_path))
    python = own_python(["rose"])
    assert python.shown[len(own_python([]).shown) :] == tuple(
        (str(tmp_path / name), f"/opt/packages/{name}")
        for name in ("rose.py", "roses", "roses,more", "rose-1.0.dist-info")
    )
    assert python.installed == ("rose",)


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    """A virtual environment with one package, made for code."""
    folder = tmp_path / "environment"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    (folder / "lib" / version / "site-packages" / "flowers.py").write_text("ROSE = 3")
    return folder


def test_an_interpreter_named_for_it_is_seen_with_all_its_packages(opened, environment):
    sandboxes = opened(python=str(environment / "bin" / "python"))
    assert sandboxes.execute("t", "import flowers; flowers.ROSE").output == "3\n"
    assert (
        sandboxes.execute("t", "import pip").error == "ModuleNotFoundError: No module named 'pip'"
    )


def test_the_layout_of_this_interpreter_is_what_it_says_when_asked(environment):
    here = layout_here()
    assert replace(layout_of(sys.executable), packages=here.packages, installed=()) == here
    made = layout_of(str(environment / "bin" / "python"))
    [packages] = made.packages
    assert made == replace(here, packages=(packages,))
    assert Path(packages).is_relative_to(environment)


@pytest.mark.parametrize("command", ["/no/such/python", "/bin/sh", "/bin/true"])
def test_what_is_no_interpreter_is_told_and_nothing_is_run(opened, command):
    sandboxes = opened(python=command)
    reason = sandboxes.available()
    assert reason is not None
    assert reason.startswith(f"the interpreter {command} cannot be used: ")
    assert sandboxes.execute("t", "1").output == f"[The code was not run: {reason}.]\n"


def test_an_environment_may_be_named_by_its_folder(environment):
    named = named_python(str(environment))
    assert named == named_python(str(environment / "bin" / "python"))
    assert named.installed == ()


def test_what_may_be_imported_is_told_well_known_packages_first(environment):
    for name in ("pip-25.0", "Aardvark-1.0", "Pandas-3.0"):
        folder = next(environment.glob("lib/*/site-packages")) / f"{name}.dist-info"
        folder.mkdir()
        (folder / "METADATA").write_text("Name: {}\nVersion: {}\n".format(*name.split("-")))
    assert named_python(str(environment)).installed == ("Pandas", "Aardvark")
    assert own_python(["PyYAML", "no-such-thing"]).installed == ("PyYAML",)


def test_an_environment_within_the_sandboxes_own_folders_is_shown_elsewhere(environment):
    shown = dict(named_python(str(environment / "bin" / "python")).shown)
    assert [to for source, to in shown.items() if source.startswith(str(environment))] == [
        "/opt/site-0"
    ]
