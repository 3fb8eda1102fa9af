"""What is declared of a model endpoint: the address, and how each of its models is to be asked."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from assistctl.server.models.dialect import DROPPABLE, Api, Dialect
from assistctl.server.models.profiles import PROFILES, Profile, profile_of
from assistctl.server.upstream import base_url

RUN_SECONDS = 600.0
"""How long a run may take, as the Assistants API had it."""

_Choice: TypeAlias = Literal["auto", "chat", "responses"]
_PER_MODEL = frozenset(
    {"api", "profile", "headers", "extra_body", "drop", "stream", "query"}
    | {"context", "run_seconds", "timeout"}
)
_KEYS = _PER_MODEL | {"base_url", "api_key", "models", "ca_file"}
_SHORTEST_KEY = 16
"""Of the values of extra_body: shorter ones are words, such as `disabled`."""
_ENDS = re.compile(r"/(chat/completions|completions|responses|models)$")


@dataclass(frozen=True)
class Way:
    """How one model is asked. `name` is the endpoint's name for it, `timeout` the longest silence
    that is put up with, in seconds; `context` is how many tokens it takes, where it does not say.
    """

    name: str
    api: _Choice = "auto"
    profile: Profile = field(default_factory=Profile)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    query: Mapping[str, str] = field(default_factory=dict, repr=False)
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    drop: frozenset[str] = frozenset()
    stream: bool = True
    context: int | None = None
    run_seconds: float = RUN_SECONDS
    timeout: float = RUN_SECONDS

    @cached_property
    def dialect(self) -> Dialect:
        """Before anything was learnt."""
        api: Api = self.profile.api if self.api == "auto" else self.api
        return Dialect(api, self.profile.dropped | self.drop, frozenset(self.profile.quirks))


@dataclass(frozen=True)
class Endpoint:
    """`usual` is how its models are asked, `models` says by their declared names which of them are
    asked otherwise."""

    base_url: str
    usual: Way
    api_key: str | None = field(default=None, repr=False)
    models: Mapping[str, Way] = field(default_factory=dict)
    ca_file: str | None = None

    @classmethod
    def parse(cls, declared: Mapping[str, Any]) -> Endpoint:
        """Read `Settings.model`; ValueError says what is wrong with it."""
        _known(declared, _KEYS)
        address = base_url(declared.get("base_url"), "model's")
        if end := _ENDS.search(address):
            raise ValueError(
                f"the model's base_url ends in {end[0]}, which is added to it; leave that out"
            )
        profile = profile_of(address)
        if profile.api == "responses" and "/deployments/" in address:
            profile = Profile(key_header=profile.key_header)  # Azure's older paths have chat only
        usual = _way(declared, Way("", profile=profile))
        models = {
            name: _model_way(own, usual) for name, own in dict(declared.get("models") or {}).items()
        }
        ca_file = declared.get("ca_file")
        if ca_file is not None and not Path(ca_file).is_file():
            raise ValueError(f"the model's ca_file {ca_file} is not there")
        return cls(address, usual, declared.get("api_key") or None, models, ca_file)

    def way(self, model: str) -> Way:
        known = self.models.get(model)
        if known is not None and known.name:
            return known
        return replace(known or self.usual, name=model)

    @property
    def secrets(self) -> list[str]:
        """What no message may show: the key, and the values of headers, queries and bodies."""
        ways = (self.usual, *self.models.values())
        texts = [
            text for way in ways for text in _texts([*way.headers.values(), *way.query.values()])
        ]
        bodies = [text for way in ways for text in _texts(way.extra_body)]
        keys = [text for text in bodies if len(text) >= _SHORTEST_KEY]
        return [secret for secret in (self.api_key, *texts, *keys) if secret]


def _model_way(declared: Any, usual: Way) -> Way:
    """How the model of one entry of `models` is asked: a name, or a mapping."""
    if isinstance(declared, str):
        return replace(usual, name=declared)
    if not isinstance(declared, Mapping):
        raise ValueError("an entry of the model's `models` is a name or a mapping")
    _known(declared, _PER_MODEL | {"name"})
    return _way(declared, usual)


def _way(declared: Mapping[str, Any], usual: Way) -> Way:
    """`usual` with what is declared for one model, or for the whole endpoint."""
    given = {name: value for name, value in declared.items() if value is not None}
    fields: dict[str, Any] = {"name": str(given.get("name", usual.name))}
    if "profile" in given:
        fields["profile"] = _one_of("profile", given["profile"], PROFILES)
    if "api" in given:
        choices = {choice: choice for choice in get_args(_Choice)}
        fields["api"] = _one_of("api", given["api"], choices)
    for table in ("headers", "query", "extra_body"):
        fields[table] = {**getattr(usual, table), **given.get(table, {})}
    fields["headers"] = {name: _header(name, value) for name, value in fields["headers"].items()}
    fields["query"] = {name: str(value) for name, value in fields["query"].items()}
    for name in given.get("drop", ()):
        _one_of("drop", name, dict.fromkeys(DROPPABLE))
    fields["drop"] = usual.drop.union(given.get("drop", ()))
    fields["stream"] = bool(given.get("stream", usual.stream))
    if "context" in given:
        fields["context"] = int(given["context"])
    if "run_seconds" in given:
        fields["run_seconds"] = float(given["run_seconds"])
        fields["timeout"] = max(usual.timeout, fields["run_seconds"])
    if "timeout" in given:
        fields["timeout"] = float(given["timeout"])
    return replace(usual, **fields)


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for each in value.values():
            yield from _texts(each)
    elif isinstance(value, list):
        for each in value:
            yield from _texts(each)


def _known(declared: Mapping[str, Any], keys: frozenset[str]) -> None:
    unknown = sorted(set(declared) - keys)
    if unknown:
        raise ValueError(f"unknown key of a model endpoint: {', '.join(unknown)}")


def _one_of(what: str, value: Any, choices: Mapping[str, Any]) -> Any:
    if value not in choices:
        raise ValueError(f"the model's {what} is one of {', '.join(choices)}, not {value!r}")
    return choices[value]


def _header(name: str, value: Any) -> str:
    text = str(value)
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"the model's header {name} has characters that no HTTP header can carry")
    return text
