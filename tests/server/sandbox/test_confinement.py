"""Where there can be no sandbox, that is said, and code is not run."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from pathlib import Path

import pytest

from assistctl.server.sandbox import Execution, Limits, Sandboxes
from assistctl.server.sandbox.confinement import Unavailable, confinement
from assistctl.server.sandbox.python import own_python


@pytest.fixture
def untried():
    """Sandboxes, whether they are possible here or not."""
    sandboxes = Sandboxes()
    yield sandboxes
    sandboxes.close_all()


def test_without_bubblewrap_the_reason_says_how_to_get_it(monkeypatch, tmp_path, untried):
    monkeypatch.setenv("PATH", str(tmp_path))
    reason = "bubblewrap is not installed (Debian: apt-get install bubblewrap)"
    assert untried.available() == reason
    assert untried.execute("t", "open('/tmp/ran', 'w')") == Execution(
        f"[The code was not run: {reason}.]\n", error=reason
    )


def test_a_bubblewrap_that_fails_is_quoted(monkeypatch, tmp_path, untried):
    fake_bwrap(tmp_path, "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    assert untried.available() == (
        "code cannot be confined here (bwrap: setting up uid map: Permission denied); perhaps"
        " this user, container or service may not make namespaces: look at the sysctls"
        " user.max_user_namespaces and kernel.apparmor_restrict_unprivileged_userns, at the"
        " container's security options, or at the unit's Protect… and Restrict… lines"
    )


@pytest.mark.parametrize("script", ["exit 0", "echo hello >&3; exit 3"])
def test_a_bubblewrap_that_does_something_else_is_not_taken_for_one(
    monkeypatch, tmp_path, untried, script
):
    fake_bwrap(tmp_path, script)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    reason = untried.available()
    assert reason is not None and reason.startswith("code cannot be confined here (")


def test_a_sandbox_that_becomes_possible_is_noticed(confinable, monkeypatch, tmp_path, untried):
    path = os.environ["PATH"]
    monkeypatch.setenv("PATH", str(tmp_path))
    assert untried.available() is not None
    monkeypatch.setenv("PATH", path)
    assert untried.available() is None


@pytest.mark.parametrize(
    ("system", "machine", "reason"),
    [
        ("Darwin", "arm64", "code runs in a sandbox that only Linux has"),
        ("Linux", "riscv64", "there is no filter of system calls for riscv64 yet"),
    ],
)
def test_other_machines_have_none(monkeypatch, system, machine, reason):
    monkeypatch.setattr(platform, "system", lambda: system)
    monkeypatch.setattr(platform, "machine", lambda: machine)
    with pytest.raises(Unavailable, match=reason):
        confinement(own_python([]))


ENCLOSED = """
import ctypes, os, sys
from pathlib import Path
from assistctl.server.sandbox import Sandboxes
user, group = os.geteuid(), os.getegid()
if ctypes.CDLL(None).unshare(0x10000000):
    sys.exit(77)
Path("/proc/sys/user/max_user_namespaces").write_text("0")
Path("/proc/self/setgroups").write_text("deny")
Path("/proc/self/uid_map").write_text(f"{sys.argv[1]} {user} 1")
Path("/proc/self/gid_map").write_text(f"{sys.argv[1]} {group} 1")
sandboxes = Sandboxes()
print(sandboxes.execute("t", "open('/tmp/ran', 'w')").output, end="")
sandboxes.close_all()
"""


@pytest.mark.parametrize(
    ("user", "reason"),
    [
        (0, "the server runs as the root of a container that has no other users to run code as; "),
        (1000, "code cannot be confined here (bwrap: "),
    ],
)
def test_a_user_who_may_not_make_namespaces_is_told_and_code_is_not_run(confinable, user, reason):
    told = subprocess.run(
        [sys.executable, "-c", ENCLOSED, str(user)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
    )
    if told.returncode == 77:
        pytest.skip("this user may not make namespaces at all")
    assert told.stderr == ""
    assert told.stdout.startswith(f"[The code was not run: {reason}")


def test_root_gives_every_interpreter_a_user_of_its_own(confinable):
    walls = confinement(own_python([]))
    users = {walls.new_user() for _ in range(5)}
    if os.geteuid() == 0:
        assert len(users) == 5
        assert all(user is not None and user > 1000 for user in users)
        assert "--unshare-user" not in walls.options(Limits(), 9)
    else:
        assert users == {None}
        assert "--unshare-user" in walls.options(Limits(), 9)


def test_whatever_is_writable_has_a_size(run):
    told = run("print(*(mount for mount in open('/proc/self/mounts') if ' rw,' in mount), sep='')")
    writable = [line.split() for line in told.output.splitlines() if line and " /dev/" not in line]
    assert [
        (kind, place, "size=" in options) for _, place, kind, options, *_ in sorted(writable)
    ] == [
        ("proc", "/proc", False),
        ("tmpfs", "/mnt/data", True),
        ("tmpfs", "/tmp", True),
    ]


def fake_bwrap(folder: Path, script: str) -> None:
    program = folder / "bwrap"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
