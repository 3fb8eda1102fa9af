"""The address of a server: what is wrong with it, and what was probably meant."""

from __future__ import annotations

import re

from assistctl.base_urls import host_of, is_loopback
from assistctl.spec.grammar.parts import URL
from assistctl.spec.wording import both, shown

_ADDRESS = re.compile(URL)
_SCHEME = re.compile(r"(https?):/*", re.I)
_OTHER_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_ENDS = re.compile(r"/+((?:chat/)?completions|responses|models|embeddings)/*\Z")
_CREDENTIALS = re.compile(r"\A([^/?#]*//)?[^/?#]*@")
_AFTER_THE_PATH = re.compile(r"([?#]).*", re.DOTALL)
_PATHS = {
    "api.openai.com": "/v1",
    "api.mistral.ai": "/v1",
    "api.moonshot.ai": "/v1",
    "api.anthropic.com": "/v1",
    "api.groq.com": "/openai/v1",
    "openrouter.ai": "/api/v1",
    "generativelanguage.googleapis.com": "/v1beta/openai",
    "localhost:11434": "/v1",
    "127.0.0.1:11434": "/v1",
}
"""Where the API of the well-known begins; their host alone is no address of it."""

_LONGEST = 200


def sentence(name: str, url: str, *, query: bool = False) -> tuple[str, str]:
    """What to say of an address that is none; `query` is whether there is a setting of that name
    beside it."""
    return f"{name} cannot be {shown(_disclosed(url))}", _advice(url, query)


def is_address(url: str) -> bool:
    """Whether an API can begin there: it is no URL of one endpoint, and not the bare host of a
    service whose API is known to begin below it."""
    known = _ADDRESS.fullmatch(url) is not None and not _ENDS.search(url)
    return known and _bare(url) not in _PATHS


def _bare(url: str) -> str:
    return url.partition("//")[2].rstrip("/")


def _advice(url: str, query: bool) -> str:
    meant = _meant(url)
    if meant is None:
        return "write it like https://api.openai.com/v1, without credentials"
    reasons = []
    path = _AFTER_THE_PATH.sub("", url.strip())
    if re.search(r"\s", url):
        reasons.append("no spaces belong in it")
    if end := _ENDS.search(path):
        reasons.append(f"`/{end[1]}` is added to it")
    if "?" in url:
        reasons.append("`?…` belongs under `query`" if query else "no `?…` can follow")
    return f"write {shown(meant, _LONGEST)}" + (f": {both(reasons)}" if reasons else "")


def _meant(url: str) -> str | None:
    """The address that somebody had in mind; None if nobody can tell."""
    text = _AFTER_THE_PATH.sub("", re.sub(r"\s+", "", url))
    if scheme := _SCHEME.match(text):
        text = f"{scheme[1].lower()}://{text[scheme.end() :]}"
    elif not _OTHER_SCHEME.match(text):
        text = text.lstrip("/")
        text = ("http://" if is_loopback(host_of(f"//{text}")) else "https://") + text
    text = _ENDS.sub("", text)
    text = text.rstrip("/") + _PATHS[_bare(text)] if _bare(text) in _PATHS else text
    return text if is_address(text) else None


def _disclosed(url: str) -> str:
    """The address as it can be shown: credentials and queries hold secrets."""
    return _AFTER_THE_PATH.sub(r"\1***", _CREDENTIALS.sub(r"\1***@", url))
