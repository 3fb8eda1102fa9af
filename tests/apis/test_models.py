"""Whether declared models are at a target, and until when."""

from datetime import date
from pathlib import Path

from assistctl.apis import models
from assistctl.errors import Place
from assistctl.resources import Assistant, Target, Workspace

THERE = {
    "gpt-6-luna": None,
    "gpt-5": "2026-12-11",
    "gpt-4o": "2027-01-14",
    "gpt-4": "2026-10-23",
    "odd": "soon",
}


def workspace(**declared):
    places = {name: Place(f"assistants/{name}.yaml", 2, 1) for name in declared}
    assistants = {
        name: Assistant(name, places[name], {"model": model}, places={"model": places[name]})
        for name, model in declared.items()
    }
    target = Target("prod", "assistants", "shop", Place("assistctl.yaml"))
    return Workspace(Path("/"), "shop", target, ("prod",), assistants)


def told(problems):
    return [str(problem) for problem in problems]


def test_a_model_that_is_not_there_is_told_where_it_is_declared():
    declared = workspace(a="gpt-6-luna", b="gpt-6-lune", c="llama")
    assert told(models.missing(declared, THERE)) == [
        "assistants/b.yaml:2:1: 'prod' has no model 'gpt-6-lune'; did you mean 'gpt-6-luna'?",
        "assistants/c.yaml:2:1: 'prod' has no model 'llama'; choose one that it has",
    ]


def test_a_target_that_lists_no_models_says_nothing_of_those_declared():
    assert told(models.missing(workspace(a="gpt-6-luna"), {})) == []


def test_models_are_told_that_end_within_the_days():
    declared = workspace(a="gpt-6-luna", b="gpt-5", c="gpt-4o", d="gpt-4", e="odd", f="unknown")
    found = models.ending(declared, THERE, date(2026, 11, 28), 46)
    assert told(found) == [
        "assistants/b.yaml:2:1: 'gpt-5' ends at 'prod' in 13 days, on 2026-12-11;"
        " choose one that stays",
        "assistants/d.yaml:2:1: 'gpt-4' has ended on 2026-10-23; choose one that stays",
    ]
    assert len(told(models.ending(declared, THERE, date(2026, 11, 28), 47))) == 3


def test_the_last_days_are_told_in_words():
    declared = workspace(b="gpt-5")
    for day, words in ((10, "tomorrow"), (11, "today")):
        assert told(models.ending(declared, THERE, date(2026, 12, day), 0 if day == 11 else 1)) == [
            f"assistants/b.yaml:2:1: 'gpt-5' ends at 'prod' {words}, on 2026-12-11;"
            " choose one that stays"
        ]


def test_a_model_that_several_assistants_have_from_one_place_is_told_once():
    place = Place("assistctl.yaml", 3, 12)
    assistants = {
        name: Assistant(name, place, {"model": "llama"}, places={"model": place}) for name in "ab"
    }
    target = Target("prod", "assistants", "shop", Place("assistctl.yaml"))
    declared = Workspace(Path("/"), "shop", target, ("prod",), assistants)
    assert told(models.missing(declared, THERE)) == [
        "assistctl.yaml:3:12: 'prod' has no model 'llama'; choose one that it has"
    ]
