"""Markdown of models -> HTML that holds nothing but text and its shape: no HTML of theirs, links to
http and https only, and no picture from anywhere."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping, Sequence
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markupsafe import Markup, escape

from assistctl.render.streaming import parser
from assistctl.render.terminal import sanitize

LONGEST, LONGEST_COMING = 50_000, 10_000
"""Longer texts, in characters, are shown as they are written; of one that is still coming, and is
shown anew with each piece, that is less."""

_HEADINGS = 3
"""Headings of an answer stand below those of the page."""


def markdown(text: str, *, coming: bool = False) -> Markup:
    """A text as HTML, or one of which more is `coming`."""
    text = sanitize(text)
    if is_long(text) if coming else len(text) > LONGEST:
        return Markup('<p class="text">{}</p>').format(text)
    return Markup(_parser().render(text))


def is_long(text: str) -> bool:
    """Whether a text is shown as it is written as long as more of it comes."""
    return len(text) > LONGEST_COMING


@cache
def _parser() -> MarkdownIt:
    made = parser({"breaks": True}, "table", "strikethrough")
    # Whatever a link leads to, its text is shown; whether it leads there is decided below.
    made.validateLink = lambda url: True  # type: ignore[method-assign]
    for name, rule in (
        ("link_open", _link_open),
        ("link_close", _link_close),
        ("image", _image),
        ("heading_open", _of_token(_heading)),
        ("heading_close", _of_token(_heading)),
        ("th_open", _of_token(_cell)),
        ("td_open", _of_token(_cell)),
        ("table_open", _of_token(lambda token: '<div class="scrolls" tabindex="0"><table>\n')),
        ("table_close", _of_token(lambda token: "</table></div>\n")),
    ):
        made.add_render_rule(name, rule)
    return made


_Options = Any
_Env = MutableMapping[str, Any]


def _link_open(
    self: RendererHTML, tokens: Sequence[Token], number: int, options: _Options, env: _Env
) -> str:
    url = str(tokens[number].attrs.get("href", ""))
    leads = is_web(url)
    env.setdefault("links", []).append(leads)
    if not leads:
        return "<span>"
    return str(Markup('<a href="{}" target="_blank" rel="noopener noreferrer">').format(url))


def _link_close(
    self: RendererHTML, tokens: Sequence[Token], number: int, options: _Options, env: _Env
) -> str:
    return "</a>" if env["links"].pop() else "</span>"


def _image(
    self: RendererHTML, tokens: Sequence[Token], number: int, options: _Options, env: _Env
) -> str:
    token = tokens[number]
    told = self.renderInlineAsText(token.children or [], options, env)
    return str(escape(f"[picture: {told or token.attrs.get('src', '')}]"))


def _of_token(told: Callable[[Token], str]) -> Callable[..., str]:
    """A rule for what its own token tells."""

    def rule(
        self: RendererHTML, tokens: Sequence[Token], number: int, options: _Options, env: _Env
    ) -> str:
        return told(tokens[number])

    return rule


def _heading(token: Token) -> str:
    level = min(int(token.tag[1]) + _HEADINGS, 6)
    return f"<h{level}>" if token.nesting == 1 else f"</h{level}>\n"


def _cell(token: Token) -> str:
    # Columns are aligned by an inline style, which our policy does not let be.
    return f"<{token.tag}>"


def is_web(url: str | None) -> bool:
    """Whether an address is one of the web, which a link may lead to."""
    try:
        parts = urlsplit(url or "")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc)
