"""Expectations held against what came. Pure, but for rubrics, which a model judges."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from assistctl.cases import Expectation
from assistctl.events import ToolReturned
from assistctl.resources import Json, tokens_of
from assistctl.verdicts import Answer, Verdict

Judge = Callable[[str, Sequence[Answer]], tuple[bool | None, str]]
"""Whether a rubric is true of a conversation (None: it cannot say), and why."""


@dataclass(frozen=True)
class Facts:
    """What expectations are about: the answers of one turn, or of a whole conversation."""

    answers: tuple[Answer, ...]

    @property
    def text(self) -> str:
        return self.answers[-1].finished.text

    @property
    def status(self) -> str:
        return self.answers[-1].finished.status

    @property
    def calls(self) -> list[ToolReturned]:
        return [call for answer in self.answers for call in answer.finished.tool_calls]

    @property
    def seconds(self) -> float:
        return sum(answer.seconds for answer in self.answers)

    @property
    def tokens(self) -> int | None:
        """In and out; None where the target does not say."""
        counts = [answer.finished.usage for answer in self.answers]
        return None if not all(counts) else sum(tokens_of(used)[2] for used in counts if used)

    @property
    def cost(self) -> float | None:
        """By the declared prices; None where a model has none."""
        costs = [answer.finished.cost for answer in self.answers]
        return None if None in costs else sum(filter(None, costs))


def judged(
    expectation: Expectation, facts: Facts, conversation: Sequence[Answer], judge: Judge
) -> Verdict:
    """Whether the facts are as expected; a rubric is about the conversation up to there."""
    if expectation.kind == "rubric":
        met, why = judge(expectation.value, conversation)
        return Verdict(expectation, bool(met), "" if met else why, unknown=met is None)
    came = _CHECKS[expectation.kind](expectation.value, facts)
    known = {"tokens": facts.tokens, "cost": facts.cost}
    unknown = expectation.kind in known and known[expectation.kind] is None
    return Verdict(expectation, came is None, came or "", unknown=unknown)


_Check = Callable[[Json, Facts], str | None]
"""What is expected, and the facts -> what came instead; None if it is as expected."""


def _contains(text: str, facts: Facts) -> str | None:
    return None if text in facts.text else "the answer does not have it"


def _not_contains(text: str, facts: Facts) -> str | None:
    return "the answer has it" if text in facts.text else None


def _equals(text: str, facts: Facts) -> str | None:
    return None if facts.text.strip() == text.strip() else "the answer is another"


def _regex(pattern: str, facts: Facts) -> str | None:
    return None if re.search(pattern, facts.text) else "nothing in the answer matches it"


def _json_schema(schema: Mapping[str, Json], facts: Facts) -> str | None:
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import best_match
    from referencing import Registry

    try:
        value = json.loads(facts.text)
    except (ValueError, RecursionError) as error:
        return f"the answer is not JSON: {error}"
    # An empty registry: a `$ref` into the network is an error, not a download.
    found = best_match(Draft202012Validator(schema, registry=Registry()).iter_errors(value))
    return f"at {found.json_path}: {found.message}" if found else None


def _calls(expected: Mapping[str, Json], facts: Facts) -> str | None:
    name, times = expected["function"], expected.get("times")
    named = [call for call in facts.calls if call.call.name == name]
    fitting = [call for call in named if _fits(call, expected)]
    if times is None and fitting:
        return None
    if times is not None and len(fitting) == times:
        return None
    if not named:
        return f"{name} was not called" + _others(facts)
    if not fitting:
        return "it was called with " + "; ".join(call.call.arguments for call in named)
    return f"there were {len(fitting)} such calls"


def _fits(call: ToolReturned, expected: Mapping[str, Json]) -> bool:
    if "arguments" not in expected:
        return True
    try:
        given = json.loads(call.call.arguments or "{}")
    except (ValueError, RecursionError):
        return False
    wanted = expected["arguments"]
    return same(wanted, given) if expected.get("exact") else holds(wanted, given)


def same(wanted: Json, given: Json) -> bool:
    """Whether two values are equal as JSON has it: 1 and 1.0 are, 1 and true are not."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return wanted.keys() == given.keys() and all(same(wanted[k], given[k]) for k in wanted)
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(map(same, wanted, given))
    return isinstance(wanted, bool) == isinstance(given, bool) and wanted == given


def holds(wanted: Json, given: Json) -> bool:
    """Whether a value is the wanted one; its mappings may have more keys."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        return all(key in given and holds(wanted[key], given[key]) for key in wanted)
    if isinstance(wanted, list) and isinstance(given, list):
        return len(wanted) == len(given) and all(map(holds, wanted, given))
    return same(wanted, given)


def _others(facts: Facts) -> str:
    names = ", ".join(dict.fromkeys(call.call.name for call in facts.calls))
    return f"; what was called: {names}" if names else ""


def _never(name: str, facts: Facts) -> str | None:
    calls = [call.call.arguments for call in facts.calls if call.call.name == name]
    return "it was called with " + "; ".join(calls) if calls else None


def _order(names: Sequence[str], facts: Facts) -> str | None:
    called = [call.call.name for call in facts.calls]
    ahead = iter(called)
    if all(name in ahead for name in names):
        return None
    return "what was called, in this order: " + (", ".join(called) or "nothing")


def _status(word: str, facts: Facts) -> str | None:
    if facts.status == word:
        return None
    error = facts.answers[-1].finished.error
    return f"it ended as {facts.status}" + (f": {error}" if error else "")


def _cited(file: str, facts: Facts) -> str | None:
    sources = [it for answer in facts.answers for it in answer.finished.sources]
    names = list(dict.fromkeys(str(it.file_name or it.url or it.file_id) for it in sources))
    if file in names:
        return None
    return f"what was cited: {', '.join(names)}" if names else "nothing was cited"


def _at_most_cost(limit: float, facts: Facts) -> str | None:
    if facts.cost is None:
        return "nobody knows what it cost: there is no price for the model"
    return None if facts.cost <= limit else f"it cost {facts.cost:.4g}"


def _seconds(limit: float, facts: Facts) -> str | None:
    return None if facts.seconds <= limit else f"it took {facts.seconds:.1f} s"


def _at_most_tokens(limit: float, facts: Facts) -> str | None:
    if facts.tokens is None:
        return "the target does not say how many it took"
    return None if facts.tokens <= limit else f"it took {facts.tokens:,}"


_CHECKS: Mapping[str, _Check] = {
    "contains": _contains,
    "not_contains": _not_contains,
    "equals": _equals,
    "regex": _regex,
    "json_schema": _json_schema,
    "calls": _calls,
    "never": _never,
    "order": _order,
    "status": _status,
    "cited": _cited,
    "seconds": _seconds,
    "cost": _at_most_cost,
    "tokens": _at_most_tokens,
}
