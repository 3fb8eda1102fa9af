"""Vector stores: those of assistctl.yaml, and the one behind an assistant's own file_search."""

from __future__ import annotations

from assistctl.errors import Place
from assistctl.resources import File, VectorStore, implicit_key
from assistctl.spec.files import WorkspaceFiles
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain

MAX_FILES = 10_000


def shared(
    key: str, place: Place, fields: Located, workspace_files: WorkspaceFiles, findings: Findings
) -> VectorStore:
    """A store of assistctl.yaml; `fields` is the declaration with its overrides merged."""
    _check_overlap(fields.mapping("chunking_strategy"), findings)
    given = {name: plain(value) for name, value in fields.items() if name != "files"}
    return VectorStore(key, place, files=_files(fields, workspace_files, findings), **given)


def implicit(
    assistant: str, place: Place, tool: Located, workspace_files: WorkspaceFiles, findings: Findings
) -> VectorStore:
    """The store that stands for the `files` of an assistant's file_search tool."""
    files = _files(tool, workspace_files, findings)
    return VectorStore(implicit_key(assistant), place, files=files, implicit=True)


def _files(
    fields: Located, workspace_files: WorkspaceFiles, findings: Findings
) -> tuple[File, ...]:
    files = workspace_files.files(fields.items_at("files"))
    if len(files) > MAX_FILES:
        findings.add(
            fields.value_place("files"),
            f"a vector store holds {MAX_FILES:,} files, and these are {len(files):,}",
            "name fewer, or spread them over several stores",
        )
    return files


def _check_overlap(strategy: Located, findings: Findings) -> None:
    sizes = strategy.mapping("static")
    size, overlap = sizes.get("max_chunk_size_tokens"), sizes.get("chunk_overlap_tokens")
    if size is not None and overlap is not None and overlap > size / 2:
        findings.add(
            sizes.value_place("chunk_overlap_tokens"),
            f"`chunk_overlap_tokens` is more than half of `max_chunk_size_tokens` ({size})",
            f"write at most {size // 2}",
        )
