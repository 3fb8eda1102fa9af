"""The word that somebody probably meant."""

from assistctl.suggestion import suggestion


def test_the_word_that_is_most_alike_is_suggested():
    assert suggestion("instrutions", ["description", "instructions"]) == "instructions"


def test_nothing_is_suggested_for_a_word_that_is_like_none():
    assert suggestion("colour", ["model", "tools"]) is None


def test_how_much_must_be_alike_can_be_asked():
    assert suggestion("modes", ["model"]) == "model"
    assert suggestion("modes", ["model"], 0.9) is None


def test_a_word_longer_than_any_that_is_meant_is_not_compared():
    assert suggestion("a" * 101, ["a" * 100]) is None
    assert suggestion("a" * 99, ["a" * 100]) == "a" * 100
