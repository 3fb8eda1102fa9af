"""Puts switches through their sessions, and judges by what the API shows to anybody.

right: completed, with exactly the expected words and calls, and with a note of what was left out.
clear: failed or incomplete, and the run says why with the endpoint's word. wrong: all else.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import httpx2
from openai import OpenAI, OpenAIError

from assistctl.server import EmbeddedServer, Settings
from tests.server.models.endpoint import ELSEWHERE, Endpoint, Exchange
from tests.server.models.sessions import PRICES, SESSIONS, Session, Turn
from tests.server.models.switch import Switch, Verdict

KEY = "sk-judge-0123456789abcdef-hidden"
_PATIENCE = 25.0
_RESTS = ("completed", "failed", "incomplete", "cancelled", "expired")


class Wrong(Exception):
    """What a run must not be; the text says what it was."""


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    why: str = ""


@dataclass
class Bench:
    """The endpoint, and a server for each way of being set up to ask it."""

    endpoint: Endpoint
    directory: Path
    stack: ExitStack
    _clients: dict[str, OpenAI] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def client(self, switch: Switch) -> OpenAI:
        """ValueError where the server does not take the settings."""
        settings = dict(switch.settings or {})
        if switch.api != "auto":
            settings["api"] = switch.api
        name = json.dumps(settings, sort_keys=True)
        with self._lock:
            if name not in self._clients:
                self._clients[name] = self._start(settings)
            return self._clients[name]

    def _start(self, settings: Mapping[str, Any]) -> OpenAI:
        address = str(settings.get("base_url", "{url}")).format(url=self.endpoint.url)
        server = EmbeddedServer(
            Settings(
                database=self.directory / f"{len(self._clients)}.db",
                model={"api_key": KEY, **settings, "base_url": address},
                embeddings="none",
                code_interpreter=False,
            )
        )
        self.stack.enter_context(server)
        http = self.stack.enter_context(
            httpx2.Client(trust_env=False, verify=False, timeout=_PATIENCE)
        )
        return OpenAI(
            base_url=server.base_url, api_key=server.api_key, max_retries=0, http_client=http
        )


@contextmanager
def bench(endpoint: Endpoint, directory: Path) -> Iterator[Bench]:
    with ExitStack() as stack:
        yield Bench(endpoint, directory, stack)


def judge(
    bench: Bench, switch: Switch, *, thorough: bool = False, streamed: bool = False
) -> Judgement:
    """The worst of all its sessions. Turns are polled and streamed alternately, and so are the
    first turns of sessions, from that of the first on, which is `streamed` or not; thorough is each
    once more, the other way round."""
    worst = Judgement("right")
    for number, name in enumerate(switch.sessions):
        first = streamed ^ bool(number % 2)
        for way in (first, not first)[: 1 + thorough]:
            found = _session(bench, switch, SESSIONS[name], way)
            if _badness(found) > _badness(worst):
                worst = Judgement(found.verdict, f"{name}: {found.why}")
    return worst


def _badness(judgement: Judgement) -> int:
    return ("right", "clear", "wrong").index(judgement.verdict)


def _session(bench: Bench, switch: Switch, session: Session, streamed: bool) -> Judgement:
    try:
        client = bench.client(switch)
    except ValueError as error:
        told = bool(switch.word and re.search(switch.word, str(error)))
        return Judgement("clear" if told else "wrong", f"the server does not start: {error}")
    try:
        return _Talk(client, bench.endpoint, switch, session, streamed).judge()
    except Wrong as wrong:
        return Judgement("wrong", str(wrong))
    except (OpenAIError, httpx2.HTTPError, ValueError) as error:
        return Judgement("wrong", f"{type(error).__name__}: {error}"[:300])


@dataclass
class _Talk:
    client: OpenAI
    endpoint: Endpoint
    switch: Switch
    session: Session
    streamed: bool

    def judge(self) -> Judgement:
        threads = self.client.beta.threads
        given = {
            "model": self.switch.name,
            "instructions": "You are the clerk of a flower shop.",
            "tools": list(self.session.tools),
            **self.session.assistant,
            **self.switch.assistant,
        }
        assistant = self.client.beta.assistants.create(**given)
        thread = threads.create(messages=list(self.session.before))
        judged = Judgement("right")
        for number, turn in enumerate(self.session.turns):
            before = len(self._exchanges())
            streamed = self.streamed ^ bool(number % 2)
            judged, run = self._turn(thread.id, assistant.id, turn, streamed)
            if judged.verdict != "right":
                way = "streamed" if streamed else "polled"
                return Judgement(judged.verdict, f"{way}, turn {number + 1}: {judged.why}")
            if not turn.elsewhere:
                self._check_exchanges(self._exchanges()[before:], number, run)
        return judged

    def _exchanges(self) -> list[Exchange]:
        return self.endpoint.exchanges[self.switch.name]

    def _check_exchanges(
        self, exchanges: Sequence[Exchange], number: int, run: Mapping[str, Any]
    ) -> None:
        refused = [exchange for exchange in exchanges if exchange.reply.refused]
        if number and self.switch.remembered and refused:
            raise Wrong("what was refused in the first run was sent again in the second")
        cost = sum(each.asked.tokens for each in exchanges if not each.reply.refused)
        if self.switch.counted and run["usage"]["prompt_tokens"] != cost:
            raise Wrong(f"the prompts cost {cost} tokens, not {run['usage']}")
        if self.switch.after and (complaint := self.switch.after(exchanges)):
            raise Wrong(complaint)

    def _turn(
        self, thread_id: str, assistant_id: str, turn: Turn, streamed: bool
    ) -> tuple[Judgement, Any]:
        runs = _Streamed(self.client) if streamed else _Polled(self.client)
        options = {**self.switch.run, **turn.run}
        if turn.elsewhere:
            options = {"model": self.switch.elsewhere + ELSEWHERE}
        if turn.question is not None:
            options["additional_messages"] = [{"role": "user", "content": turn.question}]
        run = runs.create(thread_id, assistant_id, options)
        calls: list[Any] = []
        for _ in range(6):
            if run["status"] != "requires_action":
                break
            asked = run["required_action"]["submit_tool_outputs"]["tool_calls"]
            calls += [_given(call) for call in asked]
            run = runs.submit(run, [_answered(call) for call in asked])
        listed = self.client.beta.threads.messages.list(thread_id, order="asc", run_id=run["id"])
        messages = [message.to_dict() for message in listed]
        self._check_secrets(run, messages)
        if run["status"] in ("failed", "incomplete", "expired"):
            return self._unanswered(run, messages, calls), run
        if run["status"] != "completed":
            raise Wrong(f"the run is {run['status']}")
        runs.check(messages)
        self._check_answer(turn, messages, calls)
        self._check_notes(run, turn)
        return Judgement("right"), run

    def _check_secrets(self, run: Mapping[str, Any], messages: Sequence[Any]) -> None:
        settings = self.switch.settings or {}
        brought = [*settings.get("headers", {}).values(), *settings.get("query", {}).values()]
        shown = json.dumps([run, messages])
        if any(secret in shown for secret in (KEY[-12:], *brought)):
            raise Wrong("a secret is shown")

    def _unanswered(
        self, run: Mapping[str, Any], messages: Sequence[Any], calls: Sequence[Any]
    ) -> Judgement:
        error = (run.get("last_error") or {}).get("message") or ""
        reason = (run.get("incomplete_details") or {}).get("reason") or ""
        why = error or reason or ("expired" if run["status"] == "expired" else "")
        for message in messages:
            if message["status"] == "completed" and not calls:
                raise Wrong(f"half an answer counts as whole: {message['content']}")
        if not why:
            raise Wrong(f"{run['status']} without a reason")
        if self.switch.word and not re.search(self.switch.word, why, re.IGNORECASE):
            raise Wrong(f"{run['status']} without the endpoint's word: {why}")
        return Judgement("clear", f"{run['status']}: {why}")

    def _check_answer(self, turn: Turn, messages: Sequence[Any], calls: Sequence[Any]) -> None:
        says = self.switch.says.get(turn.question or "", turn.says)
        texts = [_text(message) for message in messages]
        if self.switch.preface and turn.calls and turn.question not in self.switch.says:
            preface = " ".join("".join(texts[:-1]).split())
            if preface != self.switch.preface:
                raise Wrong(f"beside the calls it said {texts[:-1]}, not {self.switch.preface!r}")
            texts = texts[-1:]
        if turn.elsewhere:
            texts = texts[-1:]
        if len(texts) != len(says) or not all(map(_same, texts, says)):
            raise Wrong(f"it said {texts}, not {list(says)}")
        if calls != list(turn.calls):
            raise Wrong(f"it called {calls}, not {list(turn.calls)}")

    def _check_notes(self, run: Mapping[str, Any], turn: Turn) -> None:
        notes = run.get("notes") or []
        if turn.elsewhere:
            return
        if self.switch.tells:
            if not any(re.search(self.switch.tells, note, re.IGNORECASE) for note in notes):
                raise Wrong(f"the notes do not tell of /{self.switch.tells}/: {notes}")
        elif notes and not self.switch.refuse and not self.switch.settings:
            raise Wrong(f"nothing was left out, but the notes say: {notes}")


class _Polled:
    def __init__(self, client: OpenAI) -> None:
        self._runs = client.beta.threads.runs

    def create(self, thread_id: str, assistant_id: str, options: Mapping[str, Any]) -> Any:
        given: dict[str, Any] = {"assistant_id": assistant_id, **options}
        return self._rest(self._runs.create(thread_id, **given).to_dict())

    def submit(self, run: Mapping[str, Any], outputs: list[Any]) -> Any:
        sent = self._runs.submit_tool_outputs(
            run["id"], thread_id=run["thread_id"], tool_outputs=outputs
        )
        return self._rest(sent.to_dict())

    def check(self, messages: Sequence[Any]) -> None:
        pass

    def _rest(self, run: Any) -> Any:
        deadline, pause = time.monotonic() + _PATIENCE, 0.04
        while run["status"] not in (*_RESTS, "requires_action"):
            if time.monotonic() > deadline:
                raise Wrong(f"after {_PATIENCE:g} s the run is still {run['status']}")
            time.sleep(pause)
            pause = min(pause * 1.5, 0.2)
            run = self._runs.retrieve(run["id"], thread_id=run["thread_id"]).to_dict()
        return run


class _Streamed:
    """Also hears whether the deltas make up what is stored in the end."""

    def __init__(self, client: OpenAI) -> None:
        self._runs = client.beta.threads.runs
        self._heard: dict[str, str] = {}

    def create(self, thread_id: str, assistant_id: str, options: Mapping[str, Any]) -> Any:
        given: dict[str, Any] = {"assistant_id": assistant_id, **options}
        return self._hear(self._runs.create(thread_id, stream=True, **given))

    def submit(self, run: Mapping[str, Any], outputs: list[Any]) -> Any:
        return self._hear(
            self._runs.submit_tool_outputs(
                run["id"], thread_id=run["thread_id"], tool_outputs=outputs, stream=True
            )
        )

    def check(self, messages: Sequence[Any]) -> None:
        for message in messages:
            heard, stored = self._heard.get(message["id"], ""), _text(message)
            if heard != stored:
                raise Wrong(f"the stream said {heard!r}, stored is {stored!r}")

    def _hear(self, stream: Any) -> Any:
        run = None
        for event in stream:
            data = event.data.to_dict()
            if event.event == "thread.message.delta":
                for part in data["delta"].get("content") or []:
                    text = (part.get("text") or {}).get("value") or part.get("refusal") or ""
                    self._heard[data["id"]] = self._heard.get(data["id"], "") + text
            elif data.get("object") == "thread.run":
                run = data
        if run is None or run["status"] not in (*_RESTS, "requires_action"):
            raise Wrong(f"the stream ended at {run and run['status']}")
        return run


def _given(call: Mapping[str, Any]) -> Any:
    function = call["function"]
    try:
        given = json.loads(function["arguments"])
    except ValueError:
        given = None
    known = function["name"] in ("price", "stock")
    if not known or not isinstance(given, dict) or set(given) != {"flower"}:
        raise Wrong(f"a torn call became requires_action: {function}")
    return given if function["name"] == "price" else {"stock": given["flower"]}


def _answered(call: Mapping[str, Any]) -> dict[str, str]:
    given = _given(call)
    output = "12" if "stock" in given else PRICES.get(given["flower"], "?")
    return {"tool_call_id": call["id"], "output": output}


def _text(message: Mapping[str, Any]) -> str:
    parts = message["content"]
    return "".join(
        (part.get("text") or {}).get("value") or part.get("refusal") or "" for part in parts
    )


def _same(text: str, wanted: Any) -> bool:
    if isinstance(wanted, str):
        return text == wanted
    try:
        return bool(json.loads(text) == wanted)
    except ValueError:
        return False
