"""Drafts -> files in a workspace, which is then read again as every command reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from assistctl.errors import AssistctlError, DeclarationError
from assistctl.importing.assistant_drafts import AssistantDraft
from assistctl.importing.staging import atomic_write
from assistctl.importing.store_drafts import StoreDraft
from assistctl.loading import load
from assistctl.resources import Workspace
from assistctl.spec.additions import with_stores
from assistctl.spec.discovery import FILE
from assistctl.spec.reading import with_line_feeds
from assistctl.spec.writing import document


@contextmanager
def write_drafts(
    root: Path,
    target: str | None,
    staging: Path,
    drafts: Sequence[AssistantDraft],
    stores: Sequence[StoreDraft] = (),
) -> Iterator[tuple[Workspace, list[str]]]:
    """Write what was drafted; yields the workspace with it, as declared for a target, and the POSIX
    paths of the files that this added or changed. What drafts have downloaded is in the `staging`
    directory already. If the block raises, nothing is left behind.

    Raises AssistctlError where an assistant breaks a rule that holds for what is declared.
    """
    # What refers to a file comes after it, should the process be killed here.
    everything: list[AssistantDraft | StoreDraft] = [*stores, *drafts]
    order = sorted(path for draft in everything for path in draft.files)
    for draft in drafts:
        for path, text in _prompt(draft).items():
            order.append(path)
            _write(staging / path, text)
    if stores:
        order.append(FILE)
        _write(staging / FILE, _with_stores(root, stores))
    for draft in drafts:
        order.append(yaml_path(draft.key))
        _write(staging / order[-1], _yaml(draft))
    with atomic_write(staging, root, order=order, replacing=[FILE] if stores else []):
        yield _loaded(root, target, drafts, stores), order


def yaml_path(key: str) -> str:
    """Where the assistant with this key is declared."""
    return f"assistants/{key}.yaml"


def is_written(root: Path, draft: AssistantDraft) -> bool:
    """Whether exactly this is in the workspace already, as after another import of the same."""
    texts = texts_of(draft)
    try:
        return all((root / path).read_bytes() == text.encode() for path, text in texts.items())
    except OSError:
        return False


def texts_of(draft: AssistantDraft) -> dict[str, str]:
    """Its YAML, and the file of its instructions, if they get one."""
    return {yaml_path(draft.key): _yaml(draft), **_prompt(draft)}


def _yaml(draft: AssistantDraft) -> str:
    return document(draft.fields, draft.remarks)


def _prompt(draft: AssistantDraft) -> dict[str, str]:
    if draft.prompt is None:
        return {}
    text = with_line_feeds(draft.prompt)
    if text.startswith("\ufeff"):  # which would be taken for the file's
        text = f"\ufeff{text}"
    return {f"assistants/{draft.key}.md": text}


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
    root: Path, target: str | None, drafts: Sequence[AssistantDraft], stores: Sequence[StoreDraft]
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
