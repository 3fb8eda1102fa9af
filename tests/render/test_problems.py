import json

import click

from assistctl.errors import Place, Problem
from assistctl.render.problems import problems_json, problems_text

PROBLEMS = (
    Problem(Place("assistctl.yaml"), "the file is missing", "write one"),
    Problem(
        Place("assistants/a.yaml", 3, 5), "unknown key 'modle\x1b[2J'", "did you mean 'model'?"
    ),
)


def test_each_problem_is_one_line_and_the_last_line_counts_them() -> None:
    assert click.unstyle(problems_text(PROBLEMS)) == (
        "assistctl.yaml: the file is missing; write one\n"
        "assistants/a.yaml:3:5: unknown key 'modle\\x1b[2J'; did you mean 'model'?\n"
        "error: 2 problems"
    )
    assert click.unstyle(problems_text(PROBLEMS[:1])).endswith("\nerror: 1 problem")


def test_problems_as_json() -> None:
    assert json.loads(problems_json(PROBLEMS)) == {
        "problems": [
            {
                "file": "assistctl.yaml",
                "line": 0,
                "column": 0,
                "what": "the file is missing",
                "remedy": "write one",
            },
            {
                "file": "assistants/a.yaml",
                "line": 3,
                "column": 5,
                "what": "unknown key 'modle\x1b[2J'",
                "remedy": "did you mean 'model'?",
            },
        ],
        "warnings": [],
    }
