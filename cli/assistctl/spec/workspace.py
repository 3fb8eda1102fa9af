"""One directory -> Workspace: every file read, merged for one target, and cross-referenced."""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Iterable, Mapping
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from assistctl.errors import Problem
from assistctl.resources import (
    ASSISTANT,
    VECTOR_STORE,
    Address,
    Assistant,
    Interpreter,
    Price,
    Target,
    VectorStore,
    Workspace,
)
from assistctl.spec import mcp, stores, targets
from assistctl.spec.assistants import assistant
from assistctl.spec.declared_schemas import SchemaChecker
from assistctl.spec.discovery import FILE, Source, check_nested, find_sources
from assistctl.spec.files import WorkspaceFiles
from assistctl.spec.findings import Findings
from assistctl.spec.functions import Functions, declared
from assistctl.spec.grammar import TOOLS_MEMORY, USER_METADATA_PAIRS, Kind
from assistctl.spec.located import Located, merged
from assistctl.spec.moves import moves
from assistctl.spec.scripts import calls, turns
from assistctl.spec.tools import Surroundings
from assistctl.spec.variables import Variables
from assistctl.spec.warnings import taken_as_text, warnings_about
from assistctl.spec.wording import remedy_for, shown
from assistctl.spec.yaml_documents import Document, Top, read_document, read_top

if TYPE_CHECKING:
    from assistctl.cases import Suite

_SINGULAR = {"assistants": "assistant", "vector_stores": "vector store"}


def load(
    root: Path,
    *,
    target: str | None = None,
    environ: Mapping[str, str],
    keyless: bool = False,
) -> tuple[Workspace, tuple[Problem, ...]]:
    """Read what a directory declares, as seen by one target.

    `target` None is the file's `default_target`, else `local`; `environ` is where `${VAR}` and
    keys come from; those of a `keyless` target need not be there. Nothing that people can write
    wrong is raised: every problem comes back, in the order of their places, beside all that could
    be read. A workspace that has problems is good for finding more of them, and for nothing else.
    """
    findings = Findings()
    root = root.resolve()
    variables = Variables(environ, findings)
    schemas = SchemaChecker(findings)

    sources = find_sources(root, findings)
    top = read_top(sources.workspace, target, variables, findings)
    workspace_files = WorkspaceFiles(root, findings, _hidden_files(top))
    tables = [read_document(source, "functions", variables, findings) for source in sources.tools]
    read = _read_all(sources.assistants, "assistant", variables, findings)
    scripts = _read_all(sources.scripts, "script", variables, findings)

    known = _functions(tables, schemas, findings)
    usable = top.document.usable
    secrets = targets.with_placeholders(top.target, usable, environ) if keyless else environ
    in_use = targets.resolved(top.target, usable, root, secrets, findings)
    asked = None if in_use.local else in_use.api  # the embedded server asks nobody else
    document = top.document
    servers = mcp.locked(document.declared, usable, root, variables, complete=top.readable)
    around = Surroundings(
        known, servers, _store_keys(top), workspace_files, schemas, findings, asked, environ
    )
    overrides = _overrides(usable, top.target)
    merged_fields = {key: _merged(usable, overrides, key, it.usable) for key, it in read.items()}
    for key, document in read.items():
        _check_model(key, document, merged_fields[key], top, findings)
    assistants, implicit = _assistants(merged_fields, read, around)
    shared = _shared_stores(top, workspace_files, findings)
    complete = not findings
    tests = _read_all(sources.tests, "tests", variables, findings)
    every_target = targets.names(top.document.usable)
    suites = _suites(tests, assistants, every_target, around, complete=complete)
    _check_overrides(top, sources.assistants, findings)
    if top.readable and len(read) == len(sources.assistants):  # else nobody knows what is used
        check_nested(root, workspace_files.used, findings)
    workspace = Workspace(
        root=root,
        name=usable.get("workspace", root.name),
        target=in_use,
        targets=targets.names(usable),
        assistants=assistants,
        stores={**shared, **implicit},
        functions=known.usable,
        scripts={key: turns(script.usable, findings) for key, script in scripts.items()},
        scripted_calls=tuple(
            call for key, script in scripts.items() for call in calls(key, script.usable)
        ),
        suites=suites,
        moved=moves(top, _addresses(sources.assistants, top), findings),
        warnings=_warnings(merged_fields.values(), in_use, root),
        interpreter=_interpreter(usable.mapping("tools"), root),
        prices={model: Price(**price) for model, price in usable.mapping("prices").items()},
        records=usable.mapping("threads").get("record", True),
    )
    return workspace, findings.in_order()


def _interpreter(tools: Located, root: Path) -> Interpreter | None:
    if "python" not in tools:
        return None
    shown, memory = tools["python"], tools.get("memory", TOOLS_MEMORY)
    return Interpreter(root / shown, shown, tools.value_place("python"), memory * 1024 * 1024)


def _hidden_files(top: Top) -> frozenset[str]:
    """The hidden files that may be used, by their paths below the workspace."""
    return frozenset(
        posixpath.normpath(path) for path in top.document.usable.get("hidden_files", ())
    )


def _read_all(
    sources: Mapping[str, Source], kind: Kind, variables: Variables, findings: Findings
) -> dict[str, Document]:
    documents = {
        key: read_document(source, kind, variables, findings) for key, source in sources.items()
    }
    return {key: document for key, document in documents.items() if document}


def _functions(
    documents: list[Document | None], schemas: SchemaChecker, findings: Findings
) -> Functions:
    read = [document for document in documents if document]
    named = [document.declared.get("functions") for document in read]
    return Functions(
        usable=declared((d.usable.mapping("functions") for d in read), schemas, findings),
        names={name for table in named if isinstance(table, Located) for name in table},
        complete=len(read) == len(documents) and all(isinstance(t, Located) for t in named),
    )


def _store_keys(top: Top) -> frozenset[str] | None:
    """The keys of all shared stores, also broken ones; None if nobody can say which."""
    tables = top.document.declared.get("vector_stores", Located(top.document.declared.place))
    return frozenset(tables) if top.readable and isinstance(tables, Located) else None


def _addresses(assistants: Collection[str], top: Top) -> frozenset[Address] | None:
    """All assistants and shared stores, also broken ones; None if nobody can say which."""
    keys = _store_keys(top)
    if keys is None:
        return None
    stores = {Address(VECTOR_STORE, key) for key in keys}
    return frozenset(stores | {Address(ASSISTANT, key) for key in assistants})


def _assistants(
    fields: Mapping[str, Located], documents: Mapping[str, Document], around: Surroundings
) -> tuple[dict[str, Assistant], dict[str, VectorStore]]:
    """The assistants of these merged fields, and the implicit stores of those that search files of
    their own."""
    made, implicit = {}, {}
    for key, document in documents.items():
        _check_pairs(fields[key], around.findings)
        made[key], store = assistant(key, document.declared.place, fields[key], around)
        if store:
            implicit[store.key] = store
    return made, implicit


def _suites(
    documents: Mapping[str, Document],
    assistants: Mapping[str, Assistant],
    known_targets: tuple[str, ...],
    around: Surroundings,
    *,
    complete: bool,
) -> dict[str, Suite]:
    """The tests of the assistants. Unless these are `complete`, nobody can say which functions one
    has."""
    if not documents:
        return {}
    from assistctl.spec.suites import suite

    return {
        key: suite(document.usable, assistants[key], known_targets, around, complete=complete)
        for key, document in documents.items()
        if key in assistants
    }


def _warnings(assistants: Iterable[Located], target: Target, root: Path) -> tuple[Problem, ...]:
    found = (
        (*warnings_about(fields, target), *taken_as_text(fields, root)) for fields in assistants
    )
    return tuple(sorted(set(chain.from_iterable(found))))


def _merged(top: Located, overrides: Located, key: str, own: Located) -> Located:
    """An assistant's fields, with the defaults below and the target's overrides above them."""
    layers = [top.mapping("defaults"), own, overrides.mapping("assistants").mapping(key)]
    return merged(layers, own.place, deep="metadata")


def _overrides(top: Located, target: str) -> Located:
    return top.mapping("targets").mapping(target).mapping("overrides")


def _check_model(
    key: str, document: Document, usable: Located, top: Top, findings: Findings
) -> None:
    """An assistant has a model from somewhere; a wrong one has its finding where it stands."""
    everything = top.document.declared
    readable = top.readable and isinstance(everything.get("defaults", everything), Located)
    if "model" in usable or not readable:
        return
    overrides = _overrides(everything, top.target)
    if "model" not in _merged(everything, overrides, key, document.declared):
        findings.add(
            document.declared.place,
            "`model` is missing",
            f"add it here, or for all assistants under `defaults` in {FILE}",
        )


def _check_pairs(fields: Located, findings: Findings) -> None:
    pairs = fields.mapping("metadata")
    if len(pairs) > USER_METADATA_PAIRS:
        findings.add(
            pairs.place,
            f"`metadata` has {len(pairs)} pairs with those merged from {FILE}",
            f"keep {USER_METADATA_PAIRS}: the API allows 16, and assistctl needs eight",
        )


def _shared_stores(
    top: Top, workspace_files: WorkspaceFiles, findings: Findings
) -> dict[str, VectorStore]:
    usable = top.document.usable
    tables, above = usable.mapping("vector_stores"), _overrides(usable, top.target)
    made = {}
    for key in tables:
        layers = [tables.mapping(key), above.mapping("vector_stores").mapping(key)]
        fields = merged(layers, tables.value_place(key), deep="metadata")
        _check_pairs(fields, findings)
        made[key] = stores.shared(key, tables.key_place(key), fields, workspace_files, findings)
    return made


def _check_overrides(top: Top, assistants: Collection[str], findings: Findings) -> None:
    """Overrides, of any target, are for what is declared."""
    everything = top.document.declared
    known = {"assistants": assistants}
    if (stores_known := _store_keys(top)) is not None:
        known["vector_stores"] = stores_known
    for target in everything.mapping("targets"):
        for kind, names in known.items():
            table = _overrides(everything, target).mapping(kind)
            for key in table:
                if key not in names:
                    findings.add(
                        table.key_place(key),
                        f"there is no {_SINGULAR[kind]} {shown(key)} to override",
                        remedy_for(key, names, "declare it, or remove this"),
                    )
