"""The types of other packages whose JSON is known, by their full names; and those that have none.

`typing_extensions` and `collections.abc` count as `typing`, `pydantic.types` and the like as
`pydantic`.
"""

from __future__ import annotations

from collections.abc import Mapping

from assistctl.resources import Json

_LIST: dict[str, Json] = {"type": "array", "items": {}}
_SET: dict[str, Json] = {"type": "array", "items": {}, "uniqueItems": True}
_DICT: dict[str, Json] = {"type": "object"}
_STRING: dict[str, Json] = {"type": "string"}
_INTEGER: dict[str, Json] = {"type": "integer"}
_NUMBER: dict[str, Json] = {"type": "number"}
_DATE: dict[str, Json] = {"type": "string", "format": "date"}
_DATETIME: dict[str, Json] = {"type": "string", "format": "date-time"}
_URL: dict[str, Json] = {"type": "string", "format": "uri", "minLength": 1}

ARRAYS = frozenset(
    (
        *("builtins.list", "collections.deque", "typing.List", "typing.Deque"),
        *("typing.Sequence", "typing.MutableSequence", "typing.Iterable", "typing.Collection"),
        *("typing.Reversible", "typing.Container"),
    )
)
SETS = frozenset(
    (
        *("builtins.set", "builtins.frozenset", "typing.FrozenSet", "typing.AbstractSet"),
        *("typing.Set", "typing.MutableSet"),
    )
)
TUPLES = frozenset(("builtins.tuple", "typing.Tuple"))
MAPPINGS = frozenset(
    (
        *("builtins.dict", "typing.Dict", "typing.Mapping", "typing.MutableMapping"),
        *("collections.OrderedDict", "typing.OrderedDict"),
        *("collections.defaultdict", "typing.DefaultDict"),
    )
)
COUNTERS = frozenset(("collections.Counter", "typing.Counter"))

PLAIN: Mapping[str, dict[str, Json]] = {
    "builtins.str": _STRING,
    "builtins.int": _INTEGER,
    "builtins.float": _NUMBER,
    "builtins.bool": {"type": "boolean"},
    "builtins.object": {},
    "typing.Any": {},
    "typing.Hashable": {},
    "typing.Text": _STRING,
    "typing.AnyStr": _STRING,
    "typing.LiteralString": _STRING,
    **dict.fromkeys(sorted(ARRAYS | TUPLES), _LIST),
    **dict.fromkeys(sorted(SETS), _SET),
    **dict.fromkeys(sorted(MAPPINGS), _DICT),
    **dict.fromkeys(sorted(COUNTERS), _DICT | {"additionalProperties": _INTEGER}),
    "datetime.date": _DATE,
    "datetime.datetime": _DATETIME,
    "datetime.time": {"type": "string", "format": "time"},
    "datetime.timedelta": {"type": "string", "format": "duration"},
    "zoneinfo.ZoneInfo": _STRING,
    "uuid.UUID": {"type": "string", "format": "uuid"},
    "decimal.Decimal": {"type": ["string", "number"], "format": "decimal"},
    "fractions.Fraction": {"type": ["string", "number"]},
    "re.Pattern": {"type": "string", "format": "regex"},
    "typing.Pattern": {"type": "string", "format": "regex"},
    **dict.fromkeys(
        (
            *("pathlib.Path", "pathlib.PurePath", "pathlib.PosixPath", "pathlib.PurePosixPath"),
            "os.PathLike",
        ),
        _STRING,
    ),
    **{
        f"ipaddress.IPv{version}{kind}": {"type": "string", "format": f"ipv{version}"}
        if kind == "Address"
        else _STRING
        for version in (4, 6)
        for kind in ("Address", "Interface", "Network")
    },
    "pydantic.PositiveInt": _INTEGER | {"exclusiveMinimum": 0},
    "pydantic.NegativeInt": _INTEGER | {"exclusiveMaximum": 0},
    "pydantic.NonNegativeInt": _INTEGER | {"minimum": 0},
    "pydantic.NonPositiveInt": _INTEGER | {"maximum": 0},
    "pydantic.PositiveFloat": _NUMBER | {"exclusiveMinimum": 0},
    "pydantic.NegativeFloat": _NUMBER | {"exclusiveMaximum": 0},
    "pydantic.NonNegativeFloat": _NUMBER | {"minimum": 0},
    "pydantic.NonPositiveFloat": _NUMBER | {"maximum": 0},
    "pydantic.FiniteFloat": _NUMBER,
    "pydantic.StrictInt": _INTEGER,
    "pydantic.StrictFloat": _NUMBER,
    "pydantic.StrictStr": _STRING,
    "pydantic.StrictBool": {"type": "boolean"},
    "pydantic.EmailStr": {"type": "string", "format": "email"},
    "pydantic.NameEmail": {"type": "string", "format": "name-email"},
    **dict.fromkeys(("pydantic.AnyUrl", "pydantic.AnyHttpUrl", "pydantic.FileUrl"), _URL),
    **dict.fromkeys(("pydantic.HttpUrl", "pydantic.AnyWebsocketUrl"), _URL | {"maxLength": 2083}),
    **dict.fromkeys(("pydantic.FilePath", "pydantic.DirectoryPath", "pydantic.NewPath"), _STRING),
    **dict.fromkeys(("pydantic.PastDate", "pydantic.FutureDate"), _DATE),
    **dict.fromkeys(
        (
            *("pydantic.PastDatetime", "pydantic.FutureDatetime"),
            *("pydantic.AwareDatetime", "pydantic.NaiveDatetime"),
        ),
        _DATETIME,
    ),
    **{
        f"pydantic.UUID{version}": {"type": "string", "format": "uuid"}
        for version in (1, 3, 4, 5, 6, 7, 8)
    },
    "pydantic.IPvAnyAddress": _STRING,
    "pydantic.IPvAnyInterface": _STRING,
    "pydantic.IPvAnyNetwork": _STRING,
    "pydantic.SecretStr": {"type": "string", "format": "password"},
    "pydantic.Base64Str": {"type": "string", "format": "base64"},
    "pydantic.Base64UrlStr": {"type": "string", "format": "base64url"},
    "pydantic.Json": {"type": "string", "contentMediaType": "application/json"},
    "pydantic.ByteSize": {"type": ["integer", "string"], "minimum": 0},
    "pydantic.JsonValue": {},
}

CONSTRAINED = {
    "pydantic.conint": _INTEGER,
    "pydantic.confloat": _NUMBER,
    "pydantic.condecimal": PLAIN["decimal.Decimal"],
    "pydantic.constr": _STRING,
    "pydantic.condate": _DATE,
}
"""Calls that stand for a type: what they constrain."""
CONSTRAINED_ARRAYS = {"pydantic.conlist": _LIST, "pydantic.conset": _SET}

_BASE64 = "take a str, such as base64, and decode it in the function"
_PATH = "take the path as a str, and open it in the function"
_NAME = "take a str that names it, and look it up in the function"

WITHOUT_JSON: Mapping[str, tuple[str, str]] = {
    **dict.fromkeys(
        (
            *("builtins.bytes", "builtins.bytearray", "builtins.memoryview"),
            *("typing.ByteString", "typing.Buffer", "pydantic.Base64Bytes", "pydantic.SecretBytes"),
        ),
        ("bytes cannot stand in JSON", _BASE64),
    ),
    **dict.fromkeys(
        ("typing.IO", "typing.TextIO", "typing.BinaryIO", "io.StringIO", "io.BytesIO", "io.IOBase"),
        ("an open file cannot stand in JSON", _PATH),
    ),
    **dict.fromkeys(
        ("typing.Callable", "builtins.callable", "types.FunctionType"),
        ("a function cannot stand in JSON", _NAME),
    ),
    **dict.fromkeys(("builtins.type", "typing.Type"), ("a class cannot stand in JSON", _NAME)),
    **dict.fromkeys(
        (
            *("typing.Iterator", "typing.Generator", "typing.AsyncIterator"),
            *("typing.AsyncGenerator", "typing.AsyncIterable"),
        ),
        ("an iterator cannot stand in JSON", "take a list, or an Iterable"),
    ),
    "pydantic.BaseModel": ("a bare BaseModel has no fields", "annotate it with the model meant"),
}
"""Why no JSON value can stand for a type, and what to take instead."""

CONTEXTS = frozenset(
    (
        *(
            ("agents", "RunContextWrapper"),
            ("agents", "ToolContext"),
            ("pydantic_ai", "RunContext"),
        ),
        *(("langchain_core", "RunnableConfig"), ("langchain", "ToolRuntime")),
        *(("mcp", "Context"), ("fastmcp", "Context"), ("google", "ToolContext")),
        *(("llama_index", "Context"), ("workflows", "Context")),
    )
)
"""(package, class) of what another framework's runner hands to a tool."""
