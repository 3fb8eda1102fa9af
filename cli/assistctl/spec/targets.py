"""The target in use, chosen by name and resolved; the rules that hold for every target."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from assistctl.errors import Place
from assistctl.resources import Json, Target
from assistctl.spec.findings import Findings
from assistctl.spec.grammar import SLUG
from assistctl.spec.located import Located, plain
from assistctl.spec.variables import variable_of
from assistctl.spec.wording import both, quoted, shown, suggestion

LOCAL = "local"
OPENAI = "https://api.openai.com/v1"


def names(workspace: Located) -> tuple[str, ...]:
    """All targets, in the order of the file; the local one is always among them."""
    declared = tuple(workspace.mapping("targets"))
    return declared if LOCAL in declared else (LOCAL, *declared)


def chosen(workspace: Located, asked: str | None, findings: Findings) -> str:
    """The name of the target in use: the one asked for, the file's default, else local."""
    if not isinstance(workspace.get("targets", workspace), Located):
        return asked or LOCAL
    known = names(workspace)
    default = workspace.get("default_target")
    if not isinstance(default, str) or not re.fullmatch(SLUG, default):
        default = None  # the schema has something to say about it
    elif default not in known:
        _no_target(default, known, workspace.value_place("default_target"), findings)
        default = None
    if asked is not None and asked not in known:
        _no_target(asked, known, workspace.key_place("targets"), findings)
        asked = None
    return asked or default or LOCAL


def _no_target(name: str, known: tuple[str, ...], place: Place, findings: Findings) -> None:
    close = suggestion(name, known)
    choice = f"declared are {both(quoted(known))}" if len(known) > 1 else f"only `{LOCAL}` is"
    findings.add(
        place,
        f"there is no target {shown(name)}",
        f"did you mean {shown(close)}? {choice}" if close else choice,
    )


def check_every(declared: Located, findings: Findings) -> None:
    """What must hold for a target whether or not it is in use."""
    for name, fields in declared.mapping("targets").items():
        if isinstance(fields, Located):
            _check(name, fields, findings)


def _check(name: str, fields: Located, findings: Findings) -> None:
    api = fields.get("api", "assistants")
    if api not in ("assistants", "agents", "responses"):
        return
    embedded = api == "assistants" and "base_url" not in fields
    if "model" in fields and not embedded:
        findings.add(
            fields.key_place("model"),
            f"`model` is for the embedded server, which {shown(name)} is not",
            "remove it, or remove `api` and `base_url`",
        )
    if "api_key" in fields and embedded:
        findings.add(
            fields.key_place("api_key"),
            f"{shown(name)} is the embedded server, which takes no `api_key`",
            "add the `base_url` that the key is for, or remove the key",
        )
    if fields.get("confirm") and embedded:
        findings.add(
            fields.key_place("confirm"),
            f"{shown(name)} is the embedded server, to which this workspace alone writes",
            "remove `confirm`",
        )
    if "api_key" not in fields and "base_url" not in fields and not embedded:
        findings.add(
            fields.place,
            f"{shown(name)} is OpenAI, which wants an `api_key`",
            "add `api_key: ${OPENAI_API_KEY}`, or the `base_url` of another server",
        )


def resolved(
    name: str, workspace: Located, environ: Mapping[str, str], findings: Findings
) -> Target:
    """The target as a value. `workspace` has its variables already expanded, but for keys."""
    targets = workspace.mapping("targets")
    fields = targets.mapping(name)
    api = fields.get("api", "assistants")
    return Target(
        name=name,
        api=api,
        namespace=str(fields.get("namespace", workspace.get("workspace", ""))),
        place=targets.key_place(name),
        base_url=fields.get("base_url", None if api == "assistants" else OPENAI),
        api_key=_secret(fields, environ, findings),
        model=_model(fields.get("model"), environ, findings),
        confirm=bool(fields.get("confirm")),
    )


def _model(
    model: Json, environ: Mapping[str, str], findings: Findings
) -> Literal["scripted"] | Mapping[str, Json] | None:
    if not isinstance(model, Located):
        return "scripted" if model == "scripted" else None
    fields: dict[str, Json] = plain(model)
    if "api_key" in model:
        fields["api_key"] = _secret(model, environ, findings)
    embeddings = model.get("embeddings")
    if isinstance(embeddings, Located):
        fields["embeddings"] = _embeddings(embeddings, fields, environ, findings)
    return fields


def _embeddings(
    declared: Located, model: Mapping[str, Json], environ: Mapping[str, str], findings: Findings
) -> Mapping[str, Json]:
    """What is left out is the model's; but its key goes to its own address only."""
    fields: dict[str, Json] = plain(declared)
    if "api_key" in declared:
        fields["api_key"] = _secret(declared, environ, findings)
    elif "base_url" not in declared:
        fields["api_key"] = model.get("api_key")
    return {"base_url": model.get("base_url"), **fields}


def _secret(fields: Located, environ: Mapping[str, str], findings: Findings) -> str | None:
    """The value of the variable that `api_key` names; None if there is none, or after a finding."""
    if "api_key" not in fields:
        return None
    variable = variable_of(fields["api_key"])
    value = environ.get(variable or "", "").strip()
    if findings.faulty(fields.value_place("api_key")):
        return None
    if value and value.isascii():
        return value
    fault = "holds characters that no key has" if value else "is not set"
    findings.add(
        fields.value_place("api_key"),
        f"the environment variable {variable} {fault}",
        "set it to the key",
    )
    return None
