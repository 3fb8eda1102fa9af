"""Where there can be no sandbox, that is said, and code is not run."""

from __future__ import annotations

import os
import platform
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
    mounts = run("print(open('/proc/self/mounts').read())").output.splitlines()
    writable = [mount.split() for mount in mounts if " rw," in mount and " /dev/" not in mount]
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
