"""A YAML file with one value changed; all else stays byte for byte as it stands.

A library that reads YAML and writes it again sets out anew what nobody has touched: indents,
columns, long lines, and strings that only some readers take for numbers. Here the text is cut where
the parser says that a value begins and ends, and `writing` writes the new one. What comes of it is
read again before anybody gets it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from assistctl.errors import Place, Problem
from assistctl.resources import Json
from assistctl.spec import writing
from assistctl.spec.composing import Unreadable, compose
from assistctl.spec.findings import Findings
from assistctl.spec.located import Path, plain

ABSENT: Json = object()
"""Stands for a value that is not there."""

_VARIABLE = re.compile(r"(?<!\$)\$\{")
_COMMENT = re.compile(r"(?:^|[ \t])#")
_BY_HAND = "change it by hand"


class NotEditable(Exception):
    """Why a value cannot be changed where it stands."""

    def __init__(self, place: Place, what: str, remedy: str = _BY_HAND) -> None:
        self.problem = Problem(place, what, remedy)
        super().__init__(str(self.problem))


def value_of(text: str, file: str) -> Json:
    """What a file holds, variables as they are written. Raises NotEditable."""
    try:
        body = text.removeprefix("\ufeff")
        value, _ = compose(yaml.parse(body, Loader=yaml.SafeLoader), file, Findings())
    except Unreadable as error:
        raise NotEditable(error.problem.place, error.problem.what, error.problem.remedy) from None
    except yaml.YAMLError as error:
        raise NotEditable(Place(file), f"is not valid YAML: {error}") from None
    return plain(value)


def at(value: Json, path: Path) -> Json:
    """The value at the end of a path, or ABSENT."""
    for step in path:
        steps = range(len(value)) if isinstance(value, list) else value
        if not isinstance(steps, dict | range) or step not in steps:
            return ABSENT
        value = value[step]
    return value


def without_value(text: str, file: str, path: Path) -> str:
    """The text without the key or the item at the path, and without what would hold nothing then
    but is not at the top of the file. Raises NotEditable."""
    inside = at(value_of(text, file), path[:-1])
    if len(path) > 1 and isinstance(inside, dict | list) and len(inside) == 1:
        return with_value(text, file, path[:-1], type(inside)())
    return with_value(text, file, path, ABSENT)


def with_item(text: str, file: str, path: Path, value: Json) -> str:
    """The text with one more item at the end of the list at the path. Raises NotEditable."""
    there = at(value_of(text, file), path)
    if not there:
        return with_value(text, file, path, [value])
    return with_value(text, file, (*path, len(there)), value)


def with_value(text: str, file: str, path: Path, value: Json) -> str:
    """The text with this value at the path, where another is, or in a mapping none yet. Raises
    NotEditable where it cannot be, or something else would change with it."""
    body = text.removeprefix("\ufeff")
    before = value_of(body, file)
    changed = _Editor(body, file).changed(path, value, before)
    _check(changed, body, file, path, _with(before, path, _as_written(value)))
    return text[: len(text) - len(body)] + changed


def with_entries(
    text: str, file: str, path: Path, fields: Mapping[str, Json], remarks: Mapping[Path, str]
) -> str:
    """The text with these entries as well in the mapping at the path, which may be empty or null;
    `remarks` become comments above what is at their paths within it. Raises NotEditable as
    `with_value`, and for a mapping in braces."""
    body = text.removeprefix("\ufeff")
    before, editor = value_of(body, file), _Editor(body, file)
    there = at(before, path) or {}
    if not isinstance(there, Mapping):
        raise NotEditable(editor.place(path), "is no mapping")
    changed = editor.entered(path, fields, remarks)
    now = {**there, **_as_written(dict(fields))}
    _check(changed, body, file, path, _with(before, path, now))
    return text[: len(text) - len(body)] + changed


def _check(changed: str, body: str, file: str, path: Path, wanted: Json) -> None:
    if value_of(changed, file) != wanted:
        place = _Editor(body, file).place(path)
        raise NotEditable(place, "is written so that it cannot be changed without changing more")


@dataclass(frozen=True)
class _Node:
    """A value in the text, from `start` to `end`; what follows it on its last line is no part of
    it. `values` are those of a mapping's `keys`, or a list's items; `name` is that of an alias."""

    start: int
    end: int
    place: Place
    kind: str
    flow: bool = False
    block: bool = False
    text: str = ""
    anchor: str | None = None
    keys: tuple[_Node, ...] = ()
    values: tuple[_Node, ...] = ()

    def child(self, step: str | int) -> tuple[_Node | None, _Node] | None:
        """The key, if it is a mapping's, and the value at one step."""
        if self.kind == "mapping":
            for key, value in zip(self.keys, self.values, strict=True):
                if key.text == step:
                    return key, value
        elif self.kind == "list" and isinstance(step, int) and step < len(self.values):
            return None, self.values[step]
        return None

    def everything(self) -> Iterator[_Node]:
        """The node and all that is in it."""
        yield self
        for node in (*self.keys, *self.values):
            yield from node.everything()


class _Editor:
    """One text, and where its values are."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._newline = "\r\n" if "\r\n" in text else "\n"
        self._events: list[Any] = [*yaml.parse(text, Loader=yaml.SafeLoader)][2:-2]
        self._next = 0
        self._root = self._node()
        self._used = {node.text: node for node in self._root.everything() if node.kind == "alias"}

    def place(self, path: Path) -> Place:
        """That of the value at the path, or of the last thing on the way."""
        return self._way(path)[-1].place

    def changed(self, path: Path, value: Json, whole: Json) -> str:
        """The text with the value at the path, or without it if that is ABSENT; `whole` is what
        the text holds now."""
        way = self._way(path)
        for node in way:
            self._refuse_shared(node)
        is_there = len(way) == len(path) + 1
        outer = way[-2] if is_there else way[-1]
        if outer.flow and not (is_there and value is not ABSENT):
            inner = path[: len(way) - (2 if is_there else 1)]
            now = _with(at(whole, inner), path[len(inner) :], _as_written(value))
            meant = _with_texts(now, "$${", "${")
            return self._set(way[: len(inner) + 1], inner, meant)
        if value is ABSENT:
            return self._removed(outer, way[-1])
        if is_there:
            return self._set(way, path, value)
        return self._added(outer, {str(path[-1]): value} if outer.kind == "mapping" else value)

    def entered(self, path: Path, fields: Mapping[str, Json], remarks: Mapping[Path, str]) -> str:
        """The text with more entries in the mapping at the path."""
        way = self._way(path)
        for node in way:
            self._refuse_shared(node)
        if not way[-1].keys:
            return self._set(way, path, fields, remarks)
        if way[-1].flow:
            raise NotEditable(way[-1].place, "has no lines of its own")
        return self._added(way[-1], fields, remarks)

    # The tree of the text

    def _node(self) -> _Node:
        event = self._take()
        mark = event.start_mark
        place, start = Place(self._file, mark.line + 1, mark.column + 1), mark.index
        end = event.end_mark.index
        if isinstance(event, yaml.AliasEvent):
            return _Node(start, end, place, "alias", text=str(event.anchor))
        if isinstance(event, yaml.ScalarEvent):
            block = event.style in ("|", ">")
            end = self._last_line(start, end) if block else end
            return _Node(
                start, end, place, "scalar", False, block, str(event.value), anchor=event.anchor
            )
        keys, values = list[_Node](), list[_Node]()
        is_list = isinstance(event, yaml.SequenceStartEvent)
        while not isinstance(self._events[self._next], yaml.CollectionEndEvent):
            if not is_list:
                keys.append(self._node())
            values.append(self._node())
        end = self._take().end_mark.index if event.flow_style else self._end_of(values, start)
        kind = "list" if is_list else "mapping"
        flow = bool(event.flow_style)
        return _Node(
            start, end, place, kind, flow, False, "", event.anchor, tuple(keys), tuple(values)
        )

    def _end_of(self, values: Sequence[_Node], start: int) -> int:
        self._take()
        return values[-1].end if values else start

    def _take(self) -> Any:
        self._next += 1
        return self._events[self._next - 1]

    def _last_line(self, start: int, end: int) -> int:
        """The end of a block scalar less the empty lines after it."""
        text = self._text[start:end]
        return start + len(re.sub(r"(?:\r?\n[ \t]*)+\Z", "", text))

    def _way(self, path: Path) -> list[_Node]:
        """The nodes from the top to the end of the path, as far as they are there."""
        way = [self._root]
        for step in path:
            if way[-1].kind == "alias":
                name = way[-1].text
                raise NotEditable(
                    way[-1].place,
                    f"`*{name}` stands for what is written at `&{name}`",
                    "write it out here",
                )
            if (found := way[-1].child(step)) is None:
                break
            way.append(found[1])
        return way

    def _refuse_shared(self, node: _Node) -> None:
        if node.anchor and (alias := self._used.get(node.anchor)):
            raise NotEditable(
                node.place,
                f"`&{node.anchor}` stands for the same at line {alias.place.line}, which would "
                "change with it",
                "write it out there",
            )

    def _refuse_losses(self, node: _Node, value: Json) -> None:
        """What is replaced may hold neither variables nor what else is made of."""
        for inner in node.everything():
            self._refuse_shared(inner)
            if inner.kind == "scalar" and _VARIABLE.search(inner.text):
                raise NotEditable(
                    inner.place,
                    "a variable stands here, which would be replaced by what it is now",
                    "change the variable, or write the value in its place",
                )
        both = node.kind in ("list", "mapping") and isinstance(value, dict | list) and value
        if both and _COMMENT.search(self._between(node)):
            raise NotEditable(node.place, "the comments in it would be lost")

    def _between(self, node: _Node) -> str:
        """The text of a node without its scalars, in which a # is no comment."""
        text, position = "", node.start
        for inner in node.everything():
            if inner.kind == "scalar":
                text += self._text[position : inner.start] + '""'
                position = inner.end
        return text + self._text[position : node.end]

    # Cutting the text

    def _set(
        self, way: Sequence[_Node], path: Path, value: Json, remarks: Mapping[Path, str] = {}
    ) -> str:
        node = way[-1]
        self._refuse_losses(node, value)
        if len(way) == 1:
            raise NotEditable(node.place, "the whole file would be written anew")
        outer = way[-2]
        if outer.flow:
            return self._text[: node.start] + writing.in_flow(value) + self._text[node.end :]
        if outer.kind == "list":
            dash = self._dash(outer, path[-1])
            indent = " " * (dash - self._line_start(dash))
            lines = writing.item(value, indent)
            lines[0] = self._text[self._line_start(dash) : dash] + lines[0][len(indent) :]
            return self._put(self._line_start(dash), dash + 1, node, lines)
        found = outer.child(path[-1])
        assert found is not None
        assert found[0] is not None
        key = found[0]
        start, colon = self._line_start(key.start), self._text.index(":", key.end) + 1
        indent, head = " " * (key.start - start), self._text[start:colon]
        lines = writing.after(head, value, indent, remarks)
        gap = self._text[colon : node.start]
        if gap and gap.isspace() and "\n" not in gap:  # columns stay columns
            lines[0] = head + re.sub("^ ", gap, lines[0].removeprefix(head))
        if node.block and len(lines) > 1 and isinstance(value, str):
            lines = self._indented_as(node, lines)
        return self._put(start, colon, node, lines)

    def _put(self, start: int, begun: int, node: _Node, lines: list[str]) -> str:
        """The text with these lines from `start` on instead of what is `begun` there and its value.
        What is remarked on the first line, else on the last, stays on the first."""
        rest = self._line_end(node.end)
        first = self._line_end(begun)
        remark = self._text[node.end : rest].rstrip()
        if node.block or node.start > first:
            header = self._text[node.start : first] if node.block else self._text[begun:first]
            found = re.search(r"[ \t]+#.*\Z", header)
            remark = found[0].rstrip() if found else ""
        lines = [lines[0] + remark, *lines[1:]]
        return self._text[:start] + self._newline.join(lines) + self._text[rest:]

    def _indented_as(self, node: _Node, lines: list[str]) -> list[str]:
        """The lines of a block scalar as far inside as those of the one that it replaces."""
        inside = re.search(r"\n([ ]+)[^ \r\n]", self._text[node.start : node.end])
        if inside is None or re.search(r"[|>][-+]?[0-9]", lines[0]):
            return lines
        now = len(lines[1]) - len(lines[1].lstrip(" "))
        return [lines[0], *(inside[1] + it[now:] if it else it for it in lines[1:])]

    def _added(self, outer: _Node, new: Json, remarks: Mapping[Path, str] = {}) -> str:
        """The text with more entries of a mapping, or one more item of a list."""
        if outer.kind == "mapping":
            first = outer.keys[0].start
            indent = " " * (first - self._line_start(first))
            lines = writing.entries(new, indent, remarks)
        elif outer.kind == "list":
            dash = self._dash(outer, 0)
            lines = writing.item(new, " " * (dash - self._line_start(dash)))
        else:
            raise NotEditable(outer.place, "holds nothing that could be added to")
        end = self._line_end(outer.end)
        return self._text[:end] + self._newline + self._newline.join(lines) + self._text[end:]

    def _removed(self, outer: _Node, node: _Node) -> str:
        self._refuse_losses(node, ABSENT)
        number = next(n for n, value in enumerate(outer.values) if value is node)
        start = outer.keys[number].start if outer.keys else self._dash(outer, number)
        if self._text[self._line_start(start) : start].strip():
            # It shares its line with the dash of what holds it.
            if number or len(outer.keys) < 2:
                raise NotEditable(node.place, "shares its line with something else")
            return self._text[:start] + self._text[outer.keys[1].start :]
        end = self._line_end(node.end)
        if end < len(self._text):
            end += len(self._newline)
        return self._text[: self._line_start(start)] + self._text[end:]

    def _dash(self, outer: _Node, step: str | int) -> int:
        """Where the dash of a list's item is."""
        assert isinstance(step, int)
        before = outer.values[step - 1].end if step else outer.start
        return max(self._text.rfind("-", before, outer.values[step].start), before)

    def _line_start(self, index: int) -> int:
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        end = self._text.find(self._newline, index)
        return len(self._text) if end < 0 else end


def _with(value: Json, path: Path, item: Json) -> Json:
    """The value with another one at the path, or without it."""
    if not path:
        return item
    step, *rest = path
    changed: Json = value.copy()
    if rest:
        changed[step] = _with(changed[step], tuple(rest), item)
    elif item is ABSENT:
        del changed[step]
    elif isinstance(changed, list) and step == len(changed):
        changed.append(item)
    else:
        changed[step] = item
    return changed


def _as_written(value: Json) -> Json:
    """The value with its `${` escaped, as `writing` does."""
    return _with_texts(value, "${", "$${")


def _with_texts(value: Json, old: str, new: str) -> Json:
    """The value with another word in place of one in all of its texts, but for keys."""
    if isinstance(value, dict):
        return {key: _with_texts(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_with_texts(item, old, new) for item in value]
    return value.replace(old, new) if isinstance(value, str) else value
