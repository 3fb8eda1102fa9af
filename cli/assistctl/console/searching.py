"""A vector store is searched as assistants search it, and what is known of why something was not
found is said: it was never read, its score is too low, a filter or the limit keeps it out."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from assistctl.apis.transport.client import Client, path_of
from assistctl.errors import Refused, RemoteError
from assistctl.render.values import counted
from assistctl.resources import Json
from assistctl.some import some

STORES = "/vector_stores"
MOST = 50
"""Passages that an API finds at most."""

_ALIKE = 5
"""Files of a name that are looked for."""


@dataclass(frozen=True)
class Asked:
    """What is looked for, and how; without a `limit`, `threshold` or `ranker` as the API has it.
    `expected` is the id or a part of the name of a file that should have been found."""

    query: str
    limit: int = 10
    threshold: float | None = None
    ranker: str = ""
    filters: Mapping[str, Json] | None = None
    rewrite: bool = False
    expected: str = ""

    @classmethod
    def of(cls, fields: Mapping[str, str]) -> Asked:
        """From what somebody has typed. Raises Refused."""
        return cls(
            fields["q"],
            int(_number(fields["limit"] or "10", "the number of passages", 1, MOST)),
            _number(fields["threshold"], "the threshold", 0, 1) if fields["threshold"] else None,
            fields["ranker"],
            _filters(fields["filters"]) if fields["filters"] else None,
            fields["rewrite"] == "1",
            fields["expected"],
        )

    def body(self) -> dict[str, Json]:
        """As the API is asked."""
        ranking: dict[str, Json] = {}
        if self.ranker:
            ranking["ranker"] = self.ranker
        if self.threshold is not None:
            ranking["score_threshold"] = self.threshold
        return {
            "query": self.query,
            "max_num_results": self.limit,
            "rewrite_query": self.rewrite,
            **({"filters": self.filters} if self.filters else {}),
            **({"ranking_options": ranking} if ranking else {}),
        }


@dataclass(frozen=True)
class Passage:
    """What was found, as the `rank`-th."""

    rank: int
    file_id: str
    name: str
    score: float
    text: str
    attributes: Mapping[str, Json]


@dataclass(frozen=True)
class Reason:
    """Something that may be why; of the file with this id, if it is of one."""

    text: str
    file_id: str | None = None


@dataclass(frozen=True)
class Found:
    """What came of a search: `queries` as the target has worded them, and what is known of what was
    not found."""

    queries: tuple[str, ...]
    passages: tuple[Passage, ...]
    reasons: tuple[Reason, ...] = ()


def search(client: Client, store_id: str, asked: Asked) -> Found:
    """Search once. Raises RemoteError."""
    answer = client.search(path_of(STORES, store_id, "search"), asked.body())
    queries = answer.get("search_query") or asked.query
    return Found(
        tuple(map(str, queries if isinstance(queries, list) else [queries])),
        tuple(_passage(*each) for each in enumerate(answer.get("data") or (), 1)),
    )


def explained(client: Client, store: Mapping[str, Json], asked: Asked) -> Found:
    """Search, and find out what was not found and why. Raises RemoteError."""
    found = search(client, str(store["id"]), asked)
    reasons = [*_not_read(store), *_kept_out(client, store, asked, found)]
    if asked.expected:
        reasons += _missed(client, store, asked, found)
    elif not reasons and not found.passages:
        reasons.append(
            Reason(
                "nothing in this store has anything in common with the query; name the file"
                " that should have been found"
            )
        )
    return replace(found, reasons=tuple(reasons))


def _passage(rank: int, item: Mapping[str, Any]) -> Passage:
    parts = [str(it.get("text") or "") for it in item.get("content") or ()]
    return Passage(
        rank,
        str(item.get("file_id")),
        str(item.get("filename") or item.get("file_id")),
        float(item.get("score") or 0),
        "\n".join(parts),
        item.get("attributes") or {},
    )


def _not_read(store: Mapping[str, Json]) -> Iterator[Reason]:
    counts = store.get("file_counts") or {}
    if not counts.get("total"):
        yield Reason("there is no file in this store")
    if number := counts.get("in_progress"):
        yield Reason(f"{counted(number, 'file')} {_is(number)} still being read, and not found yet")
    if number := counts.get("failed"):
        yield Reason(f"{counted(number, 'file')} could not be read, and {_is(number)} never found")
    if number := counts.get("cancelled"):
        yield Reason(f"reading of {counted(number, 'file')} was cancelled")


def _kept_out(
    client: Client, store: Mapping[str, Json], asked: Asked, found: Found
) -> Iterator[Reason]:
    """What would be found without the threshold, and without the filters."""
    if asked.threshold and len(found.passages) < asked.limit:
        every = search(client, str(store["id"]), replace(asked, threshold=None)).passages
        low = [it for it in every if it.score < asked.threshold]
        if low:
            more = (
                f"{counted(len(low), 'passage')} more"
                if found.passages
                else (counted(len(low), "passage"))
            )
            yield Reason(
                f"{more} would be found without the threshold of {asked.threshold:g};"
                f" the best of them has {low[0].score:.3f} ({low[0].name})",
                low[0].file_id,
            )
    if asked.filters:
        every = search(client, str(store["id"]), replace(asked, filters=None)).passages
        inside = {it.file_id for it in found.passages}
        names = dict.fromkeys(it.name for it in every if it.file_id not in inside)
        if names:
            yield Reason(f"without the filter there would be passages of {some(names, 5)}")


def _missed(
    client: Client, store: Mapping[str, Json], asked: Asked, found: Found
) -> Iterator[Reason]:
    """Why the file that was expected is not among what was found."""
    for passage in found.passages:
        if _is_called(passage.file_id, passage.name, asked.expected):
            yield Reason(
                f"{passage.name} was found: it has the passage of rank {passage.rank}",
                passage.file_id,
            )
            return
    files = list(_called_so(client, asked.expected))
    if not files:
        yield Reason(f"no file at the target is called like {asked.expected!r}")
    for file in files[:_ALIKE]:
        yield Reason(_why(client, store, asked, file), str(file["id"]))
    if len(files) > _ALIKE:
        yield Reason(f"{len(files) - _ALIKE:,} more files are called so; say more of the name")


def _called_so(client: Client, expected: str) -> Iterator[Mapping[str, Json]]:
    for file in client.list("/files", limit=10_000, order="desc"):
        if _is_called(str(file["id"]), str(file.get("filename")), expected):
            yield file


def _is_called(file_id: str, name: str, expected: str) -> bool:
    return expected == file_id or expected.casefold() in name.casefold()


def _why(client: Client, store: Mapping[str, Json], asked: Asked, file: Mapping[str, Json]) -> str:
    name = str(file.get("filename") or file["id"])
    try:
        member = client.get(path_of(STORES, store["id"], "files", file["id"]))
    except RemoteError as error:
        if error.status != 404:
            raise
        return f"{name} ({file['id']}) is not in this store"
    status = member.get("status")
    if status == "failed":
        return f"{name} could not be read: {(member.get('last_error') or {}).get('message')}"
    if status != "completed":
        return f"{name} is {str(status).replace('_', ' ')}, and not found until it was read"
    return _why_not_first(client, store, asked, file, member)


def _why_not_first(
    client: Client,
    store: Mapping[str, Json],
    asked: Asked,
    file: Mapping[str, Json],
    member: Mapping[str, Json],
) -> str:
    """Of a file that was read."""
    name = str(file.get("filename") or file["id"])
    free = replace(asked, limit=MOST, threshold=None, filters=None)
    every = search(client, str(store["id"]), free).passages
    own = next((it for it in every if it.file_id == file["id"]), None)
    if own is None:
        return (
            f"{name} was read, but none of its passages is among the best {MOST}:"
            f" {_in_common(client, store, asked, file)}"
        )
    told = f"{name}: its best passage has rank {own.rank} and score {own.score:.3f}"
    if asked.threshold and own.score < asked.threshold:
        return f"{told}, which is less than the threshold of {asked.threshold:g}"
    if asked.filters:
        has = json.dumps(member.get("attributes") or {}, ensure_ascii=False)
        return f"{told}, and the filter keeps it out: its attributes are {has}"
    return f"{told}; {asked.limit} are asked for"


def _in_common(
    client: Client, store: Mapping[str, Json], asked: Asked, file: Mapping[str, Json]
) -> str:
    text = read_text(client, str(store["id"]), str(file["id"])).casefold()
    words = dict.fromkeys(re.findall(r"\w+", asked.query.casefold()))
    if not text.strip():
        return "its text is empty (a scan, perhaps?)"
    if there := [word for word in words if word in text]:
        return f"of the query's words its text has {some(there, 8)}"
    return "its text has none of the query's words"


def read_text(client: Client, store_id: str, file_id: str) -> str:
    """The text of a file as the store has read it. Raises RemoteError."""
    page = client.page(path_of(STORES, store_id, "files", file_id, "content"))
    return "".join(str(it.get("text") or "") for it in page["data"])


def _number(text: str, what: str, least: float, most: float) -> float:
    try:
        number = float(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise Refused(f"{what} is no number between {least:g} and {most:g}: {text!r}")
    return number


def _filters(text: str) -> Mapping[str, Json]:
    try:
        filters = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Refused(f"the filter is no JSON: {error}") from error
    if not isinstance(filters, dict):
        raise Refused('the filter is no object, such as {"type": "eq", "key": "year", "value": 1}')
    return filters


def _is(number: int) -> str:
    return "is" if number == 1 else "are"
