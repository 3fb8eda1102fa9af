"""Where an interpreter has its files. Asked of itself, so this file also runs as a script.

Standard library only, and nothing newer than Python 3.9, for the interpreters that it may run on.
"""

from __future__ import annotations

import json
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass, replace
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

_ANSWER_SECONDS = 30
_INSTALLERS = {"pip", "setuptools", "wheel"}
_SYSTEM_PREFIXES = ("/usr", "/usr/local")


@dataclass(frozen=True)
class Layout:
    """Paths: the program itself, what it cannot run without, and where its packages are.

    `base_packages` are those of the installation that a virtual environment was made from. They
    lie within the standard library, often, and need not be among `packages`.
    """

    executable: str
    needed: tuple[str, ...]
    packages: tuple[str, ...]
    base_packages: tuple[str, ...]
    installed: tuple[str, ...] = ()


def layout_here() -> Layout:
    # In a virtual environment the default is the environment's own folder for this.
    paths = sysconfig.get_paths(vars={"platbase": sys.base_exec_prefix})
    # The program finds its library beside itself, so all symbolic links are resolved.
    program = Path(getattr(sys, "_base_executable", None) or sys.executable).resolve()
    library = Path(paths["stdlib"]).resolve()
    platform_library = Path(paths["platstdlib"]).resolve()
    return Layout(
        str(program),
        _there([program, *_shared_libraries(), library, platform_library]),
        _there([Path(path) for path in sys.path if path.endswith("-packages")]),
        _there([library / "site-packages"]),
    )


def layout_of(command: str) -> Layout:
    """The same of another interpreter.

    Raises OSError or SubprocessError if it cannot be asked, ValueError if it gives no answer.
    """
    asked = subprocess.run(
        [command, "-I", __file__],
        capture_output=True,
        timeout=_ANSWER_SECONDS,
        check=False,
        text=True,
    )
    if asked.returncode or not asked.stdout:
        raise ValueError(asked.stderr.strip()[-500:] or "it does not answer as Python does")
    told: dict[str, Any] = json.loads(asked.stdout)
    return Layout(
        told["executable"],
        tuple(told["needed"]),
        tuple(told["packages"]),
        tuple(told["base_packages"]),
        tuple(told["installed"]),
    )


def _shared_libraries() -> list[Path]:
    """Those that it does not share with the system, by every path that it may ask for."""
    if sys.base_prefix not in _SYSTEM_PREFIXES:
        own = Path(sys.base_prefix, "lib")
    else:
        own = Path(*map(str, sysconfig.get_config_vars("LIBDIR", "INSTSONAME")))
    return [own, own.resolve()] if own.is_dir() or ".so" in own.name else []


def _installed(folders: tuple[str, ...]) -> tuple[str, ...]:
    names = {str(found.metadata["Name"]) for found in distributions(path=list(folders))}
    return tuple(sorted(names - _INSTALLERS, key=str.lower))


def _there(paths: list[Path]) -> tuple[str, ...]:
    return tuple(str(path) for path in dict.fromkeys(paths) if path.exists())


if __name__ == "__main__":
    if sys.version_info < (3, 9):  # noqa: UP036 - not our own interpreter
        sys.exit("Python 3.9 or newer is needed")
    here = layout_here()
    told = replace(here, installed=_installed(here.packages))
    sys.stdout.write(json.dumps(asdict(told)))
