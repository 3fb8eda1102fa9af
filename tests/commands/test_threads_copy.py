"""assistctl threads copy: each pair of the three APIs at the embedded server."""

import json
import shutil

import pytest

from assistctl.apis.agents.threads import AS_ONE
from assistctl.apis.assistants.threads import OF_RUNS
from assistctl.apis.transport.client import path_of
from assistctl.errors import RemoteError
from assistctl.loading import load
from assistctl.surface import Called
from assistctl.targets import opened
from tests.commands.conftest import TEMPLATE, Shop

APIS = ("assistants", "responses", "agents")
ADD = Called("add", '{"a": 1, "b": 2}', "3")
STEERED = "1 × function call in the answer to that, not made"
UNTOLD = "care.md, of which responses does not tell"
UNSEEN = "1 × care.md, which only code can read"
LEFT = {
    ("assistants", "assistants"): [f"1 × {OF_RUNS}"],
    ("responses", "assistants"): [UNTOLD, f"1 × {OF_RUNS}"],
    ("responses", "responses"): [UNTOLD],
    ("agents", "assistants"): [f"1 × {OF_RUNS}"],
    ("agents", "responses"): [UNSEEN],
    ("assistants", "agents"): [AS_ONE, STEERED],
    ("responses", "agents"): [UNTOLD, AS_ONE, STEERED],
    ("agents", "agents"): [AS_ONE, STEERED],
}


def say(shop, api, *words):
    ran = shop.raw("run", "-t", api, "clerk", *words, "--format", "json")
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["thread"]


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A shop with a target of each API, and a thread at each, by its name."""
    shop = Shop(shutil.copytree(TEMPLATE, tmp_path_factory.mktemp("held") / "shop"))
    targets = "".join(
        f"  {api}: {{api: {api}, model: scripted"
        + (", emulate: [file_search]}\n" if api == "agents" else "}\n")
        for api in APIS
    )
    shop.edit("assistctl.yaml", "targets:\n", f"targets:\n{targets}")
    threads = {}
    for api in APIS:
        threads[api] = say(shop, api, "the sum, please", "--attach", "handbook/care.md")
        assert say(shop, api, "--continue", "hello") == threads[api]
    return shop, threads


def told(shop, api, thread):
    """What a target tells of a thread; of files their names."""
    with opened(load(shop.root, api)) as surface:
        return [
            entry
            if isinstance(entry, Called)
            else (entry.role, entry.text, *(file.name for file in entry.files))
            for entry in surface.read_thread(thread).entries
        ]


def expected(source, to):
    """What was said, as it is at the copy's target."""
    unseen = source == "responses" or (source, to) == ("agents", "responses")
    seen = () if unseen else ("care.md",)
    start = ("user", "the sum, please", *seen)
    rest = [("assistant", "The sum is 3."), ("user", "hello"), ("assistant", "Hello!")]
    return [start, *([] if to == "assistants" else [ADD]), *rest]


@pytest.mark.parametrize("to", APIS)
@pytest.mark.parametrize("source", APIS)
def test_a_copy_has_what_its_api_takes_and_a_run_goes_on_with_it(held, source, to):
    shop, threads = held
    made = shop.raw("threads", "copy", threads[source], "--to", to, "--format", "json")
    assert made.returncode == 0, made.stderr
    copied = json.loads(made.stdout)
    thread = copied.pop("thread")
    assert thread not in threads.values()
    assert copied == {
        "target": to,
        "assistant": "clerk",
        "messages": 4,
        "calls": 1,
        "left": LEFT.get((source, to), []),
    }
    there = told(shop, to, thread)
    if to == "agents":
        (role, text, *files), *_ = there
        assert (role, files) == ("user", [] if source == "responses" else ["care.md"])
        assert text.endswith(
            '[user]\nthe sum, please\n\n[assistant calls add]\n{"a": 1, "b": 2}\n[which returns]\n'
            "3\n\n[assistant]\nThe sum is 3.\n\n[user]\nhello\n\n[assistant]\nHello!"
        )
    else:
        assert there == expected(source, to)
    shown = json.loads(shop.raw("threads", "show", thread, "--format", "json").stdout)
    assert (shown["title"], shown["turns"][1]["message"]) == ("the sum, please", "hello")
    assert say(shop, to, "--continue", "hello") == thread
    assert told(shop, to, thread)[-2:] == [("user", "hello"), ("assistant", "Hello!")]


def test_the_id_goes_to_stdout_and_what_is_not_the_same_to_stderr(held):
    shop, threads = held
    assert shop("threads", "copy", threads["responses"], "--to", "assistants") == (
        0,
        "thread_…\n",
        f"Copied a thread of 4 messages and 1 function call to assistants.\n"
        f"  not the same there: {UNTOLD}\n  not the same there: 1 × {OF_RUNS}\n",
    )


def test_what_its_target_does_not_tell_any_more_is_copied_from_the_record(held):
    shop, _ = held
    thread = say(shop, "assistants", "the sum, please", "--attach", "handbook/care.md")
    with opened(load(shop.root, "assistants")) as surface:
        surface.delete_thread(thread)
    made = shop.raw("threads", "copy", thread, "--to", "responses", "--format", "json")
    copied = json.loads(made.stdout)
    why, file = copied["left"]
    assert why.startswith(f"assistants does not tell it (GET /threads/{thread}/messages: 404 ")
    assert why.endswith(", so it is as it was recorded here")
    assert file == "care.md, of which only the name is recorded"
    assert told(shop, "responses", copied["thread"]) == [
        ("user", "the sum, please"),
        ADD,
        ("assistant", "The sum is 3."),
    ]


def test_a_thread_that_is_not_recorded_here_is_copied_by_its_id_from_its_target(held):
    shop, _ = held
    thread = say(shop, "responses", "the sum, please")
    assert shop("threads", "delete", thread).code == 0
    copy = ("threads", "copy", thread, "--to", "assistants")
    told_not = (
        "error: thread_nowhere is not recorded here, and assistants does not tell it: GET"
        " /threads/thread_nowhere/messages: 404 No thread found with id 'thread_nowhere'.\n"
    )
    nowhere = ("threads", "copy", "thread_nowhere", "-t", "assistants", "--to", "responses")
    assert shop(*nowhere) == (1, "", told_not)
    assert shop(*copy, "-t", "responses") == (
        1,
        "",
        f"error: {thread} is not recorded here, so nobody knows with which assistant it was held;"
        " name with --assistant who goes on with it\n",
    )
    made = shop.raw(*copy, "-t", "responses", "--assistant", "clerk")
    assert made.returncode == 0, made.stderr
    assert told(shop, "assistants", made.stdout.strip()) == [
        ("user", "the sum, please"),
        ("assistant", "The sum is 3."),
    ]


def test_that_a_copy_costs_a_turn_is_said_before_it_is_made(held):
    shop, threads = held
    code, _, err = shop("threads", "copy", threads["assistants"], "--to", "agents")
    assert (code, err.splitlines()[0]) == (
        0,
        "note: at agents it is copied as the first message of a session, which the assistant"
        " answers: a turn that costs tokens",
    )


def test_a_chain_of_responses_is_deleted_from_its_newest_to_its_first(held):
    shop, _ = held
    with opened(load(shop.root, "responses")) as surface:
        body = {"model": "gpt-6-luna", "input": "Hi"}
        first = surface.client.create("/responses", body)["id"]
        second = surface.client.create("/responses", {**body, "previous_response_id": first})["id"]
        surface.delete_thread(second)
        for response in (first, second):
            with pytest.raises(RemoteError, match=" 404 "):
                surface.client.get(path_of("/responses", response))
