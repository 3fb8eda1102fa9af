import pytest

from assistctl.render.events import parsed
from assistctl.resources import Json


@pytest.mark.parametrize(
    ("arguments", "value"),
    [
        ('{"a": [1, null]}', {"a": [1, None]}),
        ("7", 7),
        ("", ""),
        ('{"a": ', '{"a": '),
        ("{'a': 1}", "{'a': 1}"),
        ('{"a": NaN}', '{"a": NaN}'),
        ('{"a": 1e999}', '{"a": 1e999}'),
        ("[" * 100_000, "[" * 100_000),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_arguments_are_what_their_json_stands_for_or_the_text_that_came(
    arguments: str, value: Json
) -> None:
    assert parsed(arguments) == value
