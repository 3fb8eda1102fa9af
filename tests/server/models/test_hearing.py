"""Words are heard while they are said, whatever has to be kept out of them."""

from __future__ import annotations

import threading

import pytest

from tests.server.models import responses
from tests.server.models.chat import delta
from tests.server.models.endpoint import endpoint_running
from tests.server.models.judging import KEY
from tests.server.models.mind import Answer
from tests.server.models.replies import SSE, Reply, sse
from tests.server.models.switch import right
from tests.server.runs_help import make_assistant, make_thread

SAID = "Roses are red, and violets are blue. " * 20


class Pause:
    """Holds back the last piece of a stream until `heard` is set, for so long as one may hope."""

    def __init__(self):
        self.heard = threading.Event()
        self.in_time = []

    def between(self, pieces):
        wait = lambda: self.in_time.append(self.heard.wait(10))  # noqa: E731
        return Reply(200, {"content-type": SSE}, [*pieces[:-3], wait, *pieces[-3:]])


def by_chat(pause, *opening):
    def send(asked, answer, chunks):
        return pause.between([*map(sse, [chunks[0], *opening, *chunks[1:]]), sse("[DONE]")])

    return right("slow", "here", think=lambda asked: Answer(SAID), send=send)


def by_responses(pause):
    def send(asked, answer, made):
        last = next(n for n, e in enumerate(made) if e["type"] == "response.output_text.done")
        pieces = [sse(event, event["type"]) for event in responses.numbered(made)]
        kept = pause.between([*pieces[: last + 2], b""])
        return Reply(200, kept.headers, [*kept.pieces, *pieces[last + 2 :]])

    wires = frozenset({"responses"})
    return right("slow", "here", wires=wires, think=lambda asked: Answer(SAID), send=send)


@pytest.mark.parametrize(
    ("switch", "model"),
    [
        (by_chat, {}),
        (lambda pause: by_chat(pause, delta(reasoning_content="Hm.")), {}),
        (lambda pause: by_chat(pause, delta(content="<think>Hm.</think>\n\n")), {}),
        (by_responses, {"api": "responses"}),
    ],
    ids=["chat", "reasoning", "think-tags", "responses"],
)
def test_words_are_heard_before_the_last_is_said(start, connect, switch, model):
    pause = Pause()
    with endpoint_running({"slow": switch(pause)}) as endpoint:
        client = connect(start(model={"base_url": endpoint.url, "api_key": KEY, **model}))
        assistant = make_assistant(client, model="slow", tools=[])
        thread = make_thread(client, "Say good day.")
        heard = ""
        for event in client.beta.threads.runs.create(
            thread_id=thread.id, assistant_id=assistant.id, stream=True
        ):
            if event.event == "thread.message.delta":
                pause.heard.set()
                heard += event.data.delta.content[0].text.value
    assert (heard, pause.in_time) == (SAID, [True])
