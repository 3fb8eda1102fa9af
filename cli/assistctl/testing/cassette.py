"""What a model has answered, kept in the repository, so that the same tests need no model again.

`assistants/<key>.cassette.json` has every request that a model was sent and what came. A request
is known again by its path and its body, less what differs from run to run: ids and times. Answers
are kept as they came, less what looks like a key. `take` tells the tries of a case apart: the same
request of the same try is asked once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path
from threading import Lock
from typing import Literal

from assistctl.errors import AssistctlError
from assistctl.redaction import Redaction
from assistctl.resources import Json, digest

Mode = Literal["record", "replay"]
VERSION = 1
_SECRET_LENGTH = 8
_ROOM = 80
_COMPARED = 400
"""Characters of what differs in two texts that are compared one by one."""
_TOLD = 3
"""How many of the differences to the nearest request are told."""

_ID = re.compile(
    r"\b(?P<kind>asst|thread|msg|run|step|vs|vsfb|call|resp|conv|item|fc|fco|ci|fs|rs|cntr|cfile"
    r"|sess|turn|agent|file|chatcmpl)(?P<mark>[-_])(?=[A-Za-z]*[0-9])[A-Za-z0-9]{12,}"
)
_TIME = re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?")


@dataclass(frozen=True)
class Recorded:
    """One exchange. `request` is what was asked, made the same for every run."""

    target: str
    path: str
    request: Json
    take: int
    status: int
    content_type: str
    text: str

    @property
    def key(self) -> tuple[str, int]:
        """By which it is found again."""
        return digest([self.target, self.path, self.request]), self.take

    @property
    def body(self) -> bytes:
        """What came, as it is sent."""
        return self.text.encode()


@dataclass
class Cassette:
    """The exchanges of one assistant's tests; what `server/models/taping.py` calls a Tape.
    `endpoint` is where they were recorded."""

    path: Path
    mode: Mode
    redactions: Sequence[Redaction]
    endpoint: str | None = None
    target: str = ""
    take: int = 0
    _before: dict[tuple[str, int], Recorded] = field(default_factory=dict)
    _used: dict[tuple[str, int], Recorded] = field(default_factory=dict)
    _guard: Lock = field(default_factory=Lock)

    def answer(self, path: str, body: bytes) -> Recorded | None:
        """What was recorded. Raises LookupError if this is to be replayed, and was not."""
        asked = self._asked(path, body)
        with self._guard:
            if found := self._used.get(asked.key):
                return found
            if self.mode == "record":
                return None
            if found := self._before.get(asked.key):
                self._used[asked.key] = found
                return found
            raise LookupError(f"{self._missed(asked)}; record it anew with --record")

    def keep(
        self, path: str, body: bytes, status: int, content_type: str, answer: bytes
    ) -> Recorded:
        """Note what came, without what is secret in it."""
        asked = self._asked(path, body)
        text = self._public(answer.decode(errors="replace"))
        made = Recorded(self.target, path, asked.request, self.take, status, content_type, text)
        with self._guard:
            self._used[made.key] = made
        return made

    def save(self, *, whole: bool) -> None:
        """Write down what was recorded; of a `whole` run nothing else for its targets, for nobody
        asks it again. A target that has only refused has answered nothing that is worth it."""
        answering = {it.target for it in self._used.values() if it.status < 400}
        used = {key: it for key, it in self._used.items() if it.target in answering}
        seen = answering if whole else set()
        others = {key: it for key, it in self._before.items() if it.target not in seen}
        kept = {**others, **used}
        if self.mode != "record" or not (kept or self.path.exists()):
            return
        document = {
            "version": VERSION,
            "endpoint": self.endpoint,
            "exchanges": [
                {
                    "target": it.target,
                    "path": it.path,
                    "take": it.take,
                    "request": it.request,
                    "status": it.status,
                    "content_type": it.content_type,
                    "answer": it.text.split("\n"),
                }
                for _, it in sorted(kept.items())
            ],
        }
        text = json.dumps(document, ensure_ascii=False, indent=1)
        self.path.write_text(text + "\n", encoding="utf-8")

    def _asked(self, path: str, body: bytes) -> Recorded:
        request = json.loads(self._public(body.decode(errors="replace")))
        return Recorded(self.target, path, steady(request), self.take, 0, "", "")

    def _public(self, text: str) -> str:
        for redaction in self.redactions:
            text = redaction.value(text)
        return text

    def _missed(self, asked: Recorded) -> str:
        """Which request is nearest, and in what it differs."""
        where = f"{self.path.name} has no answer to what the model is asked now"
        if any(key == asked.key[0] for key, _ in self._before):
            return f"{where} in try {asked.take + 1}, of which it has fewer"
        alike = [
            it for it in self._before.values() if (it.target, it.path) == (asked.target, asked.path)
        ]
        if not alike:
            return where
        nearest = max(alike, key=lambda it: _likeness(it.request, asked.request))
        found = list(_differences(nearest.request, asked.request, ""))
        more = f" (and {len(found) - _TOLD} more)" if len(found) > _TOLD else ""
        return f"{where}; the nearest differs in {'; '.join(found[:_TOLD])}{more}"


def opened_cassette(path: Path, mode: Mode, secrets: Sequence[str]) -> Cassette:
    """The cassette with what it has; AssistctlError if it cannot be read, or is not there to be
    replayed."""
    redactions = [Redaction(secret) for secret in secrets if len(secret) >= _SECRET_LENGTH]
    cassette = Cassette(path, mode, redactions or [Redaction(None)])
    if not path.exists():
        if mode == "replay":
            raise AssistctlError(f"there is no {path.name} to replay; record it with --record")
        return cassette
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["version"] != VERSION:
            raise AssistctlError(
                f"{path.name} is of another version of assistctl; record it anew with --record"
            )
        cassette.endpoint = document["endpoint"]
        for it in document["exchanges"]:
            made = Recorded(
                it["target"],
                it["path"],
                it["request"],
                it["take"],
                it["status"],
                it["content_type"],
                "\n".join(it["answer"]),
            )
            cassette._before[made.key] = made
    except (ValueError, KeyError, TypeError) as error:
        raise AssistctlError(
            f"{path.name} is not what --record writes ({error!r}); record it anew, or remove it"
        ) from error
    return cassette


def secrets_of(model: Mapping[str, Json]) -> list[str]:
    """What must not be kept of how an endpoint is asked."""
    hidden = [model.get("api_key"), model.get("headers"), model.get("query")]
    ways = [way for way in (model.get("models") or {}).values() if isinstance(way, Mapping)]
    bodies = [model.get("extra_body"), *(way.get("extra_body") for way in ways)]
    headers = [way.get(name) for way in ways for name in ("headers", "query")]
    long = [text for text in _texts(bodies) if len(text) >= 2 * _SECRET_LENGTH]
    return [*_texts([*hidden, *headers]), *long]


def _texts(value: Json) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list):
        for each in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(each)


def steady(value: Json, known: dict[str, str] | None = None) -> Json:
    """A request without what differs from run to run: each id becomes a number in the order in
    which they occur, each time of day a word."""
    known = {} if known is None else known

    def number(found: re.Match[str]) -> str:
        return known.setdefault(found[0], f"{found['kind']}{found['mark']}{len(known) + 1}")

    if isinstance(value, str):
        return _TIME.sub("(time)", _ID.sub(number, value))
    if isinstance(value, Mapping):
        return {key: steady(item, known) for key, item in value.items()}
    if isinstance(value, list):
        return [steady(item, known) for item in value]
    return value


def _likeness(one: Json, other: Json) -> float:
    """How much two requests have in common, by the characters of the texts in them."""
    ours, theirs = (list(_texts(it)) for it in (one, other))
    common = 0
    for tag, a, b, c, d in SequenceMatcher(None, ours, theirs, autojunk=False).get_opcodes():
        old, new = "\n".join(ours[a:b]), "\n".join(theirs[c:d])
        common += len(old) if tag == "equal" else _common(old, new)
    return 2 * common / max(1, len("\n".join(ours)) + len("\n".join(theirs)))


def _common(one: str, other: str) -> int:
    """How many characters two texts have in common; of long ones about."""
    before = _alike(one, other)
    one, other = one[before:], other[before:]
    after = _alike(one[::-1], other[::-1])
    one, other = (text[: len(text) - after][:_COMPARED] for text in (one, other))
    blocks = SequenceMatcher(None, one, other, autojunk=False).get_matching_blocks()
    return before + after + sum(block.size for block in blocks)


def _alike(one: str, other: str) -> int:
    """How many characters two texts begin with alike."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((n for n, (a, b) in pairs if a != b), min(len(one), len(other)))


def _differences(before: Json, now: Json, path: str) -> Iterator[str]:
    """Where two requests differ: `messages[1].content: "a", recorded was "b"`."""
    if isinstance(before, Mapping) and isinstance(now, Mapping):
        for key in dict.fromkeys([*before, *now]):
            step = f"{path}.{key}" if path else key
            yield from _differences(before.get(key), now.get(key), step)
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(old, new, f"{path}[{index}]")
    elif isinstance(before, list) and isinstance(now, list):
        yield f"{path}: there are {len(now)}, recorded were {len(before)}"
    elif before != now:
        yield f"{path}: {_shown(now, before)}, recorded was {_shown(before, now)}"


def _shown(value: Json, other: Json) -> str:
    """A value in one line; of a long text what comes after the part that both have."""
    if isinstance(value, str) and isinstance(other, str) and len(value) > _ROOM:
        start = _alike(value, other)
        value = ("…" if start > 20 else "") + value[max(0, start - 20) : start + _ROOM - 20]
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _ROOM + 10 else text[:_ROOM] + "…"
