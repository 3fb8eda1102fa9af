"""The wheel: all of the package, nothing else, and it works without the repository."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    directory = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(directory)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (built,) = directory.glob("*.whl")
    return built


def test_it_holds_the_package_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    source = ROOT / "cli"
    assert names == {
        path.relative_to(source).as_posix()
        for path in source.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_a_workspace_is_made_synced_and_run_from_it_elsewhere(wheel, tmp_path):
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "installed")

    # Coverage is of the sources, which these are a copy of.
    kept = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}

    def run(*words):
        done = subprocess.run(
            [sys.executable, *words],
            cwd=tmp_path,
            env={**kept, "PYTHONPATH": str(tmp_path / "installed")},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert run("-c", "import assistctl; print(assistctl.__file__)") == (
        f"{tmp_path}/installed/assistctl/__init__.py\n"
    )
    run("-m", "assistctl", "init", "shop")
    run("-m", "assistctl", "-C", "shop", "sync", "--yes")
    said = run("-m", "assistctl", "-C", "shop", "run", "guide", "Are you open on Saturday?")
    assert said == "On Saturday the museum is open from 10:00 to 16:00. See you there!\n"
