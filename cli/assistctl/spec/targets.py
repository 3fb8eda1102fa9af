"""The target in use, chosen by name and resolved; the rules that hold for every target."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from assistctl.errors import Place
from assistctl.keys import is_key
from assistctl.resources import API_NAMES, Json, Target
from assistctl.spec import endpoints
from assistctl.spec.discovery import FILE
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located
from assistctl.spec.reading import read
from assistctl.spec.secrets import key_of
from assistctl.spec.variables import variables_in
from assistctl.spec.wording import both, quoted, shown
from assistctl.suggestion import suggestion

LOCAL = "local"
OPENAI = "https://api.openai.com/v1"
_NOT_SET = "not-set"


def names(workspace: Located) -> tuple[str, ...]:
    """All targets, in the order of the file; the local one is always among them."""
    declared = tuple(workspace.mapping("targets"))
    return declared if LOCAL in declared else (LOCAL, *declared)


def chosen(workspace: Located, requested: str | None, findings: Findings) -> str:
    """The name of the target in use: the one asked for, the file's default, else local."""
    if not isinstance(workspace.get("targets", workspace), Located):
        return requested or LOCAL
    known = names(workspace)
    default = workspace.get("default_target")
    if not isinstance(default, str) or not is_key(default):
        default = None  # the schema has something to say about it
    elif default not in known:
        _no_target(default, known, workspace.value_place("default_target"), findings)
        default = None
    if requested is not None and requested not in known:
        _no_target(requested, known, workspace.key_place("targets"), findings)
        requested = None
    return requested or default or LOCAL


def served(root: Path) -> tuple[str, str | None]:
    """The default target of a workspace, and the one that its embedded server is: the default if
    that is none elsewhere, else `local`, else the first that will do; None if none will. What is
    wrong with the file is for `load` to say."""
    unheard = Findings()
    workspace = read(root / FILE, FILE, unheard)
    if workspace is None:
        return LOCAL, LOCAL
    default = chosen(workspace, None, unheard)
    targets = workspace.mapping("targets")
    here = [name for name in names(workspace) if _embedded(targets.mapping(name))]
    ordered = sorted(here, key=lambda name: (name != default, name != LOCAL))
    return default, ordered[0] if ordered else None


def declares_model(root: Path, name: str) -> bool:
    """Whether a target says itself who answers; else the environment does."""
    workspace = read(root / FILE, FILE, Findings())
    return workspace is not None and "model" in workspace.mapping("targets").mapping(name)


def _embedded(fields: Located) -> bool:
    """A model says so, too, since OpenAI's other APIs live there where no address is declared."""
    is_asked = "model" in fields or fields.get("api", "assistants") == "assistants"
    return is_asked and "base_url" not in fields


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
    model = fields.get("model")
    if isinstance(model, Located):
        endpoints.check(model, f"targets.{name}.model", findings)
    api = fields.get("api", "assistants")
    if api not in API_NAMES:
        return
    embedded = _embedded(fields)
    if "model" in fields and not embedded:
        findings.add(
            fields.key_place("model"),
            f"`model` is for the embedded server, which {shown(name)} is not",
            "remove it, or remove `base_url`",
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
    name: str, workspace: Located, root: Path, environ: Mapping[str, str], findings: Findings
) -> Target:
    """The target as a value. `workspace` has its variables already expanded, but for what may be
    secret; `root` is its directory."""
    targets = workspace.mapping("targets")
    fields = targets.mapping(name)
    api = fields.get("api", "assistants")
    return Target(
        name=name,
        api=api,
        namespace=str(fields.get("namespace", workspace.get("workspace", ""))),
        place=targets.key_place(name),
        base_url=fields.get("base_url", None if _embedded(fields) else OPENAI),
        api_key=key_of(fields, environ, findings),
        model=_model(fields, root, environ, findings),
        confirm=bool(fields.get("confirm")),
        emulate=tuple(fields.get("emulate", ())),
    )


def with_placeholders(
    name: str, workspace: Located, environ: Mapping[str, str]
) -> Mapping[str, str]:
    """The environment with something in place of each variable that the target names and that is
    not set."""
    named = variables_in(workspace.mapping("targets").mapping(name))
    return {**dict.fromkeys(named, _NOT_SET), **{k: v for k, v in environ.items() if v.strip()}}


def _model(
    fields: Located, root: Path, environ: Mapping[str, str], findings: Findings
) -> Literal["scripted"] | Mapping[str, Json] | None:
    """As declared; where nothing is, an embedded server asks whom the environment names."""
    model = fields.get("model")
    if isinstance(model, Located):
        return endpoints.resolved(model, root, environ, findings)
    if model == "scripted":
        return "scripted"
    return from_environment(environ) if _embedded(fields) else None


def from_environment(environ: Mapping[str, str]) -> Mapping[str, Json] | None:
    """The model endpoint that the variables of OpenAI's own clients name: none without a key."""
    key = environ.get("OPENAI_API_KEY", "").strip()
    base_url = environ.get("OPENAI_BASE_URL", "").strip() or OPENAI
    return {"base_url": base_url, "api_key": key} if key else None
