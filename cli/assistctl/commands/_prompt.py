"""Where a person types in a chat: editing, history, completion, several lines as one message.

The only module that imports prompt_toolkit, hence imported only where there is a terminal.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.enums import DEFAULT_BUFFER
from prompt_toolkit.filters import has_focus
from prompt_toolkit.history import FileHistory, History, InMemoryHistory
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent
from prompt_toolkit.output import ColorDepth, create_output

from assistctl.render.terminal import one_line

PROMPT = "> "
_ROOM_FOR_MENU = 6


def prompt(
    terminal: TextIO,
    history: Path | None,
    commands: Mapping[str, str],
    values: Callable[[str], Iterable[str] | Path],
    status: Callable[[], str],
    color: bool,
) -> Callable[[str], str]:
    """What asks for the next message, given what stands there already.

    `commands` are completed with what they do; what comes after one is among its `values`, or a
    file seen from the directory that is given instead. Raises EOFError when the person leaves,
    KeyboardInterrupt when the message is given up.
    """
    session: PromptSession[str] = PromptSession(
        PROMPT,
        multiline=True,
        history=_kept(history),
        completer=_Completer(commands, values),
        complete_while_typing=False,  # which swallows a Tab that comes meanwhile
        key_bindings=_keys(),
        bottom_toolbar=lambda: one_line(status()),
        prompt_continuation=lambda width, line, soft: "." * (width - 1) + " ",
        reserve_space_for_menu=_ROOM_FOR_MENU,
        color_depth=None if color else ColorDepth.DEPTH_1_BIT,
        output=create_output(stdout=terminal),
    )
    return lambda standing: session.prompt(default=standing)


def _keys() -> KeyBindings:
    """Enter sends; Alt-Enter and Ctrl-J begin another line."""
    keys = KeyBindings()
    in_message = has_focus(DEFAULT_BUFFER)

    @keys.add("enter", filter=in_message)
    def _send(event: KeyPressEvent) -> None:
        event.current_buffer.validate_and_handle()

    @keys.add("escape", "enter", filter=in_message)
    @keys.add("c-j", filter=in_message)
    def _another_line(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return keys


class _Completer(Completer):
    def __init__(
        self, commands: Mapping[str, str], values: Callable[[str], Iterable[str] | Path]
    ) -> None:
        self._commands, self._values = commands, values

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        if not text.startswith("/") or "\n" in text:
            return
        command, space, rest = text.partition(" ")
        if not space:
            for name in self._commands:
                if name.startswith(command):
                    yield Completion(name, -len(command), display_meta=self._commands[name])
            return
        values = self._values(command)
        if isinstance(values, Path):
            for found in _files(values, rest, event):
                yield Completion(
                    found.text, found.start_position, display=one_line(found.display_text)
                )
        else:
            for value in values:
                if value.startswith(rest):
                    yield Completion(value, -len(rest), display=one_line(value))


def _files(start: Path, text: str, event: CompleteEvent) -> Iterable[Completion]:
    paths = PathCompleter(get_paths=lambda: [str(start)], expanduser=True)
    return paths.get_completions(Document(text), event)


def _kept(path: Path | None) -> History:
    """What was typed, across sessions and for nobody else; a convenience, so that it is done
    without where it cannot be had."""
    if path is not None:
        with suppress(OSError):
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
            return _File(path)
    return InMemoryHistory()


class _File(FileHistory):
    def store_string(self, string: str) -> None:
        with suppress(OSError):
            super().store_string(string)
