"""One turn as it happens: Events -> the answer on stdout, the story on stderr; JSON; JSON Lines.

Each turn has a consumer of its own:

    with closing(consumer("text", sys.stdout, sys.stderr)) as show:
        for event in turn(…):
            show(event)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TextIO

import click

from assistctl.events import (
    CodeCalled,
    CodeReturned,
    Event,
    Finished,
    Notice,
    RunStarted,
    Searched,
    StatusChanged,
    TextDelta,
    ThreadStarted,
    ToolCall,
    ToolCalled,
    ToolReturned,
)
from assistctl.render.events import event_json, finished_json, parsed
from assistctl.render.steps import begun_lines, dim, file_lines, source_lines, step_lines, tokens
from assistctl.render.terminal import nothing_hidden, one_line, sanitize
from assistctl.render.values import json_document, json_line

_FINAL = {"completed", "failed", "incomplete", "expired", "cancelled"}

_WHY = {
    "cancelled": "it was cancelled",
    "expired": "it was not finished in the time that the target allows",
    "incomplete": "a limit was reached before the answer was complete",
}


class Consumer(Protocol):
    """Is called with every event of one turn, in order; whatever happens, close it."""

    def __call__(self, event: Event, /) -> None:
        """Show what has happened."""

    def close(self) -> None:
        """End the lines that are still open, so that an error begins on its own line."""


class Out(Protocol):
    """What an answer is written to."""

    def write(self, text: str, /) -> object: ...

    def flush(self) -> object: ...

    def isatty(self) -> bool: ...


def consumer(form: str, stdout: TextIO, stderr: TextIO, verbosity: int = 0) -> Consumer:
    """What shows one turn in the form text, json or jsonl. With jsonl stderr stays empty."""
    if form == "jsonl":
        return JsonLinesOutput(stdout)
    story = Story(stderr, verbosity)
    return TextOutput(stdout, story) if form == "text" else JsonOutput(stdout, story)


def failure(event: Finished) -> str:
    """Why a turn that is not completed ended, in one sentence for an error message."""
    reason = event.error or _WHY.get(event.status, "the target gave no reason")
    stands = f"ended as {event.status}" if event.status in _FINAL else f"is {event.status} still"
    return f"the run {stands}: {reason}"


def called(call: ToolCall, verbosity: int = 0) -> str:
    """A call that somebody is asked about, its arguments whole and nothing of them hidden; with a
    positive verbosity over as many lines as they have fields and texts have."""
    name, arguments = one_line(call.name), parsed(call.arguments)
    if verbosity <= 0 or isinstance(arguments, str):
        return nothing_hidden(f"{name}({one_line(call.arguments)})")
    return nothing_hidden(f"{name}({json_document(arguments)})")


class TextOutput:
    """The answer on stdout as it comes, and the story between.

    Whatever is not text ends the line of the answer, so it ends in one newline, and what was said
    before a tool call stands apart from what is said after it. Citations are numbers, and below the
    answer stands what they cite. A terminal gets the text made harmless; anything else gets it
    exactly as it came but for that, for there it is data. `end` is called when no more of it
    comes for now.
    """

    def __init__(self, stdout: Out, story: Story, end: Callable[[], None] = lambda: None) -> None:
        self._stdout = stdout
        self._end = end
        self._story = story
        self._harmless = sanitize if stdout.isatty() else str
        self._spoken = False
        self._line_open = False

    def __call__(self, event: Event) -> None:
        if isinstance(event, TextDelta):
            self._say(f"[{event.source}]" if event.source else event.text)
            return
        if isinstance(event, Finished) and not self._spoken:
            self._say(event.text)
        self._end_line()
        if isinstance(event, Finished) and event.sources:
            self._say("\n" + "\n".join(source_lines(event.sources)) + "\n")
            self._end()
        self._story(event)

    def close(self) -> None:
        """See Consumer."""
        self._end_line()
        self._story.close()

    def _say(self, text: str) -> None:
        if text:
            self._story.close()
            self._stdout.write(self._harmless(text))
            self._stdout.flush()
            self._spoken = True
            self._line_open = not text.endswith("\n")

    def _end_line(self) -> None:
        if self._line_open:
            self._say("\n")
        self._end()


class JsonOutput:
    """One JSON object on stdout when the turn is over, after the story."""

    def __init__(self, stdout: TextIO, story: Story) -> None:
        self._stdout = stdout
        self._story = story
        self._notes: list[str] = []

    def __call__(self, event: Event) -> None:
        self._story(event)
        if isinstance(event, Notice):
            self._notes.append(event.text)
        if isinstance(event, Finished):
            notes = {"notes": self._notes} if self._notes else {}
            click.echo(json_document(finished_json(event) | notes), file=self._stdout)

    def close(self) -> None:
        self._story.close()


class JsonLinesOutput:
    """Each event at once as one line of JSON with its `type`, such as text_delta."""

    def __init__(self, stdout: TextIO) -> None:
        self._stdout = stdout

    def __call__(self, event: Event) -> None:
        click.echo(json_line(event_json(event)), file=self._stdout)

    def close(self) -> None:
        """Nothing is ever left open."""


class Story:
    """What happens around the answer: thread, status words, calls of tools, searches, code, what
    was made, the end.

    With a negative verbosity only what failed; with a positive one nothing is cut.
    """

    def __init__(self, stderr: TextIO, verbosity: int = 0) -> None:
        self._stderr = stderr
        self._verbosity = verbosity
        self._line_open = False

    def __call__(self, event: Event) -> None:
        match event:
            case ToolReturned(error=str()) | CodeReturned(error=str()) | Searched(error=str()):
                lines = list(step_lines(event, self._verbosity > 0))
                self._lines(lines if self._verbosity >= 0 else lines[:1])
            case _ if self._verbosity < 0:
                return
            case ThreadStarted(thread):
                self._line(dim(f"thread {thread}"))
            case RunStarted(run):
                self._word(f"run {run}")
            case StatusChanged(status) if status not in _FINAL:
                self._word(status)
            case Notice(text):
                self._line(f"{click.style('note:', fg='yellow')} {one_line(text)}")
            case ToolCalled() | CodeCalled():
                self._lines(begun_lines(event, self._verbosity > 0))
            case ToolReturned() | CodeReturned() | Searched():
                self._lines(step_lines(event, self._verbosity > 0))
            case Finished():
                self._lines(file_lines(event.files))
                self._line(_ending(event))

    def close(self) -> None:
        """End the line of status words, if one is open."""
        if self._line_open:
            self._write("\n")
            self._line_open = False

    def _lines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._line(line)

    def _line(self, text: str) -> None:
        self.close()
        self._write(text + "\n")

    def _word(self, text: str) -> None:
        self._write(dim((" · " if self._line_open else "") + text))
        self._line_open = True

    def _write(self, text: str) -> None:
        click.echo(text, file=self._stderr, nl=False)


def _ending(event: Finished) -> str:
    color = "green" if event.status == "completed" else "red"
    cost = "" if event.cost is None else "  cost " + f"{event.cost:.6f}".rstrip("0").rstrip(".")
    return f"{click.style(one_line(event.status), fg=color)}{dim(tokens(event.usage) + cost)}"
