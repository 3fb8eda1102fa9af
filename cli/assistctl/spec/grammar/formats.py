"""The formats of our own, which say more than a pattern that every editor understands can."""

from __future__ import annotations

from assistctl.keys import is_key
from assistctl.resources import ASSISTANT, VECTOR_STORE, Json


def _key(value: Json) -> bool:
    return not isinstance(value, str) or is_key(value)


def _key_or_variable(value: Json) -> bool:
    """With a variable in it, it is checked once the variable is known."""
    return not isinstance(value, str) or "${" in value or is_key(value)


def _address(value: Json) -> bool:
    if not isinstance(value, str):
        return True
    kind, slash, name = value.partition("/")
    return is_key(name) if slash and kind in (ASSISTANT, VECTOR_STORE) else is_key(value)


FORMATS = {
    "assistctl-key": _key,
    "assistctl-key-or-variable": _key_or_variable,
    "assistctl-address": _address,
}
