"""What a turn has said and done so far, put together of what an API tells of it: the same for every
API, in which order and how often it is told.

Each thing is told once, whether it came as it happened, was told again whole, or was read after a
stream had broken off.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from assistctl.apis.transport.listening import time_left
from assistctl.errors import RemoteError
from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Event,
    Finished,
    Hit,
    MadeFile,
    Notice,
    PastTurn,
    Searched,
    Source,
    Step,
    TextDelta,
    ToolCall,
    ToolReturned,
)
from assistctl.resources import Json

WAIT_SECONDS = 1800.0
"""How long a target is asked after whose stream broke off: longer than any of them works."""

ATTEMPTS = 3
CANCEL_SECONDS = 10.0

_TRACEBACK = "Traceback (most recent call last):", '  File "'
"""How a traceback begins; that of code that is no Python has its file only."""

_ERROR = re.compile(r"[A-Za-z_][\w.]*(?:: .*)?\Z")
"""The last line of a traceback, which is not indented: a name, and mostly a message."""

_REMARK = re.compile(r"\[(.*)\]\Z")
_NOT_RUN = re.compile(
    r"The code was (?:not run|stopped)|The interpreter is gone|SystemExit: "
    r"|\w+ takes a JSON object|code_interpreter is not available"
)
"""What the embedded server says of code that did not run to its end."""

_PARAGRAPH = "\n\n"
_MARK = re.compile(r"【[\d:]+†[^【】]*】", re.ASCII)
"""How the models of OpenAI cite: 【4:0†source】."""

_TORN = re.compile(r"【[\d:]*(?:†[^【】]{0,300})?\Z", re.ASCII)


def why_it_failed(printed: str) -> str | None:
    """Why code failed, of which an API tells only what was printed: the last line of a traceback
    that this ends with, or of what a server says in brackets instead."""
    lines = printed.rstrip().splitlines()
    while lines and (remark := _REMARK.match(lines[-1])):  # such as what to do instead
        if _NOT_RUN.match(remark[1]):
            return remark[1]
        lines.pop()
    if any(line.startswith(_TRACEBACK) for line in lines) and (error := _ERROR.match(lines[-1])):
        return error[0]
    return None


def why_function_failed(output: str) -> str | None:
    """Why a function failed, of which an API keeps only the output: what a model is told of that
    (toolbox/outputs.py) says so."""
    try:
        told = json.loads(output)
    except (ValueError, RecursionError):
        return None
    match told:
        case {"error": {"type": str(kind), "message": str(message)}} if len(told) == 1:
            return f"{kind}: {message}"
    return None


@dataclass
class Notes:
    """What a server wants its users to know; each once in a conversation."""

    _told: set[str] = field(default_factory=set)

    def of(self, run: Mapping[str, Json]) -> Iterator[Notice]:
        """Those of a run, a response or a turn that were not told yet."""
        for note in run.get("notes") or ():
            if note not in self._told:
                self._told.add(note)
                yield Notice(str(note))


@dataclass
class Retold:
    """What is left of a turn of the past, read as if it happened now."""

    message: str
    at: float | None = None
    shown: str = ""
    steps: list[Step] = field(default_factory=list)

    def hear(self, events: Iterable[Event]) -> None:
        """Take over the words and the steps of what an Answer tells."""
        for event in events:
            if isinstance(event, TextDelta):
                self.shown += f"[{event.source}]" if event.source else event.text
            elif isinstance(event, CodeReturned | Searched):
                self.steps.append(replace(event, seconds=None))

    def called(self, call: ToolCall, output: str | None) -> None:
        """A function; one that nobody has answered says so."""
        error = "it was never answered" if output is None else why_function_failed(output)
        self.steps.append(ToolReturned(call, output or "", None, error))

    def past(self, finished: Finished, began: float | None, ended: float | None) -> PastTurn:
        """All of it; when it `began` and `ended` is in seconds since 1970."""
        seconds = float(ended - began) if began and ended else None
        calls = tuple(step for step in self.steps if isinstance(step, ToolReturned))
        told = replace(finished, tool_calls=calls, steps=tuple(self.steps), seconds=seconds)
        return PastTurn(self.message, self.at, told, self.shown)


@dataclass
class Answer:
    """See above. Texts and annotations are those of a message, by its id; calls have ids, too."""

    text: str = ""
    _said: dict[str, str] = field(default_factory=dict)
    _held: str = ""
    """What may be the beginning of a mark."""

    _annotations: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    _sources: list[Source] = field(default_factory=list)
    _numbers: dict[str, int] = field(default_factory=dict)
    """By the id of a file, the address of a page, or the mark that stands in the text."""

    _files: dict[str, MadeFile] = field(default_factory=dict)
    _names: dict[str, str] = field(default_factory=dict)
    _begun: dict[str, float] = field(default_factory=dict)
    _rested: dict[str, float] = field(default_factory=dict)
    """When calls had come to rest of which the end was told later."""

    _shown: set[str] = field(default_factory=set)
    _done: set[str] = field(default_factory=set)

    def say(self, message: str, text: str | None) -> Iterator[Event]:
        """More of a message. What may be a torn mark waits for the rest of it."""
        if not text:
            return
        if message not in self._said:
            yield from self.pause()
            self._held = _PARAGRAPH if self.text else ""
        self._said[message] = self._said.get(message, "") + text
        self._held += text
        yield from self._let_go()

    def complete(self, message: str, text: str) -> Iterator[Event]:
        """The whole of a message, of which some has been said already."""
        if text.startswith(said := self._said.get(message, "")):
            yield from self.say(message, text[len(said) :])

    def has_begun(self, message: str) -> bool:
        """Whether some of a message was said."""
        return message in self._said

    def length(self, message: str) -> int:
        """How many characters of a message were said."""
        return len(self._said.get(message, ""))

    def pause(self) -> Iterator[Event]:
        """Nothing comes after this that belongs to the same piece of text."""
        if self._held:
            yield self._told(self._held)
            self._held = ""

    def note(self, message: str, annotation: Mapping[str, Json]) -> bool:
        """Keep an annotation as it came; whether it is new."""
        key = message + json.dumps(annotation, sort_keys=True, default=str)
        is_new = key not in self._annotations
        self._annotations.setdefault(key, annotation)
        return is_new

    def cite(
        self,
        *,
        mark: str = "",
        file_id: str | None = None,
        name: str | None = None,
        quote: str | None = None,
        url: str | None = None,
        shows: bool = True,
    ) -> Iterator[Event]:
        """A citation of a file or a page; the `mark` for it is in the text, or comes to be. Where
        there is none, the text has its number here, unless it is too late for that."""
        thing = file_id or url or name or mark
        if name and file_id:
            self._names.setdefault(file_id, name)
        number = self._numbers.get(thing) or self._numbers.get(mark) or len(self._sources) + 1
        source = Source(number, name, file_id, quote, url)
        if number > len(self._sources):
            self._sources.append(source)
        elif not self._sources[number - 1].file_id:
            self._sources[number - 1] = source
        self._numbers[thing] = number
        if _MARK.fullmatch(mark):
            self._numbers.setdefault(mark, number)
        elif shows:
            yield from self.pause()
            yield TextDelta("", number)

    def code_comes(self, call: str) -> None:
        """A piece of it: the code runs from the last one on."""
        self._begun[call] = time.monotonic()

    def code_rests(self, call: str) -> None:
        """Some of its output: the code has run when the last has come."""
        self._rested[call] = time.monotonic()

    def code_begins(self, call: str, code: str) -> Iterator[Event]:
        """The whole code of a call, which runs now."""
        if call not in self._shown:
            self._shown.add(call)
            self._begun.setdefault(call, time.monotonic())
            yield from self.pause()
            yield CodeCalled(call, code)

    def code_ended(
        self,
        call: str,
        code: str,
        output: str,
        files: Sequence[MadeFile] = (),
        error: str | None = None,
    ) -> Iterator[Event]:
        """`files` that have an id of their own are among those that were made."""
        if call in self._done:
            return
        seconds = self._seconds(call)
        yield from self.code_begins(call, code)
        self._done.add(call)
        for file in files:
            if file.id:
                self.made(file)
        yield CodeReturned(call, code, output, tuple(files), seconds, error)

    def search_begins(self, call: str) -> None:
        """A search of which the end is told later."""
        self._begun.setdefault(call, time.monotonic())

    def search_ended(
        self, call: str, queries: Sequence[str], hits: Sequence[Hit], error: str | None = None
    ) -> Iterator[Event]:
        """What a search has found."""
        if call in self._done:
            return
        self._done.add(call)
        self._names.update((hit.file_id, hit.file_name) for hit in hits if hit.file_id)
        yield from self.pause()
        yield Searched(call, tuple(queries), tuple(hits), self._seconds(call), error)

    def made(self, file: MadeFile) -> None:
        """A file that the assistant has made; what is known of it already is kept."""
        known = self._files.get(file.id)
        if known and file.name in ("", file.id):
            file = replace(file, name=known.name)
        if known and file.size is None:
            file = replace(file, size=known.size)
        self._files[file.id] = file

    def has_made(self, file_id: str) -> bool:
        """Whether a file is among those that were made."""
        return file_id in self._files

    def learn(self, read: Callable[[str], Mapping[str, Json]]) -> None:
        """Have the files read of which more is to be known than what was told: their names, and the
        sizes of those that were made. A target may not have them any more."""
        cited = [it.file_id for it in self.sources if it.file_id and not it.file_name]
        made = [it.id for it in self._files.values() if it.size is None or it.name == it.id]
        for file_id in dict.fromkeys([*cited, *made]):
            try:
                file = read(file_id)
            except RemoteError:
                continue
            name = str(file.get("filename") or file_id)
            self._names[file_id] = name
            if file_id in self._files:
                self.made(replace(self._files[file_id], name=name, size=file.get("bytes")))

    @property
    def sources(self) -> tuple[Source, ...]:
        """What was cited, by the numbers in the text."""
        return tuple(
            replace(it, file_name=it.file_name or self._names.get(it.file_id or ""))
            for it in self._sources
        )

    def finished(
        self,
        status: str,
        thread: str | None,
        run: str | None,
        usage: Mapping[str, Json] | None,
        error: str | None,
        code: str | None = None,
    ) -> Finished:
        """How the turn stands, as its last event."""
        return Finished(
            status,
            str(thread),
            str(run),
            self.text,
            usage,
            error,
            annotations=tuple(self._annotations.values()),
            sources=self.sources,
            files=tuple(self._files.values()),
            code=code,
        )

    def _let_go(self) -> Iterator[Event]:
        while self._held:
            start = self._held.find("【")
            if start == 0 and _TORN.match(self._held):
                return
            if start == 0 and (mark := _MARK.match(self._held)):
                length, source = mark.end(), self._number(mark[0])
            else:
                following = self._held.find("【", 1)
                length, source = following if following > 0 else len(self._held), None
            text, self._held = self._held[:length], self._held[length:]
            yield self._told(text, source)

    def _told(self, text: str, source: int | None = None) -> TextDelta:
        self.text += text
        return TextDelta(text, source)

    def _number(self, mark: str) -> int:
        """A mark may come before the target says what it stands for, or without."""
        if mark not in self._numbers:
            self._sources.append(Source(len(self._sources) + 1))
            self._numbers[mark] = len(self._sources)
        return self._numbers[mark]

    def _seconds(self, call: str) -> float | None:
        begun = self._begun.get(call)
        return None if begun is None else self._rested.get(call, time.monotonic()) - begun


def polled(
    ask: Callable[[], Iterator[Event]],
    rests: Callable[[], bool],
    late: Callable[[], str],
    until: float | None = None,
) -> Iterator[Event]:
    """Ask a target again and again until what it works on rests. Raises RemoteError where that
    never comes, in the words of `late`; OutOfTime at `until`."""
    pause, deadline = 0.1, time.monotonic() + WAIT_SECONDS
    while True:
        yield from ask()
        if rests():
            return
        if time.monotonic() > deadline:
            raise RemoteError(late().format(f"{WAIT_SECONDS:,.0f} s after its stream broke off"))
        time.sleep(min(pause, time_left(until)))
        pause = min(pause * 1.5, 2.0)


def tokens(told: Mapping[str, Json] | None) -> dict[str, Json]:
    """Usage, called as runs call it."""
    told = told or {}
    names = {
        "prompt_tokens": "input_tokens",
        "completion_tokens": "output_tokens",
        "total_tokens": "total_tokens",
    }
    used = {ours: told[theirs] for ours, theirs in names.items() if theirs in told}
    cached = (told.get("input_tokens_details") or {}).get("cached_tokens")
    return {**used, "prompt_token_details": {"cached_tokens": cached}} if cached else used
