"""What snapshots keep, which of them a rollback takes, and what a kill leaves of both."""

import json
import os
import shutil
import stat
import threading

import pytest

from tests.commands.middleman import staging
from tests.commands.test_rollback import AFTER, BEFORE, change, clerk, searched, snapshots


def drop_the_prices(shop):
    """A sync after which nothing declares the clerk's file, which is gone from the disk too."""
    shop.edit("assistants/clerk.yaml", "    files: [prices.csv]\n", "")
    (shop.root / "assistants" / "prices.csv").unlink()
    assert shop("sync", "--yes", "-q").code == 0


def declare_the_prices(shop):
    shop.edit("assistants/clerk.yaml", "interpreter\n", "interpreter\n    files: [prices.csv]\n")
    (shop.root / "assistants" / "prices.csv").write_text(BEFORE[1])


def test_a_snapshot_is_for_its_owner_only_whatever_the_umask(synced):
    parent = synced.root / ".assistctl" / "snapshots"
    (parent / "local").mkdir(parents=True)  # as an older version has made them
    synced.edit("assistants/clerk.yaml", "    files: [prices.csv]\n", "")
    before = os.umask(0)
    try:
        assert synced("sync", "--yes", "-q").code == 0
    finally:
        os.umask(before)
    (snapshot,) = snapshots(synced)
    modes = {
        str(path.relative_to(snapshot)): stat.S_IMODE(path.stat().st_mode)
        for path in sorted(snapshot.rglob("*"))
    }
    assert modes == {
        "files": 0o700,
        "files/assistants": 0o700,
        "files/assistants/prices.csv": 0o600,
        "snapshot.json": 0o600,
    }
    above = (snapshot, parent / "local", parent)
    assert [stat.S_IMODE(path.stat().st_mode) for path in above] == [0o700, 0o700, 0o700]


@pytest.mark.parametrize("later", [(), ("sync", "--yes", "-q", "--prune")])
def test_a_file_that_is_declared_no_longer_comes_back(synced, later):
    drop_the_prices(synced)
    assert not later or synced(*later).code == 0
    code, out, _ = synced("rollback", "clerk", "--yes")
    assert (code, "Note" in out) == (0, False)
    assert clerk(synced) == BEFORE
    declare_the_prices(synced)
    assert synced("plan") == (0, "No changes. local is as declared.\n", "")


def test_a_file_comes_back_as_the_upload_that_is_still_at_the_target(synced):
    """As at a target that gives no contents away."""
    drop_the_prices(synced)
    (snapshot,) = snapshots(synced)
    shutil.rmtree(snapshot / "files")
    with synced.target() as target:
        before = sorted(item["id"] for item in target.list("/files"))
    assert synced("rollback", "clerk", "--yes", "-q").code == 0
    assert clerk(synced) == BEFORE
    with synced.target() as target:
        assert sorted(item["id"] for item in target.list("/files")) == before
    declare_the_prices(synced)
    assert synced("sync", "--yes", "-q", "--prune").code == 0
    assert clerk(synced) == BEFORE


def test_a_file_of_a_store_comes_back_though_nothing_declares_it(synced):
    (synced.root / "handbook" / "new.md").write_text("New.\n")
    synced("sync", "--yes", "-q")
    (synced.root / "handbook" / "new.md").unlink()
    synced("sync", "--yes", "-q", "--prune")
    assert searched(synced) == {"handbook": ["care.md"]}
    assert synced("rollback", "vector_store/handbook", "--yes", "-q") == (0, "", "")
    assert searched(synced) == {"handbook": ["care.md", "new.md"]}


def test_content_that_another_snapshot_keeps_is_found_there(synced):
    synced.edit("assistants/clerk.yaml", "Be brief", "Be silent")
    synced("sync", "--yes", "-q")
    synced.edit("assistants/clerk.yaml", "Be silent", "Be brief")
    change(synced)
    (first, _) = snapshots(synced)
    assert not (first / "files").exists()
    assert synced("rollback", "clerk", "--yes", "-q", "--to", first.name) == (0, "", "")
    assert clerk(synced) == BEFORE


def test_what_is_lost_is_said_though_nothing_is_left_to_do(synced):
    (synced.root / "handbook" / "new.md").write_text("New.\n")
    synced("sync", "--yes", "-q")
    (synced.root / "handbook" / "new.md").unlink()
    synced("sync", "--yes", "-q", "--prune")
    *_, last = snapshots(synced)
    document = json.loads((last / "snapshot.json").read_text())
    for file in document["files"]:
        file["id"] = ""
    (last / "snapshot.json").write_text(json.dumps(document))
    shutil.rmtree(last / "files")
    assert synced("rollback", "vector_store/handbook", "--yes") == (
        0,
        "",
        "Note: file/handbook/new.md is neither here nor at the target any more, and is left out\n"
        f"vector_store/handbook is as it was before {last.name}, as far as it could be had "
        "again.\n",
    )


def test_a_snapshot_of_another_target_is_refused(synced):
    change(synced)
    (snapshot,) = snapshots(synced)
    with staging(synced.root, lambda method, path, ask: ask()) as (_, environ):
        assert synced("rollback", "clerk", "--yes", "--to", str(snapshot), **environ) == (
            1,
            "",
            f"error: the snapshot {snapshot} is of the target 'local', not of 'staging'; to go "
            "back there, use --target local\n",
        )


def test_an_artifact_may_be_named_as_it_was_unpacked(synced, tmp_path):
    change(synced)
    shutil.move(synced.root / ".assistctl" / "snapshots", tmp_path / "artifact")
    assert synced("rollback", "clerk", "--yes", "--to", str(tmp_path / "artifact")).code == 0
    assert clerk(synced) == BEFORE
    (first,) = (tmp_path / "artifact" / "local").iterdir()
    second = shutil.copytree(first, first.with_name("later"))
    assert synced("rollback", "clerk", "--to", str(tmp_path / "artifact")) == (
        1,
        "",
        f"error: {tmp_path / 'artifact'}: there is more than one snapshot; name one of them:\n"
        f"  {first}\n  {second}\n",
    )


class Holder:
    """A middleman who keeps the answer to the first change of an assistant back."""

    def __init__(self):
        self.holds, self.held, self.released = False, threading.Event(), threading.Event()

    def __call__(self, method, path, ask):
        answer = ask()
        if self.holds and method == "POST" and path.startswith("/v1/assistants/"):
            self.holds = False
            self.held.set()
            self.released.wait()
        return answer

    def kill(self, shop, *arguments, **environ):
        """Start a command, and kill it while it waits for that answer."""
        self.holds = True
        with shop.started(*arguments, **environ) as started:
            assert self.held.wait(100)
            started.process.kill()
            started.process.wait()
        self.released.set()


def instructions(client):
    (body,) = [it for it in client.list("/assistants") if it["name"] == "Clerk"]
    return body["instructions"]


def names(shop):
    return sorted(
        path.name for path in (shop.root / ".assistctl" / "snapshots" / "staging").iterdir()
    )


def test_a_rollback_that_was_killed_goes_on_when_it_is_repeated(shop):
    holder = Holder()
    with staging(shop.root, holder) as (client, environ):
        assert shop("sync", "--yes", "-q", **environ).code == 0
        shop.edit("assistants/prices.csv", "rose", "tulip")
        shop.edit("assistants/clerk.yaml", "Be brief", "Be long")
        assert shop("sync", "--yes", "-q", **environ).code == 0
        holder.kill(shop, "rollback", "clerk", "--yes", **environ)
        (first, _) = names(shop)
        code, _, err = shop("rollback", "clerk", "--yes", "-q", **environ)
        note = f"note: goes on with the rollback to {first}, which was cut off\n"
        assert (code, err) == (0, note)
        assert instructions(client) == BEFORE[0]
        # Once it has come to its end, another one takes it back.
        code, _, err = shop("rollback", "clerk", "--yes", "-q", **environ)
        assert (code, "that is where it goes" in err) == (0, True)
        assert instructions(client) == AFTER[0]
        assert shop("plan", **environ).out == "No changes. staging is as declared.\n"


def test_a_sync_that_was_killed_and_the_one_that_finished_it_are_taken_back_as_one(shop):
    holder = Holder()
    with staging(shop.root, holder) as (client, environ):
        assert shop("sync", "--yes", "-q", **environ).code == 0
        shop.edit("assistants/prices.csv", "rose", "tulip")
        shop.edit("assistants/clerk.yaml", "Be brief", "Be long")
        holder.kill(shop, "sync", "--yes", **environ)
        assert shop("sync", "--yes", "-q", **environ).code == 0
        (first, second) = names(shop)
        code, _, err = shop("rollback", "clerk", "--yes", "-q", **environ)
        assert (code, err) == (
            0,
            f"note: what was to be done after {first} was cut off, so that is where it goes; "
            f"`--to {second}` goes to how it was in between\n",
        )
        assert instructions(client) == BEFORE[0]
        # To how it was in between there is a way, too, which comes to its end.
        shop.edit("assistants/clerk.yaml", "Be long", "Be loud")
        assert shop("sync", "--yes", "-q", **environ).code == 0
        shop.edit("assistants/clerk.yaml", "Be loud", "Be long")
        assert shop("rollback", "clerk", "--yes", "-q", "--to", second, **environ) == (0, "", "")
        assert instructions(client) == AFTER[0]
        as_it_was = f"assistant/clerk is as it was before {second}.\n"
        again = shop("rollback", "clerk", "--yes", "--to", second, **environ)
        assert again == (0, "", as_it_was)
        assert shop("plan", **environ).out == "No changes. staging is as declared.\n"


def test_a_sync_without_changes_tells_that_what_was_cut_off_had_been_done(synced):
    change(synced)
    (first,) = snapshots(synced)
    (first / "unfinished").write_text("")
    assert synced("sync", "--yes", "-q").code == 0
    assert not (first / "unfinished").exists()


def test_the_oldest_snapshot_is_not_let_go_by_the_rollback_to_it(synced):
    change(synced)
    (oldest,) = snapshots(synced)
    for number in range(19):
        shutil.copytree(oldest, oldest.with_name(f"3000-{number:02}"))
    assert synced("rollback", "clerk", "--yes", "-q", "--to", oldest.name).code == 0
    assert oldest in snapshots(synced)
    assert len(snapshots(synced)) == 21


def test_what_a_kill_left_of_a_snapshot_takes_no_place_of_a_whole_one(synced):
    change(synced)
    (oldest,) = snapshots(synced)
    for number in range(30):
        oldest.with_name(f"3000-{number:02}").mkdir()
    synced.edit("assistants/greeter.yaml", "any language", "each language")
    assert synced("sync", "--yes", "-q").code == 0
    assert oldest in snapshots(synced)
