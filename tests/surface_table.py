"""Which behaviour was tried at which API surface: cases × surfaces, at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

import pytest

SURFACES = ("assistants", "responses", "agents")


def named(mark: pytest.Mark) -> tuple[str, ...]:
    """The surfaces of `only_at`, which has to say why it is not all of them."""
    assert set(mark.args) < set(SURFACES) and mark.args, f"only_at: {mark.args}"
    assert set(mark.kwargs) == {"because"}, "only_at needs because=…, and nothing else"
    return mark.args


def note(item: pytest.Item) -> None:
    """Have a test's report say at which surface it was tried, and why not at all of them."""
    callspec = getattr(item, "callspec", None)
    if callspec and (surface := callspec.params.get("api")) in SURFACES:
        mark = item.get_closest_marker("only_at")
        item.user_properties.append(("surface", surface))
        item.user_properties.append(("because", mark.kwargs["because"] if mark else ""))


def lines(reports: Iterable[pytest.TestReport]) -> Iterator[str]:
    """The table of those that passed; nothing where nothing of it was tried."""
    rows: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    partial: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for report in reports:
        told = dict(report.user_properties)
        if report.when != "call" or "surface" not in told:
            continue
        path, _, name = report.nodeid.partition("::")
        rows[path][told["surface"]] += 1
        if told["because"]:
            case = f"{path}::{name.partition('[')[0]}"
            partial[told["because"]][case].add(told["surface"])
    if not rows:
        return
    total = {surface: sum(row[surface] for row in rows.values()) for surface in SURFACES}
    width = max(map(len, rows))
    yield f"{'passed':{width}}" + "".join(f"{surface:>12}" for surface in SURFACES)
    for path, row in [*sorted(rows.items()), ("all", total)]:
        yield f"{path:{width}}" + "".join(f"{row[surface] or '-':>12}" for surface in SURFACES)
    for because, cases in sorted(partial.items()):
        at = sorted({surface for some in cases.values() for surface in some}, key=SURFACES.index)
        yield f"only at {' and '.join(at)} ({len(cases)}): {because}"
