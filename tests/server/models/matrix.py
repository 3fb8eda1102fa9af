"""All switches. `python -m tests.server.models.matrix [TABLE|NAME…]` judges them and says why;
`--thorough` both polls and streams every turn, `--accept` rewrites not_yet.txt."""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from importlib import import_module
from pathlib import Path

from tests.server.models.endpoint import endpoint_running
from tests.server.models.judging import Judgement, bench, judge
from tests.server.models.sessions import SESSIONS
from tests.server.models.switch import Switch

TABLES = sorted(path.stem for path in (Path(__file__).parent / "switches").glob("[a-z]*.py"))
_AT_ONCE = 4
_NOT_YET = Path(__file__).parent / "not_yet.txt"


def table(name: str) -> list[Switch]:
    found: list[Switch] = import_module(f"tests.server.models.switches.{name}").SWITCHES
    return found


def few(name: str) -> list[Switch]:
    """A table where there is no time for all: every third of those that differ from the plain
    endpoint in the same ways, the first with them, and each in one of its sessions, by turns."""
    module = import_module(f"tests.server.models.switches.{name}")
    found: list[Switch] = getattr(module, "FEW", None) or every_third(module.SWITCHES)
    return [_in_one_session(number, switch) for number, switch in enumerate(found)]


def every_third(switches: Iterable[Switch]) -> list[Switch]:
    """Of each kind: that differs in the same fields, may come to the same, and is put through the
    same sessions."""
    of_a_kind: Counter[tuple[str, ...]] = Counter()
    found = []
    for switch in switches:
        kind = (*differs_in(switch), *sorted(switch.allowed), *switch.sessions)
        if of_a_kind[kind] % 3 == 0:
            found.append(switch)
        of_a_kind[kind] += 1
    return found


def differs_in(switch: Switch) -> list[str]:
    """The fields in which it is not the plain endpoint."""
    plain = Switch(switch.name, switch.source)
    return [
        each.name
        for each in fields(switch)
        if getattr(switch, each.name) != getattr(plain, each.name)
    ]


def _in_one_session(number: int, switch: Switch) -> Switch:
    name = switch.sessions[number % len(switch.sessions)]
    if name == "plain" and not switch.remembered:
        name = "greeting"
    learns = not any(turn.elsewhere for turn in SESSIONS[name].turns)
    return replace(switch, sessions=[name], remembered=switch.remembered and learns)


def everything() -> dict[str, Switch]:
    return {switch.name: switch for name in TABLES for switch in table(name)}


def judged(
    switches: Iterable[Switch], directory: Path, *, thorough: bool = False
) -> dict[str, Judgement]:
    chosen = list(switches)
    with (
        endpoint_running(everything()) as endpoint,
        bench(endpoint, directory) as on,
        ThreadPoolExecutor(_AT_ONCE) as pool,
    ):
        found = pool.map(
            lambda each: judge(on, each[1], thorough=thorough, streamed=each[0] // 2 % 2 == 1),
            enumerate(chosen),
        )
        return {switch.name: each for switch, each in zip(chosen, found, strict=True)}


def not_yet() -> dict[str, str]:
    """The verdicts on those that are not yet as they should be, as they were agreed upon."""
    lines = _NOT_YET.read_text(encoding="utf-8").splitlines()
    return dict(line.split() for line in lines if line and not line.startswith("#"))


def bad(judgements: Mapping[str, Judgement]) -> dict[str, str]:
    """The verdicts on those that are not as they should be."""
    switches = everything()
    return {
        name: each.verdict
        for name, each in judgements.items()
        if each.verdict not in switches[name].allowed
    }


def report(judgements: Mapping[str, Judgement]) -> str:
    """right / clear / wrong, and each that is not as it should be."""
    verdicts = [each.verdict for each in judgements.values()]
    total = ", ".join(f"{verdicts.count(word)} {word}" for word in ("right", "clear", "wrong"))
    lines = [f"{word:5} {name}: {judgements[name].why}" for name, word in bad(judgements).items()]
    summary = f"{len(verdicts)} switches: {total}; {len(lines)} not as they should be"
    return "\n".join([*lines, summary])


def main() -> None:
    options = {"--thorough", "--accept"}
    thorough, accept = "--thorough" in sys.argv, "--accept" in sys.argv
    wanted = [each for each in sys.argv[1:] if each not in options]
    switches = everything()
    chosen = [switch for each in wanted for switch in _named(each, switches)]
    with tempfile.TemporaryDirectory() as directory:
        found = judged(chosen or switches.values(), Path(directory), thorough=thorough)
        print(report(found))
    if accept:
        _accept(found)


def _accept(judgements: Mapping[str, Judgement]) -> None:
    """Writes down the verdicts on what is not yet as it should be, for those that were judged."""
    text = _NOT_YET.read_text(encoding="utf-8")
    head = [line for line in text.splitlines() if line.startswith("#")]
    others = {name: word for name, word in not_yet().items() if name not in judgements}
    known = [name for name in everything() if name in others | bad(judgements)]
    lines = [f"{name} {(others | bad(judgements))[name]}" for name in known]
    _NOT_YET.write_text("\n".join([*head, *lines, ""]), encoding="utf-8")


def _named(name: str, switches: Mapping[str, Switch]) -> list[Switch]:
    return table(name) if name in TABLES else [switches[name]]


if __name__ == "__main__":
    main()
