"""Assistants: merged fields -> Assistant."""

from __future__ import annotations

from assistctl.errors import Place
from assistctl.resources import Assistant, Json, Template, VectorStore
from assistctl.spec.files import WorkspaceFiles
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import APIS, INSTRUCTIONS_LENGTH
from assistctl.spec.instructions import declared_variables, instructed
from assistctl.spec.located import Located, plain
from assistctl.spec.surfaces import own_of
from assistctl.spec.templates import path_beside
from assistctl.spec.tools import Surroundings, check_choice, tools_of

_NO_SETTINGS = frozenset(("instructions", "variables", "tools", "run", "protect", *APIS))


def assistant(
    key: str, place: Place, fields: Located, around: Surroundings
) -> tuple[Assistant, VectorStore | None]:
    """The assistant, and the implicit store of its file_search tool if that has files of its own.

    `fields` obeys the schema; it is the declaration with the defaults below and the target's
    overrides above it.
    """
    tools, store = tools_of(key, fields, around)
    run = fields.mapping("run")
    if len(tools) == len(fields.get("tools", ())):
        check_choice(run, tools, around.findings)
    _check_answer_schema(fields, around)
    settings = _settings(fields, around.workspace_files)
    template = _template(fields, settings.get("instructions"), around.findings)
    if template is not None:
        settings["instructions"] = instructed(template, around.findings)
    protect = bool(fields.get("protect"))
    own = {api: own_of(api, fields.mapping(api), around) for api in APIS if api in fields}
    places = _places(fields)
    made = Assistant(
        key, place, settings, tools, plain(run), protect, places, own, template=template
    )
    return made, store


def _template(fields: Located, text: str | None, findings: Findings) -> Template | None:
    variables = declared_variables(fields, findings)
    if not fields.get("variables") or text is None:
        return None
    value, place = fields.get("instructions"), fields.value_place("instructions")
    if isinstance(value, Located):
        file = path_beside(value["file"], value.value_place("file"))
        return Template(text, Place(file, 1, 1), variables, in_file=True)
    return Template(text, place, variables, in_file=False)


def _places(fields: Located) -> dict[str, Place]:
    places = {name: fields.key_place(name) for name in fields if name not in ("tools", "run")}
    places |= _inside(fields, "run") | _tools(fields, "tools")
    for api in (each for each in APIS if each in fields):
        own = fields.mapping(api)
        places |= _inside(fields, api) | _inside(own, "environment", f"{api}.environment")
        places |= _tools(own, f"{api}.tools")
    return places


def _inside(fields: Located, name: str, path: str = "") -> dict[str, Place]:
    inner = fields.mapping(name)
    return {f"{path or name}.{key}": inner.key_place(key) for key in inner}


def _tools(fields: Located, path: str) -> dict[str, Place]:
    found = reversed([*fields.items_at("tools")])  # of several the first one is named
    return {f"{path}.{tool['type']}": place for tool, place in found}


def _settings(fields: Located, workspace_files: WorkspaceFiles) -> dict[str, Json]:
    settings = {name: plain(value) for name, value in fields.items() if name not in _NO_SETTINGS}
    instructions = _instructions(fields, workspace_files)
    return settings if instructions is None else {**settings, "instructions": instructions}


def _instructions(fields: Located, workspace_files: WorkspaceFiles) -> str | None:
    value = fields.get("instructions")
    if not isinstance(value, Located):
        return value
    return workspace_files.text(value["file"], value.value_place("file"), INSTRUCTIONS_LENGTH)


def _check_answer_schema(fields: Located, around: Surroundings) -> None:
    declared = fields.mapping("response_format").mapping("json_schema")
    if "schema" in declared:
        strict = declared.get("strict") is True
        around.schemas.check(declared["schema"], strict=strict, name="schema")
