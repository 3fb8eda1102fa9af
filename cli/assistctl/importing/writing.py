"""Drafts -> files in a workspace, which is then read again as every command reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assistctl.errors import AssistctlError, DeclarationError
from assistctl.importing.drafts import Draft
from assistctl.importing.placing import placed
from assistctl.importing.stores import StoreDraft
from assistctl.loading import load
from assistctl.resources import Workspace
from assistctl.spec.additions import with_stores
from assistctl.spec.discovery import FILE
from assistctl.spec.writing import document


@contextmanager
def written(
    root: Path,
    target: str | None,
    tray: Path,
    drafts: Sequence[Draft],
    stores: Sequence[StoreDraft] = (),
) -> Iterator[tuple[Workspace, list[str]]]:
    """The workspace, as declared for a target, with what was drafted, and the paths of the files
    that this added or changed. Their own files are in the tray already. If the block raises,
    nothing is left behind.

    Raises AssistctlError where an assistant breaks a rule that holds for what is declared.
    """
    # What refers to a file comes after it, should the process be killed here.
    everything: list[Draft | StoreDraft] = [*stores, *drafts]
    order = sorted(path for draft in everything for path in draft.files)
    for draft in drafts:
        if draft.prompt is not None:
            order.append(f"assistants/{draft.key}.md")
            _write(tray / order[-1], _as_file(draft.prompt))
    if stores:
        order.append(FILE)
        _write(tray / FILE, _with_stores(root, stores))
    for draft in drafts:
        order.append(f"assistants/{draft.key}.yaml")
        _write(tray / order[-1], document(draft.fields, draft.remarks))
    with placed(tray, root, order=order, replacing=[FILE] if stores else []):
        yield _loaded(root, target, drafts, stores), order


def _as_file(prompt: str) -> str:
    """The text from which this prompt is read: a first BOM would be taken for the file's."""
    text = prompt.replace("\r\n", "\n").replace("\r", "\n")
    return f"\ufeff{text}" if text.startswith("\ufeff") else text


def _with_stores(root: Path, stores: Sequence[StoreDraft]) -> str:
    return with_stores(
        (root / FILE).read_bytes().decode(),
        {store.key: store.fields for store in stores},
        {(store.key,): store.remark for store in stores},
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())


def _loaded(
    root: Path, target: str | None, drafts: Sequence[Draft], stores: Sequence[StoreDraft]
) -> Workspace:
    try:
        return load(root, target)
    except DeclarationError as error:
        titles = {f"assistants/{d.key}{end}": d.title for d in drafts for end in (".yaml", ".md")}
        titles[FILE] = ", ".join(store.title for store in stores)
        lines = [
            f"  {titles.get(problem.place.file) or problem.place}: {problem.what}; {problem.remedy}"
            for problem in error.problems
        ]
        raise AssistctlError(
            "nothing was imported, since this cannot be declared; change it where it is, or leave "
            "it out:\n" + "\n".join(lines)
        ) from error
