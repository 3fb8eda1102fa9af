"""*.tests.yaml: fields -> the cases of one assistant."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from assistctl.cases import Case, Expectation, Judge, Matrix, Prompt, Stub, Suite, Turn
from assistctl.errors import Place
from assistctl.resources import Assistant, Json
from assistctl.spec.grammar import INSTRUCTIONS_LENGTH
from assistctl.spec.located import Located, LocatedList, plain
from assistctl.spec.regexes import check_regex
from assistctl.spec.tools import Surroundings
from assistctl.spec.wording import both, quoted, remedy_for, shown

_LISTS = frozenset({"cited", "contains", "not_contains", "regex", "calls", "never", "rubric"})
"""What is expected once for each item."""


def suite(
    fields: Located,
    assistant: Assistant,
    targets: Collection[str],
    around: Surroundings,
    *,
    complete: bool,
) -> Suite:
    """What the file's mapping says, as far as it can be used. Unless the assistant is `complete`,
    nobody can say which functions it has."""
    names = frozenset(function.name for function in assistant.functions) if complete else None
    variables = tuple(assistant.template.variables) if assistant.template else ()
    reader = _Reader(assistant.key, names, variables, targets, around)
    judge = fields.mapping("judge")
    cases = tuple(reader.cases(fields))
    return Suite(
        assistant.key,
        fields.place.file,
        cases,
        Judge(judge["model"], judge.get("instructions", "")) if judge else None,
        reader.matrix(fields.mapping("matrix")),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the tests of the assistant `key`, whose functions have these names."""

    key: str
    functions: frozenset[str] | None
    variables: Collection[str]
    targets: Collection[str]
    around: Surroundings

    def matrix(self, fields: Located) -> Matrix:
        """What the cases are tried with; targets and files that are not there are findings."""
        for name, place in fields.items_at("targets"):
            if name not in self.targets:
                self.around.findings.add(
                    place,
                    f"there is no target {shown(name)}",
                    remedy_for(name, self.targets, f"declared are {both(quoted(self.targets))}"),
                )
        prompts = [
            Prompt(file, text)
            for file, place in fields.items_at("prompts")
            if (text := self._text(file, place)) is not None
        ]
        return Matrix(
            tuple(fields.get("targets", ())), tuple(fields.get("models", ())), tuple(prompts)
        )

    def _text(self, file: str, place: Place) -> str | None:
        return self.around.workspace_files.text(file, place, INSTRUCTIONS_LENGTH)

    def cases(self, fields: Located) -> Iterator[Case]:
        """Each as a value; what is wrong with them all is a finding."""
        self._check_names(fields)
        common, values = self._stubs(fields), self._values(fields)
        for declared, place in fields.items_at("cases"):
            turns = tuple(self._turns(declared))
            at_its_end = () if "user" in declared else tuple(self._expected(declared))
            self._check_judge(fields, (*(e for t in turns for e in t.expect), *at_its_end))
            yield Case(
                declared["name"],
                place,
                turns,
                at_its_end,
                {**common, **self._stubs(declared)},
                declared.get("repeat", fields.get("repeat", 1)),
                declared.get("pass_rate", fields.get("pass_rate", 1.0)),
                {**values, **self._values(declared)},
            )

    def _turns(self, case: Located) -> Iterator[Turn]:
        turns = [case] if "user" in case else [turn for turn, _ in case.items_at("turns")]
        for turn in turns:
            paths = self.around.workspace_files.files(turn.items_at("attach"))
            yield Turn(
                turn["user"], tuple(self._expected(turn)), tuple(file.path for file in paths)
            )

    def _expected(self, fields: Located) -> Iterator[Expectation]:
        expect = fields.mapping("expect")
        for kind, value in expect.items():
            place = expect.value_place(kind)
            each = value.placed() if isinstance(value, LocatedList) else [(value, place)]
            for item, at in each if kind in _LISTS else [(value, place)]:
                self._check(kind, item, at)
                if kind == "calls" and isinstance(item, str):
                    item = {"function": item}
                yield Expectation(kind, plain(item), at)

    def _check(self, kind: str, value: Json, place: Place) -> None:
        match kind:
            case "regex":
                check_regex("regex", value, place, self.around.findings)
            case "json_schema":
                self.around.schemas.check(value, name="json_schema", any_type=True)
            case "calls" if isinstance(value, Located):
                self._check_function(value["function"], value.value_place("function"))
            case "calls" | "never":
                self._check_function(value, place)
            case "order":
                for name, at in value.placed():
                    self._check_function(name, at)

    def _stubs(self, fields: Located) -> dict[str, Stub]:
        declared = fields.mapping("stubs")
        for name in declared:
            self._check_function(name, declared.key_place(name))
        return {
            name: Stub(plain(stub.get("returns")), stub.get("raises"))
            for name, stub in declared.items()
        }

    def _values(self, fields: Located) -> dict[str, str]:
        """Values of variables, as they would be given to a run."""
        declared = fields.mapping("variables")
        for name in declared:
            if self.functions is not None and name not in self.variables:
                self.around.findings.add(
                    declared.key_place(name),
                    f"{self.key} has no variable {shown(name)}",
                    remedy_for(name, self.variables, "declare it there, or remove this"),
                )
        return {
            name: value if isinstance(value, str) else json.dumps(value)
            for name, value in declared.items()
        }

    def _check_function(self, name: str, place: Place) -> None:
        if self.functions is not None and name not in self.functions:
            self.around.findings.add(
                place,
                f"{self.key} has no function {shown(name)}",
                remedy_for(name, self.functions, "name one of its functions, or remove this"),
            )

    def _check_judge(self, fields: Located, expected: tuple[Expectation, ...]) -> None:
        for each in expected:
            if each.kind == "rubric" and "judge" not in fields:
                self.around.findings.add(
                    each.place,
                    "nobody is declared who judges this `rubric`",
                    "add `judge: {model: …}` at the top of the file",
                )

    def _check_names(self, fields: Located) -> None:
        seen: dict[str, Place] = {}
        for case, _ in fields.items_at("cases"):
            place = case.value_place("name")
            first = seen.setdefault(case["name"], place)
            if first is not place:
                self.around.findings.add(
                    place,
                    f"a case {shown(case['name'])} is also on line {first.line}",
                    "give each a name of its own",
                )
