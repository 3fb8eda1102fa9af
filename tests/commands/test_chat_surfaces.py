"""A chat as a person has it on a terminal of tmux: by each API, and while an answer streams."""

import threading

import pytest

from tests.commands.conftest import Shop
from tests.commands.panes import chatting, needs_tmux, tmux_running
from tests.server.chat_endpoint import chat_endpoint_running, say

pytestmark = needs_tmux
APIS = ("assistants", "responses", "agents")
IDS = {"assistants": "thread_", "responses": "conv_", "agents": "sess_"}
FILES = {
    "tools/till.py": "def refund(amount: float) -> str:\n"
    '    """Give money back."""\n    return "refunded"\n',
    "assistants/clerk.yaml": "instructions: Sell.\n"
    "tools: [{type: function, python: till:refund, approval: ask}]\n",
    "assistants/clerk.script.yaml": "turns:\n"
    "  - {when: refund, call: {refund: {amount: 5}}, say: Refunded.}\n"
    "  - {say: Hello!}\n",
    "assistants/talker.yaml": "instructions: Talk.\n",
}
ASKED = 'Let the assistant call refund({"amount": 5})? [y/N]:'


@pytest.fixture(scope="module")
def tmux():
    with tmux_running() as call:
        yield call


@pytest.fixture(scope="module")
def endpoint():
    with chat_endpoint_running() as running:
        yield running


@pytest.fixture(scope="module")
def shop(tmp_path_factory, endpoint):
    shop = Shop(tmp_path_factory.mktemp("chats"))
    targets = "".join(f"  {api}: {{api: {api}, model: scripted}}\n" for api in APIS)
    slow = f"  slow: {{model: {{base_url: {endpoint.url!r}, api_key: sk-x, api: chat}}}}\n"
    slow = slow.replace("sk-x", '"${SLOW_KEY}"')
    settings = "version: 1\nworkspace: chats\ndefaults: {model: gpt-6-luna}\ntargets:\n"
    files = {**FILES, "assistctl.yaml": settings + targets + slow, ".env": "SLOW_KEY=sk-x\n"}
    for name, text in files.items():
        (shop.root / name).parent.mkdir(exist_ok=True)
        (shop.root / name).write_text(text)
    editor = shop.root / "editor"
    editor.write_text('#!/bin/sh\nprintf "Good day" > "$1"\n')
    editor.chmod(0o755)
    return shop


@pytest.mark.parametrize("api", APIS)
def test_a_conversation_is_held_by_each_api(tmux, shop, api):
    def refunded(pane, times):
        pane.wait_for(*[ASKED] * times)
        pane.wait_for_count(ASKED, times)
        pane.keys("y", "Enter")
        pane.wait_for_count("Refunded.", times)
        pane.ready(f"clerk at {api} · ")

    with chatting(tmux, shop.root, "clerk", "-t", api, EDITOR=str(shop.root / "editor")) as pane:
        pane.ready(f"clerk at {api} · ")
        pane.resize(100, 50)
        pane.say("A refund, please.")
        refunded(pane, 1)
        pane.say("/retry")
        refunded(pane, 2)
        pane.say("/steps")
        pane.wait_for_count('→ refund {"amount": 5}', 3)
        pane.ready(f"clerk at {api} · ")
        pane.say("/edit")
        pane.wait_for("Hello!")
        pane.ready(f"clerk at {api} · ")
        pane.say("/thread")
        pane.wait_for(f"\n{IDS[api]}")
        pane.keys("C-d")
        pane.wait_for("chat ended: 0")
    with chatting(tmux, shop.root, "clerk", "-t", api, "--continue") as pane:
        shown = pane.wait_for(f"{IDS[api]}", "3 turns", "Good day", "\nclerk\nHello!")
        assert shown.count("A refund, please.") == 3  # once as the title
        pane.ready(f"clerk at {api} · ")
        pane.say("And?")
        pane.wait_for_count("Hello!", 2)


def test_ctrl_c_in_an_answer_keeps_what_was_said_stops_the_run_and_the_next_message_works(
    tmux, shop, endpoint
):
    held = threading.Event()
    endpoint.answer(say("It is said.\n\nThe rest ", held, "never comes."), say("All is well."))
    with chatting(tmux, shop.root, "talker", "-t", "slow") as pane:
        pane.ready("talker at slow · ")
        pane.say("Talk!")
        pane.wait_for("It is said.")
        pane.keys("C-c")
        pane.wait_for("cancelling the run …")
        pane.ready("talker at slow · ")
        held.set()
        pane.say("Again?")
        screen = pane.wait_for("All is well.", "completed")
        assert screen.count("It is said.") == 1
        assert "never comes" not in screen
        pane.ready("talker at slow · ")
        pane.say("/save said.md")
        pane.wait_for("saved in ")
    assert "It is said." in (shop.root / "said.md").read_text()


def test_a_resize_while_an_answer_streams_leaves_every_line_once(tmux, shop, endpoint):
    held = threading.Event()
    first, rest = (
        "".join(f"- **Rose {number}** costs `{number} €`\n" for number in numbers)
        for numbers in (range(1, 16), range(16, 31))
    )
    endpoint.answer(say(first, held, rest))
    with chatting(tmux, shop.root, "talker", "-t", "slow") as pane:
        pane.ready("talker at slow · ")
        pane.resize(70, 12)
        pane.say("Prices?")
        pane.wait_for("• Rose 14 costs 14 €")
        pane.resize(44, 20)
        held.set()
        pane.wait_for("• Rose 30 costs 30 €\ncompleted")
        pane.ready("talker at slow · ")
        shown = [line.rstrip() for line in pane.scrollback().split("\n") if "Rose" in line]
        assert shown == [f"• Rose {number} costs {number} €" for number in range(1, 31)]
