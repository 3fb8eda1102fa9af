"""Where another interpreter finds packages, told by its directories."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from assistctl.toolbox.site_packages import find_spec, own_python, search_path

Write = Callable[[dict[str, str]], Path]
PACKAGES = ".venv/lib/python3.12/site-packages"


def test_packages_are_found_in_the_environment_and_where_its_pth_files_lead(write: Write) -> None:
    root = write(
        {
            ".venv/bin/python": "raise SystemExit('nobody starts it')",
            ".venv/pyvenv.cfg": "home = /usr/bin\ninclude-system-site-packages = false\n",
            f"{PACKAGES}/plain/__init__.py": "",
            f"{PACKAGES}/editable.pth": "# note\n\nimport site\n../../../../src\n/no/such\n",
            "src/developed.py": "",
        }
    )
    search = search_path(root / ".venv/bin/python")
    assert [Path(each).resolve() for each in search] == [root / PACKAGES, root / "src"]
    assert origin("plain", search) == root / PACKAGES / "plain/__init__.py"
    assert origin("developed", search) == root / "src/developed.py"
    assert find_spec("pydantic", search) is None
    assert find_spec("json", search) is not None
    assert find_spec("pydantic", None) is not None


def test_an_environment_may_see_those_of_the_python_it_was_made_of(write: Write) -> None:
    root = write(
        {
            "base/lib/python3/dist-packages/shared.py": "",
            ".venv/bin/python": "",
            f"{PACKAGES}/own.py": "",
        }
    )
    cfg = f"home = {root}/base/bin\ninclude-system-site-packages = true\n"
    write({".venv/pyvenv.cfg": cfg})
    search = search_path(root / ".venv/bin/python")
    assert search == (str(root / PACKAGES), str(root / "base/lib/python3/dist-packages"))
    assert origin("shared", search) == root / "base/lib/python3/dist-packages/shared.py"


def test_an_environment_beside_the_workspace_has_a_name(write: Write, tmp_path: Path) -> None:
    assert own_python(tmp_path) is None
    assert own_python(write({".venv/bin/python": ""})) == ".venv/bin/python"


def origin(name: str, search: tuple[str, ...]) -> Any:
    spec = find_spec(name, search)
    return spec and spec.origin and Path(spec.origin).resolve()
