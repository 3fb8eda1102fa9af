"""*.script.yaml: the turns of the scripted model."""

from __future__ import annotations

from collections.abc import Iterator

from assistctl.resources import Json, ScriptedCall
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.regexes import check_regex


def turns(script: Located, findings: Findings) -> list[Json]:
    """The turns as plain values; a `when` that is no regular expression is a finding."""
    for turn, _ in script.items_at("turns"):
        if "when" in turn:
            check_regex("when", turn["when"], turn.value_place("when"), findings)
    return list(plain(script.get("turns", [])))


def calls(key: str, script: Located) -> Iterator[ScriptedCall]:
    """All calls in the script of this assistant."""
    for turn, _ in script.items_at("turns"):
        made = turn.mapping("call")
        for name, arguments in made.items():
            yield ScriptedCall(made.key_place(name), key, name, plain(arguments) or {})
