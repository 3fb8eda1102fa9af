"""Templates -> answers. Whatever is put into one is text: it is escaped, and what a reader could
not see in it (controls, marks that turn the direction of writing) is spelled out."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape
from starlette.responses import HTMLResponse, Response

from assistctl.console.markdown import is_web, markdown
from assistctl.render.folding import in_bytes
from assistctl.render.steps import tokens
from assistctl.render.terminal import sanitize
from assistctl.render.values import counted
from assistctl.resources import Json

_CODE = re.compile("`([^`\n]+)`")

SECURITY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:;"
        " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    # Not `no-referrer`: with it browsers send `Origin: null` with our own forms, too.
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Headers of every answer."""


def rendered(template: str, values: Mapping[str, Any], status: int = 200) -> Response:
    """An answer made of a template."""
    return HTMLResponse(_environment().get_template(template).render(values), status)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("assistctl.console"),
        autoescape=True,
        undefined=StrictUndefined,
        finalize=lambda value: sanitize(value) if type(value) is str else value,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "json": _json,
        "moment": _moment,
        "in_bytes": in_bytes,
        "exact": _exact,
        "markdown": markdown,
        "worded": _worded,
        "tokens": lambda usage: tokens(usage).strip(),
    }
    environment.tests["web"] = is_web
    environment.globals |= {"counted": counted, "csrf": _csrf}
    return environment


def _worded(text: str) -> Markup:
    """A message as the command line has it, its `code` as code."""
    return Markup(_CODE.sub(r"<code>\1</code>", str(escape(sanitize(text)))))


def _json(value: Json) -> str:
    """A value as a document to read."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _moment(at: float | str | None) -> Markup:
    """When something was, for people and for programs: seconds since 1970, or ISO 8601."""
    if at is None:
        return Markup("")
    when = datetime.fromisoformat(at) if isinstance(at, str) else datetime.fromtimestamp(at, UTC)
    when = when.astimezone(UTC)
    return Markup('<time datetime="{}">{} UTC</time>').format(
        when.isoformat(timespec="seconds"), f"{when:%Y-%m-%d %H:%M}"
    )


def _exact(text: str) -> Markup:
    """A text that is edited in a form: escaped, and otherwise as it is. A browser drops a line
    break at the beginning of a textarea, hence one more."""
    whole = text.encode("utf-8", "replace").decode()
    return Markup("\n") + escape(whole) if whole.startswith("\n") else escape(whole)


@pass_context
def _csrf(context: Context) -> Markup:
    """The field without which no form of this session is taken."""
    token = context["visit"].session.csrf
    return Markup('<input type="hidden" name="csrf" value="{}">').format(token)
