"""What stands in a chat between two messages, and the commands that begin with a slash."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import click

from assistctl.commands._person import keys_answer
from assistctl.conversation.recording import items
from assistctl.conversation.sessions import Session
from assistctl.errors import AssistctlError, RemoteError
from assistctl.events import Event, Finished, TextDelta
from assistctl.record import store
from assistctl.record.threads import Thread, Turn
from assistctl.render.run import Story
from assistctl.render.terminal import fitted, one_line, sanitize
from assistctl.render.threads import conversation_markdown, conversation_text
from assistctl.resources import CodeInterpreter, FileSearch, Json
from assistctl.suggestion import remedy, suggestion
from assistctl.targets import model_of

LEAVING = ("/exit", "/quit")
_PLAIN = ("exit", "quit", "help", "bye", ":q", ":wq")
"""What people type who mean the program, not the assistant."""

_LAST = 3
_OPENS_FILES = ("/attach", "/save")

Files = Sequence[Mapping[str, Json]]
Heard = Callable[[Event], None]
Say = Callable[[Session, str, Files, Heard], Finished]
"""One turn, shown as it happens; who wants to hear of it, too, is called with each event."""


@dataclass
class Chat:
    """A conversation as it stands. `start` is where the person is, whose files are meant;
    `attached` are the files that go with the next message, by name."""

    talk: Session
    say: Say
    start: Path
    attached: dict[str, Mapping[str, Json]] = field(default_factory=dict)
    turns: list[Turn] = field(default_factory=list)
    heard: list[Event] = field(default_factory=list)
    """What happened in the last turn."""

    _resent: Mapping[str, Mapping[str, Json]] = field(default_factory=dict)

    def send(self, message: str) -> Finished:
        """A turn with what is attached; it is kept however it ends."""
        files, self.attached, self.heard = self.attached, {}, []
        self._resent = files
        turn = Turn(self.talk.assistant.key, store.now(), message, tuple(files), status="cancelled")
        try:
            finished = self.say(self.talk, message, list(files.values()), self.heard.append)
            turn = replace(turn, status=finished.status, error=finished.error)
        finally:
            self.turns.append(replace(turn, items=tuple(items(self.heard))))
        return finished

    def again(self, message: str) -> Finished:
        """With the files of the last turn."""
        self.attached = {**self._resent, **self.attached}
        return self.send(message)

    @property
    def last(self) -> str:
        """The last message. Raises AssistctlError where there is none."""
        if not self.turns or self.turns[-1].message is None:
            raise AssistctlError("nothing was said here yet")
        return self.turns[-1].message

    @property
    def status(self) -> str:
        """In a few words."""
        thread = self.talk.conversation.thread or "new thread"
        files = f"with {', '.join(self.attached)}" if self.attached else ""
        model = self.talk.options.overrides.get("model", "")
        where = f"{self.talk.assistant.key} at {self.talk.workspace.target.name}"
        return " · ".join(filter(None, (where, thread, str(model), files)))

    def go_to(self, thread: str | None) -> None:
        """Go on with another thread, or (None) begin one; what was said there is known as far as it
        was recorded here. Raises AssistctlError where the target has none of this id."""
        if thread is not None:
            self.talk.surface.check_thread(thread)
        self.talk, self.heard = self.talk.on(thread), []
        self.turns = [*recorded(self.talk)]


@dataclass(frozen=True)
class Command:
    """`run` gets what stands after the name; what it returns is how a turn ended, if it made one.
    Raises AssistctlError."""

    run: Callable[[Chat, str], Finished | None]
    does: str
    takes: str = ""


def commanded(line: str) -> tuple[str, str] | None:
    """The command that is meant, and what stands after it; None: it is a message."""
    text = line.strip()
    if "\n" in text or not text.startswith("/") or text.startswith("//"):
        return None
    name, _, argument = text.partition(" ")
    return name, argument.strip()


def message_in(line: str) -> str:
    """What the assistant is told. Raises AssistctlError for what was hardly meant for it."""
    if line.strip() in _PLAIN:
        word = line.strip()
        raise AssistctlError(f"{word!r} was not sent; /exit or Ctrl-D leaves, /help tells the rest")
    is_escaped = line.lstrip().startswith("//") and "\n" not in line.strip()
    return line.lstrip()[1:] if is_escaped else line


def obey(chat: Chat, name: str, argument: str) -> Finished | None:
    """Do what a command says. Raises AssistctlError, also for one that there is not."""
    known = COMMANDS.get(name)
    if known is None:
        close = suggestion(name, (*COMMANDS, *LEAVING), 0.7)
        meant = f"did you mean {close}? " if close else ""
        raise AssistctlError(
            f"there is no {one_line(name)} here, and nothing was sent; {meant}/help tells what "
            "there is, //text sends what begins with a slash"
        )
    if argument and not known.takes:
        raise AssistctlError(f"{name} takes nothing after it")
    return known.run(chat, argument)


def values(chat: Chat, name: str) -> Iterable[str] | Path:
    """What may stand after a command; the directory that files are looked for in."""
    if name == "/thread":
        return [thread.id for thread in _known(chat.talk)]
    if name == "/model":
        assistants = chat.talk.workspace.assistants.values()
        return sorted({str(each.settings.get("model")) for each in assistants})
    return chat.start if name in _OPENS_FILES else ()


def recorded(talk: Session) -> Iterable[Turn]:
    """What was said on the thread before, as far as that is known here."""
    with suppress(store.Unreadable):
        for thread in _known(talk):
            if thread.id == talk.conversation.thread:
                return store.turns(talk.workspace.root, thread)
    return ()


def show_last(chat: Chat) -> None:
    """The last turns, for whoever comes back to a thread."""
    if chat.turns:
        last = chat.turns[-_LAST:]
        click.echo(fitted(conversation_text(_thread_of(chat), last), sys.stderr), err=True)


def _known(talk: Session) -> list[Thread]:
    """The threads that were used here."""
    with suppress(store.Unreadable):
        return store.threads(talk.workspace.root, talk.workspace.target.name)
    return []


def _thread_of(chat: Chat) -> Thread:
    first, last = chat.turns[0], chat.turns[-1]
    return Thread(
        0,
        chat.talk.conversation.thread or "no thread",
        chat.talk.workspace.target.name,
        chat.talk.assistant.key,
        None if first.message is None else store.title_of(first.message),
        first.at,
        last.at,
        len(chat.turns),
    )


def _new(chat: Chat, argument: str) -> None:
    chat.go_to(None)
    _tell("a new thread begins with your next message")


def _attach(chat: Chat, argument: str) -> None:
    if argument:
        path = _path(chat, argument)
        if not path.is_file():
            raise AssistctlError(f"there is no file {path}")
        chat.attached[path.name] = chat.talk.attach(path)
    names = ", ".join(map(one_line, chat.attached)) or "nothing"
    _tell(f"with your next message: {names}")


def _thread(chat: Chat, argument: str) -> None:
    if argument:
        chat.go_to(argument)
        show_last(chat)
    _tell(chat.talk.conversation.thread or "no thread yet")


def _tools(chat: Chat, argument: str) -> None:
    told = []
    for tool in chat.talk.assistant.tools:
        match tool:
            case CodeInterpreter():
                told.append("code_interpreter")
            case FileSearch():
                told.append("file_search")
            case _:
                asks = " (asks first)" if tool.function.approval == "ask" else ""
                does = tool.function.description or ""
                told.append(f"{tool.function.name}{asks}  {one_line(does)}".rstrip())
    _tell("\n".join(told) or f"{chat.talk.assistant.address} has no tools")


def _steps(chat: Chat, argument: str) -> None:
    if not chat.heard:
        raise AssistctlError("nothing has happened here yet")
    story = Story(sys.stderr, 1)
    for event in chat.heard:
        if not isinstance(event, TextDelta):
            story(event)
    story.close()


def _save(chat: Chat, argument: str) -> None:
    if not chat.turns:
        raise AssistctlError("nothing was said yet")
    path = _path(chat, argument or f"{chat.talk.assistant.key}.md")
    try:
        with path.open("x", encoding="utf-8", errors="replace") as file:
            file.write(conversation_markdown(_thread_of(chat), chat.turns))
    except FileExistsError as error:
        raise AssistctlError(f"{path} is there already; name another FILE") from error
    except OSError as error:
        raise AssistctlError(f"cannot write {path}: {error.strerror}") from error
    _tell(f"saved in {path}")


def _model(chat: Chat, argument: str) -> None:
    if argument:
        _check_model(chat.talk, argument)
        chat.talk = chat.talk.on(chat.talk.conversation.thread, {"model": argument})
    _tell(str(chat.talk.assistant.settings.get("model")))


def _check_model(talk: Session, name: str) -> None:
    """Raises AssistctlError for one that the target has not, as far as it tells."""
    target = talk.workspace.target
    if target.local and not isinstance(model_of(target), Mapping):
        return  # scripts answer by any name
    there: Mapping[str, str | None] = {}
    with suppress(RemoteError):  # the next message tells
        there = talk.surface.models([name])
    if there and name not in there:
        instead = remedy(name, there, "name one that it has")
        raise AssistctlError(f"{target.name!r} has no model {one_line(name)!r}; {instead}")


def _retry(chat: Chat, argument: str) -> Finished:
    return chat.again(chat.last)


def _edit(chat: Chat, argument: str) -> Finished | None:
    try:
        with keys_answer():
            edited = click.edit(chat.turns[-1].message if chat.turns else None)
    except click.ClickException as error:
        raise AssistctlError(f"{error.message}; $EDITOR says which editor is used") from error
    if not (edited or "").strip():
        _tell("nothing was sent, since nothing was saved")
        return None
    return chat.again(str(edited).rstrip("\n"))


def _help(chat: Chat, argument: str) -> None:
    click.echo(HELP, err=True)


COMMANDS: Mapping[str, Command] = {
    "/new": Command(_new, "begin a new thread"),
    "/attach": Command(_attach, "give the next message a file", "FILE"),
    "/thread": Command(_thread, "show the thread's id, or go on with another", "[ID]"),
    "/tools": Command(_tools, "what the assistant can call"),
    "/steps": Command(_steps, "all that happened in the last turn"),
    "/save": Command(_save, "write the conversation as Markdown", "[FILE]"),
    "/model": Command(_model, "show the model, or have another one answer from now on", "[NAME]"),
    "/retry": Command(_retry, "send the last message again"),
    "/edit": Command(_edit, "change the last message in $EDITOR and send it"),
    "/help": Command(_help, "this"),
}
DOES = {**{name: it.does for name, it in COMMANDS.items()}, "/exit": "leave (so does Ctrl-D)"}


def _helped() -> str:
    usages = {name: f"{name} {it.takes}".rstrip() for name, it in COMMANDS.items()}
    lines = [f"  {usages.get(name, name):<15} {does}" for name, does in DOES.items()]
    return "\n".join(
        [
            *lines,
            "  //text          send what begins with a slash",
            "Alt-Enter or Ctrl-J begins another line, Ctrl-R looks for what was typed before,",
            "Tab completes; Ctrl-C stops an answer, or clears what is typed.",
        ]
    )


HELP = _helped()


def _path(chat: Chat, argument: str) -> Path:
    return chat.start / Path(argument.removeprefix("file://")).expanduser()


def _tell(text: str) -> None:
    click.echo(sanitize(text), err=True)
