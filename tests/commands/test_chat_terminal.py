"""A chat as a person has it, key by key, on a terminal of tmux."""

from contextlib import contextmanager

import pytest
import yaml

from tests.commands.panes import chatting, needs_tmux, tmux_running

pytestmark = needs_tmux
BANNER = "assistant/clerk at local. /help tells what there is, /exit or Ctrl-D leaves."


@pytest.fixture(scope="module")
def tmux():
    with tmux_running() as call:
        yield call


@pytest.fixture
def chat(tmux, shared):
    """chat(ARGUMENTS…): a Pane with it at its first prompt, or before it, if not `ready`."""

    @contextmanager
    def opened(*arguments, ready=True, **environ):
        with chatting(tmux, shared.root, *arguments, **environ) as pane:
            if ready:
                pane.ready(f"{arguments[0]} at local · ")
            yield pane

    return opened


def test_history_comes_back_in_the_next_chat_and_nobody_else_can_read_it(chat, shared):
    with chat("clerk") as pane:
        pane.say("Have you roses?")
        pane.wait_for("Hello!")
        pane.ready()
        pane.say("And tulips?")
        pane.wait_for(
            "> And tulips?", "\nHello!\ncompleted  … tokens\n>\nclerk at local · thread_…"
        )
        pane.keys("C-d")
        pane.wait_for("chat ended: 0")
    assert (shared.root / ".assistctl" / "chat_history").stat().st_mode & 0o777 == 0o600
    with chat("clerk") as pane:
        pane.keys("Up", "Up")
        pane.wait_for("> Have you roses?")
        pane.keys("C-c")
        pane.ready()
        pane.keys("C-r", "tul")
        pane.wait_for("And tulips?")


def test_a_message_that_is_sent_before_the_prompt_is_there_is_sent(chat):
    with chat("clerk", ready=False) as pane:
        pane.wait_for(BANNER)
        pane.say("Have you roses?")
        pane.wait_for("> Have you roses?", "\nHello!\ncompleted")


def test_ten_pasted_lines_and_lines_typed_with_alt_enter_are_one_message(chat):
    with chat("clerk") as pane:
        pane.paste("\n".join(f"line {number}" for number in range(1, 11)))
        pane.keys("M-Enter", "one", "C-j", "more", "Enter")
        pane.wait_for("Hello!")
        screen = pane.wait_for("completed", "\n>\n")
        lines = "".join(f". line {number}\n" for number in range(2, 11))
        assert screen.startswith(f"{BANNER}\n> line 1\n{lines}. one\n. more\nthread thread_…\n")
        assert screen.count("completed") == 1
        pane.ready()


def test_commands_and_files_are_completed(chat, shared):
    with chat("clerk") as pane:
        pane.keys("/at", "Tab")
        pane.wait_for("> /attach")
        pane.keys(" assistants/pri", "Tab")
        pane.wait_for("> /attach assistants/prices.csv")
        pane.keys("Enter")
        pane.wait_for("with your next message: prices.csv", "· new thread · with prices.csv")


def test_ctrl_c_stops_a_tool_and_the_chat_goes_on(chat):
    with chat("clerk") as pane:
        pane.say("wait")
        pane.wait_for("→ wait {}")
        pane.keys("C-c")
        pane.wait_for("cancelling the run …\ncancelled\n")
        pane.ready()
        pane.say("Hi")
        pane.wait_for("Hello!")
        pane.ready()


def test_what_was_typed_ahead_stands_at_the_prompt_after_ctrl_c_and_is_not_sent(chat):
    with chat("clerk") as pane:
        pane.say("wait")
        pane.wait_for("→ wait {}")
        pane.say("And tulips?")
        pane.keys("C-c")
        screen = pane.wait_for("cancelling the run …\ncancelled\n", "\n> And tulips?\n")
        assert screen.count("thread thread_…") == 1
        pane.keys("Enter")
        pane.wait_for("> And tulips?", "Hello!")


def test_a_question_that_was_not_answered_is_asked_again_as_a_whole(chat, shared):
    with chat("clerk") as pane:
        pane.say("refund")
        asked = 'Let the assistant call refund({"amount": 5})? [y/N]:'
        pane.wait_for(asked)
        pane.say("perhaps")
        pane.wait_for(f"{asked} perhaps\nperhaps is neither y nor n\n{asked}")
        pane.say("n")
        pane.wait_for("refund not_approved: the user did not approve this call of refund")


def test_words_of_earlier_turns_are_not_broken_at_the_edge_of_the_screen(chat, shared):
    words = " ".join(f"word{number:03}" for number in range(30))
    shared("chat", "-q", "greeter", stdin=f"{words}\n")
    with chat("greeter", "--continue", ready=False) as pane:
        screen = pane.wait_for("\nWelcome.\n>")
    told = screen.partition("\nYou, ")[2].split("\n")[1:4]
    assert [line.split() for line in told] == [
        words.split()[:12],
        words.split()[12:24],
        words.split()[24:],
    ]


def test_what_was_typed_before_an_approval_is_no_answer_and_is_not_lost(chat, shared):
    with chat("clerk") as pane:
        pane.say("refund")
        pane.keys("y", "Enter")
        asked = 'Let the assistant call refund({"amount": 5})? [y/N]:'
        pane.wait_for(asked)
        assert not (shared.root / "refunded").exists()
        pane.keys("y", "Enter")
        pane.wait_for(f"{asked} y", "Refunded.", "\n> y\n")
        assert (shared.root / "refunded").read_text() == "5.0"


def test_an_answer_longer_than_the_screen_is_whole_and_there_once_also_after_a_resize(chat, shared):
    lines = [f"- **Rose {number}** costs `{number} €`" for number in range(1, 61)]
    (shared.root / "assistants" / "greeter.script.yaml").write_text(
        yaml.safe_dump({"turns": [{"say": "\n".join(["# Prices", "", *lines])}]})
    )
    with chat("greeter") as pane:
        pane.resize(70, 12)
        pane.say("Prices?")
        pane.wait_for("• Rose 60 costs 60 €\ncompleted", "\n>\ngreeter at local · thread_…")
        pane.resize(40, 20)
        pane.ready("greeter at local · ")
        told = [f"• Rose {number} costs {number} €" for number in range(1, 61)]
        shown = [line.rstrip() for line in pane.scrollback().split("\n")]
        assert [line for line in shown if "Rose" in line or "Prices" in line] == [
            "> Prices?",
            "Prices",
            *told,
        ]
