"""A promptfoo configuration -> the fields of a tests file, and what of it does not map.

A prompt becomes what the user says: the instructions are the assistant's own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from assistctl.errors import AssistctlError, DeclarationError, Place, Problem
from assistctl.resources import Json
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, LocatedList, plain
from assistctl.spec.reading import read
from assistctl.spec.writing import document

JUDGE = "gpt-6-luna"
"""Who judges where the file names nobody whom we know."""

_LEFT = "write it by hand, or leave it"
_READ = frozenset({"prompts", "providers", "tests", "defaultTest"})
_SILENT = frozenset({"description", "$schema", "outputPath", "tags", "sharing", "env"})
_TEST = frozenset({"description", "vars", "assert"})
_ASSERT = frozenset({"type", "value", "threshold", "provider", "metric"})
_VARIABLE = re.compile(r"\{\{\s*([A-Za-z_][\w.]*)\s*\}\}")
_TEMPLATE = re.compile(r"\{\{|\{%|\{#")
_FILE = re.compile(r"(file|https?)://|\S+\.(txt|json|md|py|js|yaml)$")
_OPENAI = re.compile(r"openai:(?:(?:chat|responses|completion):)?(?P<model>[a-z0-9.-]+)")


@dataclass
class Imported:
    """What was made of a configuration; `notes` are about what was not."""

    fields: dict[str, Json] = field(default_factory=dict)
    notes: list[Problem] = field(default_factory=list)

    def note(self, place: Place, what: str, remedy: str = _LEFT) -> None:
        """Something of it does not map."""
        self.notes.append(Problem(place, what, remedy))


def import_tests(path: Path, root: Path, key: str) -> tuple[str, tuple[Problem, ...]]:
    """Write the tests of an assistant as a configuration has them; the path of the file, below the
    workspace's root, and what does not map. Raises DeclarationError for a configuration that cannot
    be read, AssistctlError if there are tests already or none are in it."""
    findings = Findings()
    config = read(path, path.name, findings)
    if config is None or findings:
        raise DeclarationError(findings.in_order())
    made = imported(config)
    file = f"assistants/{key}.tests.yaml"
    # In tests nothing begins a variable, so nothing is escaped there.
    text = document(made.fields, {(): f"Imported from {path.name}."}).replace("$${", "${")
    try:
        with (root / file).open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        raise AssistctlError(
            f"{file} is there already, and is never overwritten; move it away"
        ) from None
    return file, tuple(sorted(made.notes))


def imported(config: Located) -> Imported:
    """Raises AssistctlError for a file in which there are no tests."""
    result = Imported()
    tests = config.get("tests")
    if not isinstance(tests, LocatedList):
        what = "names a file of tests" if isinstance(tests, str) else "has no list of `tests`"
        raise AssistctlError(f"{config.place.file} {what}; write them in it to import them")
    for key in config:
        if key not in _READ | _SILENT:
            result.note(config.key_place(key), f"`{key}` does not map")
    prompt = _prompt(config, result)
    common = config.mapping("defaultTest")
    _note_others(common, _TEST, "defaultTest", result)
    cases, names = [], dict[str, int]()
    for number, (test, place) in enumerate(tests.placed(), 1):
        if not isinstance(test, Located):
            result.note(place, "a test that is no mapping does not map")
            continue
        case = _case(test, common, prompt, number, result)
        if case:
            names[case["name"]] = names.get(case["name"], 0) + 1
            again = names[case["name"]]
            cases.append(case | ({"name": f"{case['name']} ({again})"} if again > 1 else {}))
    if not cases:
        raise AssistctlError(f"{config.place.file} has no test that maps")
    result.fields = {**_judge(cases, common), **_matrix(config, result), "cases": cases}
    return result


def _judge(cases: list[dict[str, Json]], common: Located) -> dict[str, Json]:
    if not any("rubric" in case.get("expect", {}) for case in cases):
        return {}
    found = _OPENAI.fullmatch(str(common.mapping("options").get("provider", "")))
    return {"judge": {"model": found["model"] if found else JUDGE}}


def _matrix(config: Located, result: Imported) -> dict[str, Json]:
    """Providers that are models of OpenAI's; of one alone nothing is made."""
    models = []
    for provider, place in config.items_at("providers"):
        name = provider.get("id") if isinstance(provider, Located) else provider
        found = _OPENAI.fullmatch(str(name))
        if found and found["model"] not in ("assistant", "embedding", "image"):
            models.append(found["model"])
        else:
            result.note(place, f"the provider {name} does not map", "declare a target for it")
    return {"matrix": {"models": models}} if len(models) > 1 else {}


def _prompt(config: Located, result: Imported) -> str | None:
    """The prompt that stands before the others, which can be only one."""
    prompts = list(config.items_at("prompts"))
    for number, (prompt, place) in enumerate(prompts):
        if number:
            result.note(place, "a second prompt does not map", "make a `matrix` of instructions")
        elif not isinstance(prompt, str) or _FILE.match(prompt):
            result.note(place, "a prompt in a file does not map", "write it here to import it")
    first = prompts[0][0] if prompts else None
    return first if isinstance(first, str) and not _FILE.match(first) else None


def _case(
    test: Located, common: Located, prompt: str | None, number: int, result: Imported
) -> dict[str, Json] | None:
    _note_others(test, _TEST, "the test", result)
    variables = {**plain(common.mapping("vars")), **plain(test.mapping("vars"))}
    for name, value in variables.items():
        if not isinstance(value, str | int | float) or str(value).startswith("file://"):
            result.note(test.key_place("vars"), f"the variable {name} is no text: it does not map")
            return None
    template = prompt or ("{{" + next(iter(variables)) + "}}" if len(variables) == 1 else None)
    user = _rendered(template, variables) if template else None
    if not user:
        result.note(test.place, "what the user says is not clear, so the test does not map")
        return None
    expect = _Expected(result)
    for source in (common, test):
        for declared, place in source.items_at("assert"):
            expect.add(declared, place, variables)
    name = str(test.get("description") or "") or f"test {number}"
    case: dict[str, Json] = {"name": name, "user": user}
    return {**case, "expect": expect.fields} if expect.fields else case


def _note_others(fields: Located, known: frozenset[str], where: str, result: Imported) -> None:
    for key in fields:
        if key not in known and not (where == "defaultTest" and key == "options"):
            result.note(fields.key_place(key), f"`{key}` of {where} does not map")


def _rendered(template: str, variables: Mapping[str, Json]) -> str | None:
    """With its variables in place; None for a template that does more than that."""
    unknown = {name for name in _VARIABLE.findall(template) if name not in variables}
    text = _VARIABLE.sub(lambda found: str(variables.get(found[1])), template)
    return None if unknown or _TEMPLATE.search(_VARIABLE.sub("", template)) else text


@dataclass
class _Expected:
    """Assertions -> `expect`."""

    result: Imported
    fields: dict[str, Json] = field(default_factory=dict)

    def add(self, declared: Json, place: Place, variables: Mapping[str, Json]) -> None:
        """One assertion, or a note that it does not map."""
        kind = declared.get("type") if isinstance(declared, Located) else None
        mapped = list(self._mapped(kind, declared, variables)) if isinstance(kind, str) else []
        if not mapped:
            self.result.note(place, f"an assertion of the type {kind} does not map")
            return
        _note_others(declared, _ASSERT, f"the assertion {kind}", self.result)
        for key, value in mapped:
            if isinstance(value, list):
                value = [*self.fields.get(key, []), *value]
            elif key in self.fields and self.fields[key] != value:
                self.result.note(place, f"a second `{key}` does not map")
                continue
            self.fields[key] = value

    def _mapped(
        self, kind: str, declared: Located, variables: Mapping[str, Json]
    ) -> Iterator[tuple[str, Json]]:
        value = plain(declared.get("value"))
        each = value if isinstance(value, list) else [value]
        texts = [_rendered(str(it), variables) for it in each]
        if kind in ("latency", "cost") and isinstance(declared.get("threshold"), int | float):
            limit = declared["threshold"]
            yield ("seconds", limit / 1000) if kind == "latency" else ("cost", limit)
        elif kind in ("is-json", "contains-json"):
            if kind == "is-json" and (value is None or isinstance(value, Mapping)):
                yield "json_schema", value or {}
        elif value is not None and kind in _TEXTS and None not in texts:
            yield from _TEXTS[kind]([text for text in texts if text is not None])


def _literal(text: str) -> str:
    """As a regular expression; a space needs no escape in ours."""
    return re.escape(text).replace("\\ ", " ")


def _any(texts: list[str]) -> str:
    return "|".join(map(_literal, texts))


_TEXTS: Mapping[str, Callable[[list[str]], list[tuple[str, Json]]]] = {
    "contains": lambda texts: [("contains", texts)],
    "contains-all": lambda texts: [("contains", texts)],
    "contains-any": lambda texts: [("regex", [_any(texts)])],
    "icontains": lambda texts: [("regex", [f"(?i){_literal(text)}" for text in texts])],
    "icontains-all": lambda texts: [("regex", [f"(?i){_literal(text)}" for text in texts])],
    "icontains-any": lambda texts: [("regex", [f"(?i){_any(texts)}"])],
    "not-contains": lambda texts: [("not_contains", texts)],
    "not-contains-any": lambda texts: [("not_contains", texts)],
    "not-icontains": lambda texts: [("regex", [rf"(?is)\A(?!.*(?:{_any(texts)}))"])],
    "not-icontains-any": lambda texts: [("regex", [rf"(?is)\A(?!.*(?:{_any(texts)}))"])],
    "equals": lambda texts: [("equals", texts[0])],
    "starts-with": lambda texts: [("regex", [rf"\A{_literal(text)}" for text in texts])],
    "regex": lambda texts: [("regex", texts)],
    "not-regex": lambda texts: [("regex", [rf"(?s)\A(?!.*(?:{text}))" for text in texts])],
    "llm-rubric": lambda texts: [("rubric", texts)],
    "model-graded-closedqa": lambda texts: [("rubric", texts)],
}
"""Types of assertions about texts -> what they are here."""
