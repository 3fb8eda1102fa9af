"""Every way in which endpoints are known to behave, through a real server and the SDK."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.server.models import matrix


@pytest.mark.parametrize("name", matrix.TABLES)
def test_every_switch_of_a_table_is_judged_as_it_should_be(name, tmp_path):
    found = matrix.judged(matrix.table(name), tmp_path)
    print(matrix.report(found))
    known = matrix.not_yet()
    expected = {each.name: known[each.name] for each in matrix.table(name) if each.name in known}
    why = {each: found[each].why for each in found if each in matrix.bad(found)}
    assert matrix.bad(found) == expected, why


def test_every_switch_has_a_name_of_its_own():
    names = Counter(switch.name for table in matrix.TABLES for switch in matrix.table(table))
    assert [name for name, number in names.items() if number > 1] == []


def test_what_is_not_yet_right_is_a_switch():
    assert set(matrix.not_yet()) - set(matrix.everything()) == set()
