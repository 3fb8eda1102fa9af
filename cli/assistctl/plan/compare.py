"""Declared over observed, field by field: what a server fills in is not a difference."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from assistctl.plan.fingerprints import (
    NOTHING,
    OPAQUE,
    fingerprint,
    is_empty,
    is_tool,
    keyed,
    tool_name,
)
from assistctl.plan.state import Remote, references
from assistctl.resources import Json, digest

if TYPE_CHECKING:
    from deepdiff import DeepDiff
    from deepdiff.model import DiffLevel


def is_untouched(remote: Remote, name: str) -> bool:
    """Whether a field is still as the target answered when the object was last written, but for
    defaults that it says by now. Of what is not in the record there was nothing then."""
    applied = remote.applied.get(name)
    known = (applied.answered or applied.declared) if applied else NOTHING
    if remote.fingerprint(name) == known:
        return True
    return any(fingerprint(reading) == known for reading in remote.plainer(name))


def edits(name: str, remote: Remote, declared: Json) -> list[tuple[str, Json, Json]]:
    """The leaves of a field that somebody has edited, as `leaves` has them; defaults that the API
    documents are left out, unless they are all that there is to tell."""
    found = list(leaves(name, telling(name, remote, declared), declared, whole=True))
    if all(is_empty(before) and is_empty(after) for _, before, after in found):
        return list(leaves(name, remote.fields.get(name), declared, whole=True))
    return found


def telling(name: str, remote: Remote, declared: Json) -> Json:
    """What is there of a field, without the defaults that the API documents where nothing is
    declared; tools by their names."""
    return _telling(remote.fields.get(name), remote.plain(name), declared)


def _telling(observed: Json, plain: Json, declared: Json) -> Json:
    """What is there without the defaults that it holds, except where something is declared."""
    observed, plain, declared = keyed(observed), keyed(plain), keyed(declared)
    if not (isinstance(observed, Mapping) and isinstance(plain, Mapping)):
        return observed if declared is not None else plain
    declared = declared if isinstance(declared, Mapping) else {}
    return {
        key: _telling(value, plain.get(key), declared.get(key))
        for key, value in observed.items()
        if key in plain or key in declared
    }


def contains(observed: Json, declared: Json, *, opaque: bool = False) -> bool:
    """Whether everything declared is there. Lists are compared whole; what is absent contains
    what says nothing (None, [], {} and mappings of them). `opaque`: the keys are the user's own."""
    if not opaque:
        observed, declared = keyed(observed), keyed(declared)
    if is_empty(observed):
        return is_empty(declared)
    if isinstance(declared, Mapping) and isinstance(observed, Mapping):
        if (opaque or _is_toolset(declared)) and set(observed) != set(declared):
            return False
        return all(
            contains(observed.get(key), value, opaque=opaque or key in OPAQUE)
            for key, value in declared.items()
        )
    if isinstance(declared, list | tuple) and isinstance(observed, list | tuple):
        return len(declared) == len(observed) and all(
            contains(there, wanted, opaque=opaque)
            for there, wanted in zip(observed, declared, strict=True)
        )
    return digest(observed) == digest(declared)


def leaves(
    path: str, observed: Json, declared: Json, *, whole: bool = False
) -> Iterator[tuple[str, Json, Json]]:
    """The leaves in which two values differ, as (path, before, after); lists are leaves.

    `path` is the field's name. What only the server knows of is left out unless the `whole` is
    asked for, except where it cannot be the server's: keys of the user's own, functions, and what
    refers to our objects.
    """
    before, after = keyed(observed), keyed(declared)
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)) or not before or not after:
        yield path, observed, declared
        return
    seen = before if whole else _project(before, after, opaque=path in OPAQUE)
    found = list(_deep(path, seen, after))
    telling = [leaf for leaf in found if not (is_empty(leaf[1]) and is_empty(leaf[2]))]
    yield from telling or found or [(path, observed, declared)]


def _deep(path: str, before: Json, after: Json) -> Iterator[tuple[str, Json, Json]]:
    from deepdiff import DeepDiff  # 0.2 s to import, so only when something differs

    seen = set()
    differences = DeepDiff(
        before,
        after,
        view="tree",
        ignore_numeric_type_changes=True,
        ignore_private_variables=False,  # else keys such as __a are left out
        threshold_to_diff_deeper=0,  # else mappings with few keys in common count as one leaf
        custom_operators=[_Truth()],
    )
    places = sorted(
        (level.path(output_format="list") for kind in differences.values() for level in kind),
        key=str,
    )
    for steps in places:
        keys = _up_to_first_list(steps)
        if keys not in seen:
            seen.add(keys)
            yield _spell(path, keys, after, before), _at(before, keys), _at(after, keys)


class _Truth:
    """Tells deepdiff that true is not 1, which Python thinks."""

    def match(self, level: DiffLevel) -> bool:
        return isinstance(level.t1, bool) is not isinstance(level.t2, bool)

    def give_up_diffing(self, level: DiffLevel, diff_instance: DeepDiff) -> bool:
        diff_instance.custom_report_result("truth", level)  # type: ignore[no-untyped-call]
        return True


def _up_to_first_list(steps: list[str | int]) -> tuple[str, ...]:
    keys: list[str] = []
    for step in steps:
        if isinstance(step, int):
            break
        keys.append(step)
    return tuple(keys)


def _at(value: Json, keys: tuple[str, ...]) -> Json:
    for key in keys:
        if not isinstance(value, Mapping):
            return None
        value = value.get(key)
    return value


def _spell(path: str, keys: tuple[str, ...], *roots: Json) -> str:
    """`tools[save_bill].function.description`; keys that are no plain words go in brackets."""
    by_name = any(_is_toolset(root) for root in roots)
    for depth, key in enumerate(keys):
        plain = re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", key)
        path += f"[{key}]" if (by_name and depth == 0) or not plain else f".{key}"
    return path


def _project(observed: Json, declared: Json, *, opaque: bool = False) -> Json:
    """Observed without what the server may have filled in."""
    if not (isinstance(observed, Mapping) and isinstance(declared, Mapping)):
        return observed
    keep = opaque or _is_toolset(declared) or _is_toolset(observed)
    return {
        key: _project(value, declared.get(key), opaque=opaque or key in OPAQUE | {"function"})
        for key, value in observed.items()
        if keep or key in declared or any(references(value))
    }


def _is_toolset(value: Json) -> bool:
    return (
        isinstance(value, Mapping)
        and bool(value)
        and all(is_tool(item) and tool_name(item) == name for name, item in value.items())
    )
