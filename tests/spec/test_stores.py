from collections.abc import Callable

import pytest

from assistctl.resources import FileSearch, Workspace
from assistctl.spec import stores

Loaded = Callable[..., tuple[Workspace, list[str]]]


def test_a_store_of_too_many_files_is_found(
    loaded: Loaded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stores, "MAX_FILES", 2)
    files = {"docs/a": "", "docs/b": "", "docs/c": ""}
    top = "version: 1\nworkspace: x\nvector_stores: {docs: {files: [docs/*]}}\n"
    assert loaded({"assistctl.yaml": top, **files})[1] == [
        "assistctl.yaml:3:31: a vector store holds 2 files, and these are 3; "
        "name fewer, or spread them over several stores"
    ]


def test_a_store_without_anything_is_a_store(loaded: Loaded) -> None:
    top = "version: 1\nworkspace: x\nvector_stores: {a: {}, b: }\n"
    workspace, problems = loaded({"assistctl.yaml": top})
    assert problems == []
    assert [(store.key, store.files) for store in workspace.stores.values()] == [
        ("a", ()),
        ("b", ()),
    ]


def test_searching_without_files_or_store_has_no_store(loaded: Loaded) -> None:
    workspace, problems = loaded({"assistants/x.yaml": "tools: [{type: file_search}]\n"})
    assert problems == []
    assert workspace.stores == {}
    assert workspace.assistants["x"].tools == (FileSearch(),)
