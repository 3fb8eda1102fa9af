"""The parts that definitions are put together from."""

from __future__ import annotations

from typing import Any, TypeAlias

from assistctl import keys

Schema: TypeAlias = dict[str, Any]

TEXT: Schema = {"type": "string", "minLength": 1}
USER_METADATA_PAIRS = 8
"""Of the 16 pairs that the API allows, the other eight are ours."""


def ref(name: str, description: str, **more: Any) -> Schema:
    return {"$ref": f"#/$defs/{name}", "description": description, **more}


def text(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "string", **more}


def word(description: str, *words: str, **more: Any) -> Schema:
    return {"description": description, "type": "string", "enum": list(words), **more}


def integer(description: str, minimum: int, maximum: int | None = None, **more: Any) -> Schema:
    limits = {"minimum": minimum} if maximum is None else {"minimum": minimum, "maximum": maximum}
    return {"description": description, "type": "integer", **limits, **more}


def number(description: str, minimum: float, maximum: float) -> Schema:
    return {"description": description, "type": "number", "minimum": minimum, "maximum": maximum}


def flag(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "boolean", **more}


def positive(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "number", "exclusiveMinimum": 0, **more}


def array(description: str, **more: Any) -> Schema:
    return {"description": description, "type": "array", **more}


def spelled(pattern: str, advice: str, **more: Any) -> Schema:
    """A text that is spelled so."""
    return {"type": "string", "pattern": pattern, **more, "patternErrorMessage": advice}


def mapping(description: str, properties: Schema, **more: Any) -> Schema:
    """A mapping of exactly these keys."""
    return {
        "description": description,
        "type": "object",
        "properties": properties,
        "additionalProperties": False,
        **more,
    }


def inherited(properties: Schema) -> Schema:
    """The same keys where one that is left out is as it is a level further out."""
    return {
        key: {word: said for word, said in value.items() if word != "default"}
        for key, value in properties.items()
    }


def table(description: str, values: Schema, *, names: str | None = None, **more: Any) -> Schema:
    """A mapping from names that people choose to values that are all alike."""
    keys: Schema = {"propertyNames": {"$ref": f"#/$defs/{names}"}} if names else {}
    keys["additionalProperties"] = values
    return {"description": description, "type": "object", **keys, **more}


def word_or_mapping(words: list[str], schema: Schema, *, advice: str) -> Schema:
    """One of the words, or the mapping; the mapping's keywords do not touch a word."""
    return {
        **schema,
        "type": ["string", "object"],
        "if": {"type": "string"},
        "then": {"enum": words, "errorMessage": advice},
    }


def nullable(schema: Schema) -> Schema:
    """The same or null, which undoes what `defaults` or the assistant say."""
    types = schema["type"]
    result = {**schema, "type": [*([types] if isinstance(types, str) else types), "null"]}
    if "enum" in schema:
        result["enum"] = [*schema["enum"], None]
    return result


def tool(kind: str, description: str, properties: Schema, *required: str, **more: Any) -> Schema:
    """A mapping whose `type` is this."""
    kinds = {"type": {"description": "The kind of tool.", "const": kind}}
    return mapping(description, kinds | properties, required=["type", *required], **more)


def choice_of_tools(description: str, *kinds: str, prefix: str = "") -> Schema:
    """A mapping that is defined under its `type`."""
    return {
        "description": description,
        "type": "object",
        "properties": {"type": word("The kind of tool.", *kinds)},
        "required": ["type"],
        "allOf": [if_type(kind, {"$ref": f"#/$defs/{prefix}{kind}"}) for kind in kinds],
    }


def if_type(name: str, then: Schema) -> Schema:
    """For an `allOf`: what else holds for a mapping whose `type` is this."""
    return {"if": {"properties": {"type": {"const": name}}, "required": ["type"]}, "then": then}


_LABEL = r"[^\s/?#@:.\[\]]{1,63}"
_HOST = rf"{_LABEL}(\.{_LABEL})*\.?"
_NOT_THE_END = r"(?!.*/((chat/)?completions|responses|models|embeddings)/*$)"
_PORT = (
    r"([0-9]{1,4}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5])(?![0-9])"
)
URL = rf"https?://({_HOST}|\[[0-9a-fA-F:.]+\])(:{_PORT})?(/[^\s?#]*)?"
_KEY = r"([a-z0-9]|[^\x00-\x7f])([a-z0-9_-]|[^\x00-\x7f]){0,62}"
"""For editors, in what all regular expressions understand; what is no letter or digit of any
script is told by the `format`, which only we know (see `formats.py`)."""
_KEY_IN_WORDS = f"use {keys.IN_WORDS}"

SHARED: dict[str, Schema] = {
    "slug": spelled(f"^{_KEY}$", _KEY_IN_WORDS, format="assistctl-key"),
    "function_name": spelled(
        "^[a-zA-Z0-9_-]{1,64}$", "use a-z, A-Z, 0-9, - and _, at most 64 characters"
    ),
    # With a variable in it, it is checked once the variable is known.
    "url": spelled(
        rf"^{_NOT_THE_END}{URL}$|\$\{{",
        "write it like https://api.openai.com/v1, without credentials",
    ),
    "header_name": spelled(
        "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$", "use letters, digits and -, as the names of headers have"
    ),
    "namespace": spelled(rf"^{_KEY}$|\$\{{", _KEY_IN_WORDS, format="assistctl-key-or-variable"),
    "api_key": {
        "type": "string",
        "writeOnly": True,
        "pattern": r"^\$\{[A-Za-z_][A-Za-z0-9_]*\}$",
        "patternErrorMessage": "put the key in an environment variable and write ${ITS_NAME}",
    },
    "movable": spelled(
        f"^((assistant|vector_store)/)?{_KEY}$",
        "write the key of an assistant, or vector_store/ and a store's key",
        format="assistctl-address",
    ),
    "protect": {"type": ["boolean", "null"]},
    "files": {"type": "array", "items": TEXT},
    "metadata": {
        "type": ["object", "null"],
        "maxProperties": USER_METADATA_PAIRS,
        "errorMessage": f"keep {USER_METADATA_PAIRS}: the API allows 16, and assistctl needs eight",
        "propertyNames": {
            "minLength": 1,
            "maxLength": 64,
            "pattern": "^(?!assistctl)",
            "patternErrorMessage": "use another name: those that begin with assistctl are reserved",
        },
        "additionalProperties": {"type": "string", "maxLength": 512},
    },
}
