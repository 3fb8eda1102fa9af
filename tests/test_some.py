"""How many things are told of in one line."""

from assistctl.some import some


def test_a_few_are_all_told():
    assert (some([]), some(["a"]), some(iter(["a", "b"]), 2)) == ("", "a", "a, b")


def test_of_many_the_first_are_told_and_how_many_more_there_are():
    assert some(["a", "b", "c", "d"], 2) == "a, b and 2 more"
    assert some(map(str, range(2000)), 1) == "0 and 1,999 more"
    assert some(map(str, range(1012))) == "0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 1,002 more"
    assert some(["x: gone", "y: gone", "z: gone"], 1, "; ") == "x: gone; and 2 more"
