"""A declared model endpoint: what must hold of it, and its value as the embedded server takes it.

`headers`, `query` and `extra_body` may hold secrets. Like keys they are resolved last and on their
own, so that a secret which is written out can be told, and none is shown by a finding.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from assistctl.errors import Place
from assistctl.resources import Json
from assistctl.spec.addresses import is_address, sentence
from assistctl.spec.findings import Findings
from assistctl.spec.located import Located, plain
from assistctl.spec.secrets import check_exposed, key_of
from assistctl.spec.variables import Variables
from assistctl.spec.wording import shown

_BY_NAME = "put it in an environment variable and write ${ITS_NAME}, or Bearer ${ITS_NAME}"
_PRIVATE = ("headers", "query", "extra_body")
_OUR_HEADERS = ("connection", "content-length", "content-type", "transfer-encoding")
_OUR_FIELDS = {
    "model": "map the name under `models`",
    "stream": "write `stream` beside `extra_body`",
    **dict.fromkeys(("messages", "input"), "remove it: the conversation is what is sent"),
}


def expanded(model: Located, variables: Variables) -> Located:
    """The declaration of an endpoint with its variables replaced where nothing is secret."""

    def field(key: str, value: Json, place: Place) -> Json:
        if key == "api_key" or key in _PRIVATE:
            return value
        if key == "models" and isinstance(value, Located):
            return value.replaced(lambda _, item, at: nested(item, at))
        return nested(value, place)

    def nested(value: Json, place: Place) -> Json:
        if isinstance(value, Located):
            return expanded(value, variables)
        return variables.expand(value, place, public=False)

    return model.replaced(field)


def check(model: Located, name: str, findings: Findings) -> None:
    """What must hold of an endpoint, called `name`, whether or not it is in use."""
    _check_address(model, name, findings)
    _check_address(model.mapping("embeddings"), f"{name}.embeddings", findings)
    _check_way(model, name, findings)
    for declared, way in model.mapping("models").items():
        if isinstance(way, Located):
            _check_way(way, f"{name}.models.{declared}", findings)


def _check_address(fields: Located, name: str, findings: Findings) -> None:
    """What looks like an address, and is none of a well-known API's."""
    url, place = fields.get("base_url"), fields.value_place("base_url")
    if not isinstance(url, str) or "${" in url or findings.faulty(place):
        return
    if not is_address(url):
        findings.add(place, *sentence(shown(f"{name}.base_url", 120), url, query=True))


def _check_way(way: Located, name: str, findings: Findings) -> None:
    for kind in _PRIVATE:
        in_body = kind == "extra_body"
        check_exposed(way.mapping(kind), f"{name}.{kind}", findings, _BY_NAME, in_body=in_body)
    _check_headers(way.mapping("headers"), findings)
    body = way.mapping("extra_body")
    for key in _OUR_FIELDS.keys() & body.keys():
        findings.add(
            body.key_place(key),
            f"{shown(f'{name}.extra_body', 120)} cannot have `{key}`",
            _OUR_FIELDS[key],
        )


def _check_headers(headers: Located, findings: Findings) -> None:
    seen: dict[str, str] = {}
    for name in headers:
        place = headers.key_place(name)
        if name.lower() in _OUR_HEADERS:
            findings.add(place, f"the header {shown(name)} cannot be chosen", "remove it")
        first = seen.setdefault(name.lower(), name)
        if first != name:
            what = f"the header {shown(name)} was already given as {shown(first)}"
            findings.add(place, what, "keep one of them: capitals make no difference")


def resolved(
    model: Located, root: Path, environ: Mapping[str, str], findings: Findings
) -> dict[str, Json]:
    """The endpoint with exactly the keys that are declared: variables replaced, `ca_file` an
    absolute path. Embeddings that leave out their address have the model's, with its key."""
    variables = Variables({k: v for k, v in environ.items() if v.strip()}, findings)

    def field(key: str, value: Json, place: Place) -> Json:
        if key == "api_key":
            return key_of(model, environ, findings)
        if key == "ca_file":
            return _certificates(value, place, root, findings)
        if key == "models":
            return value.replaced(lambda _, item, at: _way(item, variables))
        return _private(key, value, place, variables)

    fields: dict[str, Json] = plain(model.replaced(field))
    if "embeddings" in fields:
        fields["embeddings"] = _embeddings(model.mapping("embeddings"), fields, environ, findings)
    return fields


def _way(way: Json, variables: Variables) -> Json:
    """An entry of `models`."""
    if not isinstance(way, Located):
        return way
    return way.replaced(lambda key, value, place: _private(key, value, place, variables))


def _private(key: str, value: Json, place: Place, variables: Variables) -> Json:
    if key not in _PRIVATE:
        return value
    known = variables.expand(value, place, public=False)
    if key == "extra_body":
        return known
    return known.replaced(lambda name, text, at: _sent(key, text.strip(), at, variables.findings))


def _sent(kind: str, text: str, place: Place, findings: Findings) -> str:
    """The value of a header or of a query; says nothing of it, since it may be secret."""
    if kind == "headers" and not (text.isascii() and text.isprintable()):
        findings.add(
            place,
            "the value has characters that no HTTP header can carry",
            "use printable ASCII characters, in the variables that it names as well",
        )
    return text


def _certificates(declared: str, place: Place, root: Path, findings: Findings) -> str:
    import ssl  # 20 ms, and only for those who have such a file

    path = root / declared
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except ssl.SSLError:
        fault = "holds no certificate"
    except FileNotFoundError:
        fault = "does not exist"
    except (OSError, ValueError) as error:  # no right, a directory, a NUL
        reason = error.strerror if isinstance(error, OSError) and error.strerror else error
        fault = f"cannot be read: {str(reason).lower()}"
    else:
        return str(path)
    if not findings.faulty(place):
        remedy = f"name a file of PEM certificates, relative to {place.file} or absolute"
        findings.add(place, f"the certificates {shown(declared)}: the file {fault}", remedy)
    return str(path)


def _embeddings(
    declared: Located,
    model: Mapping[str, Json],
    environ: Mapping[str, str],
    findings: Findings,
) -> Mapping[str, Json]:
    """What is left out is the model's; but its key goes to its own address only."""
    fields: dict[str, Json] = plain(declared)
    if "api_key" in declared:
        fields["api_key"] = key_of(declared, environ, findings)
    elif "base_url" not in declared:
        fields["api_key"] = model.get("api_key")
    return {"base_url": model.get("base_url"), **fields}
