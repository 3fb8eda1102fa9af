"""The table at the end of a run: which case passed at which API surface."""

import pytest

from tests import surface_table


def report(nodeid, surface, because="", when="call"):
    told = [("surface", surface), ("because", because)] if surface else []
    return pytest.TestReport(nodeid, ("", 0, ""), {}, "passed", None, when, user_properties=told)


def test_cases_are_counted_by_file_and_surface_and_what_is_true_of_some_says_why():
    reports = [
        report("tests/apis/test_laws.py::test_a[assistants]", "assistants"),
        report("tests/apis/test_laws.py::test_a[agents]", "agents"),
        report("tests/apis/test_laws.py::test_a[agents]", "agents", when="setup"),
        report("tests/apis/test_own.py::test_b[agents-1]", "agents", "only agents have it"),
        report("tests/apis/test_own.py::test_b[agents-2]", "agents", "only agents have it"),
        report("tests/spec/test_files.py::test_c", None),
    ]
    assert [*surface_table.lines(reports)] == [
        "passed                   assistants   responses      agents",
        "tests/apis/test_laws.py           1           -           1",
        "tests/apis/test_own.py            -           -           2",
        "all                               1           -           3",
        "only at agents (1): only agents have it",
    ]


def test_where_nothing_was_tried_at_a_surface_there_is_no_table():
    assert [*surface_table.lines([report("tests/spec/test_files.py::test_c", None)])] == []


@pytest.mark.parametrize(
    "mark",
    [
        pytest.mark.only_at("assistants"),
        pytest.mark.only_at(because="of nothing"),
        pytest.mark.only_at("asistants", because="of a slip"),
        pytest.mark.only_at(*surface_table.SURFACES, because="it is true of all"),
    ],
)
def test_a_mark_names_some_surfaces_and_says_why(mark):
    with pytest.raises(AssertionError):
        surface_table.named(mark.mark)
