"""Sentences that no workspace gives rise to; all others have their workspace."""

from jsonschema import Draft202012Validator

from assistctl.spec.schema_messages import name_of, sentence_for


def test_a_keyword_without_words_of_its_own_still_says_where_to_look() -> None:
    (error,) = Draft202012Validator({"multipleOf": 2}).iter_errors(3)
    assert sentence_for(error, "`a`") == (
        "`a` is not allowed here",
        "compare it with what `assistctl schema` prints",
    )


def test_paths_are_named_as_people_write_them() -> None:
    assert name_of(("tools", 0, "files")) == "`tools[0].files`"
    assert name_of((), "parameters") == "`parameters`"
    assert name_of((0, "a"), "parameters") == "`parameters[0].a`"
    assert name_of(()) == "the file"
    assert name_of(("a\nb",)) == r"'a\nb'"
    assert name_of(("x" * 1000,)) == f"`{'x' * 117}...`"
