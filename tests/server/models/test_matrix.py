"""Every way in which endpoints are known to behave, through a real server and the SDK.

By default every third of those that differ in the same ways is tried, in one of its conversations,
by turns; ALL_FAULTS=1 tries each in all."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.server.models import matrix

THOROUGH = "ALL_FAULTS" in os.environ


@pytest.mark.sweep
@pytest.mark.parametrize("name", matrix.TABLES)
def test_every_switch_of_a_table_is_judged_as_it_should_be(name, tmp_path):
    switches = matrix.table(name) if THOROUGH else matrix.few(name)
    found = matrix.judged(switches, tmp_path)
    print(matrix.report(found))
    known = matrix.not_yet()
    expected = {each.name: known[each.name] for each in switches if each.name in known}
    why = {each: found[each].why for each in found if each in matrix.bad(found)}
    assert matrix.bad(found) == expected, why


def test_every_switch_has_a_name_of_its_own():
    names = Counter(switch.name for table in matrix.TABLES for switch in matrix.table(table))
    assert [name for name, number in names.items() if number > 1] == []


def test_the_few_of_a_table_are_of_it():
    for name in matrix.TABLES:
        assert {each.name for each in matrix.few(name)} <= {s.name for s in matrix.table(name)}


def test_each_way_to_differ_from_the_plain_endpoint_is_among_the_few_of_a_table():
    for name in set(matrix.TABLES) - {"crossings"}:
        ways = {tuple(matrix.differs_in(switch)) for switch in matrix.table(name)}
        switches = {switch.name: switch for switch in matrix.table(name)}
        few = [switches[each.name] for each in matrix.few(name)]
        assert {tuple(matrix.differs_in(switch)) for switch in few} == ways


def test_what_is_not_yet_right_is_a_switch():
    assert set(matrix.not_yet()) - set(matrix.everything()) == set()
