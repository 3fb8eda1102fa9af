"""What is tried together: assistants in one row, with the same tape."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import product

from assistctl import loading
from assistctl.cases import Case, Prompt
from assistctl.conversation.overrides import wants_values
from assistctl.errors import AssistctlError
from assistctl.resources import Workspace
from assistctl.spec.instructions import text_with
from assistctl.sync.planning import find_assistant
from assistctl.testing.cassette import Cassette, opened_cassette, secrets_of
from assistctl.testing.laboratory import at_embedded_server
from assistctl.testing.wanted import Taping, Wanted
from assistctl.verdicts import Row


@dataclass(frozen=True)
class Group:
    """Assistants whose cases are tried in one row; `workspace` is as it is in that row."""

    row: Row
    workspace: Workspace
    keys: tuple[str, ...]

    def cases(self, wanted: Wanted) -> list[tuple[str, Case]]:
        """Those that are wanted, each with the key of its assistant."""
        return [
            (key, case)
            for key in self.keys
            for case in self.workspace.suites[key].cases
            if wanted.has(case.name)
        ]


def groups_of(workspace: Workspace, wanted: Wanted) -> list[Group]:
    """All combinations that the tests name, in the order in which they do; assistants that are
    tried in the same one are together, unless their models are taped. Raises AssistctlError."""
    at = {workspace.target.name: workspace}
    found: dict[tuple[Row, str], Group] = {}
    for key in _keys(workspace, wanted):
        for row, model, prompt in _rows(workspace, key, wanted):
            if row.target not in at:
                keyless = wanted.taping not in (None, "record")
                at[row.target] = loading.load(
                    workspace.root, row.target, keyless=keyless, tests=True
                )
            which = (row, key if wanted.taping else "")
            group = found.get(which, Group(row, at[row.target], ()))
            varied = _varied(group.workspace, key, model, prompt)
            found[which] = Group(row, varied, (*group.keys, key))
    return list(found.values())


def taped(
    group: Group, taping: Taping, cassettes: dict[str, Cassette]
) -> tuple[Workspace, Cassette | None]:
    """The workspace of a group as it is tried with a cassette, and that; None where nothing is
    taped. Cassettes are opened once for all groups of an assistant."""
    workspace = at_embedded_server(group.workspace)
    model = workspace.target.model
    if taping is None or model == "scripted":
        if taping in ("record", "replay"):
            raise AssistctlError(
                f"the model of {group.row.target} is scripted: there is nothing to {taping}; "
                f"name a --target with an endpoint, or leave out --{taping}"
            )
        return group.workspace, None
    (key,) = group.keys
    path = workspace.root / "assistants" / f"{key}.cassette.json"
    if taping == "replay what there is" and not path.exists():
        return group.workspace, None
    if key not in cassettes:
        secrets = secrets_of(model) if isinstance(model, Mapping) else []
        cassettes[key] = opened_cassette(
            path, "record" if taping == "record" else "replay", secrets
        )
    cassette = cassettes[key]
    cassette.target = group.row.target
    if isinstance(model, Mapping):
        # Texts are found by the offline encoder, which is the same everywhere.
        asked = {name: value for name, value in model.items() if name != "embeddings"}
    elif taping == "record" or not cassette.endpoint:
        raise AssistctlError(f"no model is declared for {group.row.target}, nor has any answered")
    else:
        asked = {"base_url": cassette.endpoint}
    if taping == "record":
        cassette.endpoint = asked["base_url"]
    return replace(workspace, target=replace(workspace.target, model=asked)), cassette


def _keys(workspace: Workspace, wanted: Wanted) -> list[str]:
    """The assistants to test, each once."""
    if not wanted.keys:
        if not workspace.suites:
            raise AssistctlError(
                "there are no tests; write some in assistants/<key>.tests.yaml, beside an assistant"
            )
        return list(workspace.suites)
    keys = dict.fromkeys(find_assistant(workspace, key).key for key in wanted.keys)
    for key in keys:
        if key not in workspace.suites:
            raise AssistctlError(f"{key} has no tests; write them in assistants/{key}.tests.yaml")
    return list(keys)


def _rows(
    workspace: Workspace, key: str, wanted: Wanted
) -> Iterator[tuple[Row, str | None, Prompt | None]]:
    """The rows of one assistant's tests. What is at a target has its own model and instructions."""
    matrix = workspace.suites[key].matrix
    here = (workspace.target.name,)
    targets = here if wanted.one_target else matrix.targets or here
    as_is = wanted.synced or wanted.plain
    models = () if as_is else matrix.models
    prompts = () if as_is else matrix.prompts
    for target, model, prompt in product(targets, models or (None,), prompts or (None,)):
        variant = ", ".join(
            filter(None, (f"model {model}" if model else "", f"{prompt.file}" if prompt else ""))
        )
        yield Row(target, variant, wanted.synced), model, prompt


def _varied(workspace: Workspace, key: str, model: str | None, prompt: Prompt | None) -> Workspace:
    """The workspace with another model or other instructions for one assistant."""
    assistant = workspace.assistants[key]
    settings = dict(assistant.settings)
    if model:
        settings["model"] = model
    if prompt:
        settings["instructions"] = prompt.text
        if assistant.template and assistant.template.variables:
            template = replace(assistant.template, text=prompt.text)
            assistant = replace(assistant, template=template)
            if not wants_values(assistant):
                settings["instructions"] = text_with(assistant, {})
    varied = {**workspace.assistants, key: replace(assistant, settings=settings)}
    return replace(workspace, assistants=varied)
