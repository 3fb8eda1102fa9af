"""A sync that is stopped ends at a seam, says what is done, and the next one goes on from there."""

import re
import signal
import time

import pytest

from tests.apis.florists import florists_at
from tests.apis.jobs import TIMEOUT
from tests.apis.scene import UPLOAD, sort_files


@pytest.fixture
def florists(target, api, tmp_path):
    with florists_at(target, api, tmp_path) as florists:
        florists.prepare()
        yield florists


def at_upload(proxy, number, do):
    """Something happens once the target has carried out this upload."""
    uploads = []

    def decide(count, request):
        if str(request) != UPLOAD:
            return None
        uploads.append(count)
        if len(uploads) != number:
            return None

        def fault(request, forward):
            answer = forward(request)
            do()
            return answer

        return fault

    proxy.fault = decide


def stop(job, number):
    """Until it says so, since a signal may be late where much is going on."""
    job.interrupt(number)
    latest = time.monotonic() + 0.8 * TIMEOUT
    while "stopping after" not in job.said and time.monotonic() < latest:
        time.sleep(0.01)


def uploads(florists):
    return sum(str(request) == UPLOAD for request in florists.proxy.requests)


def in_sync(florists):
    """What is not as it should be once the next sync has gone on."""
    first = uploads(florists)
    florists.proxy.reset()
    code, said = florists.called("sync", "--yes")
    assert code == 0, said
    orphans, used = sort_files(florists.direct)
    return first, uploads(florists), len(used), [file["filename"] for file in orphans], said


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_sync_that_is_stopped_says_what_is_done_and_goes_on_the_next_time(florists, number):
    job = florists.job("sync", "--yes", "--parallel", "1")
    at_upload(florists.proxy, 3, lambda: stop(job, number))
    assert job.start().wait() == 130, job.said
    assert "\nstopping after what is under way ... (once more: at once)\n" in job.said
    made = int(re.search(r"interrupted: (\d+) of 14 changes are made; not made: ", job.said)[1])
    assert made in (3, 4)  # the third one is answered while the next may have begun
    assert job.said.endswith("the next sync goes on from here\n")
    assert "bug" not in job.said
    assert "\u2717" not in job.said
    first, second, used, orphans, said = in_sync(florists)
    assert (first + second, used, orphans) == (6, 6, [])
    assert f"Note: {first} uploads of a sync that was cut off, which this one goes on with" in said
    assert florists.called("plan", "--detailed-exitcode")[0] == 0
    assert not (florists.root / ".assistctl/uploads").exists()


def test_a_second_signal_ends_it_at_once(florists):
    job = florists.job("sync", "--yes", "--parallel", "1")

    def twice():
        job.interrupt()
        job.interrupt()

    at_upload(florists.proxy, 2, twice)
    assert job.start().wait() == 130, job.said
    assert "interrupted" in job.said
    assert in_sync(florists)[3] == []


def test_a_killed_sync_leaves_at_most_the_upload_that_was_under_way(florists):
    job = florists.job("sync", "--yes", "--parallel", "1")
    at_upload(florists.proxy, 4, job.kill)
    assert job.start().wait() == -signal.SIGKILL
    florists.proxy.door.wait_until_left()
    first, second, used, orphans, _ = in_sync(florists)
    assert (first, used) == (4, 6)
    assert len(orphans) <= 1
    assert second == 6 - first + len(orphans)


def test_what_was_uploaded_and_has_changed_since_goes_with_the_next_sync(florists):
    job = florists.job("sync", "--yes", "--parallel", "1")
    at_upload(florists.proxy, 6, job.kill)
    job.start().wait()
    florists.proxy.door.wait_until_left()
    (florists.root / "assistants/prices.csv").write_text("rose,7")
    (florists.root / "assistants/costs.csv").write_text("rose,7.5")
    _, _, used, orphans, _ = in_sync(florists)
    assert used == 6
    assert len(orphans) <= 1


def test_in_ci_uploads_that_nothing_uses_yet_are_deleted_again(florists):
    job = florists.job("sync", "--yes", "--parallel", "1")
    job.environ["CI"] = "true"
    at_upload(florists.proxy, 3, job.interrupt)
    assert job.start().wait() == 130, job.said
    assert "uploads that nothing uses yet were deleted again; the next sync goes on" in job.said
    assert sort_files(florists.direct) == ([], [])


def test_a_sync_is_stopped_while_the_target_indexes(florists):
    job = florists.job("sync", "--yes", "--parallel", "1")

    def busy(request, body):
        if body.get("object") == "vector_store.files_batch":
            body["status"] = "in_progress"
            if request.method == "GET" and not stopped:
                stopped.append(job.interrupt())
        return body

    stopped = []
    florists.proxy.rewrite = busy
    assert job.start().wait() == 130, job.said
    florists.proxy.rewrite = lambda request, body: body
    assert in_sync(florists)[2:4] == (6, [])
