"""What a page knows: the console it belongs to, whose session it is, what was sent."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeVar
from urllib.parse import urlencode

from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from assistctl.console.access import Links, Session
from assistctl.console.reach import Reach
from assistctl.console.rendering import rendered
from assistctl.console.sharing import Share
from assistctl.errors import AssistctlError, RemoteError
from assistctl.resources import Json, Workspace

if TYPE_CHECKING:
    from assistctl.apis.transport.client import Client
    from assistctl.surface import Surface

ROOT = "/console"
FORM_BYTES = 2_000_000

PAGE = 50
"""So many of a list are on a page."""

T = TypeVar("T")


@dataclass(frozen=True)
class Console:
    """What one console shows, and to whom.

    `reach` is called when a session begins, with its key, or None where a link has opened it; it
    raises RemoteError for a key that opens nothing. `load` reads the workspace as its files are
    now; None where there is none to show. `target` is what the pages call the other side. `write`:
    pages may change the target and the workspace's files. Without `links` it is opened by keys.
    `root` and `namespace` are the workspace's, which stay as long as the console is open. `told`
    has an error of the target in words.
    """

    target: str
    reach: Callable[[str | None], Reach]
    load: Callable[[], Workspace] | None = None
    write: bool = False
    links: Links | None = None
    root: Path | None = None
    namespace: str | None = None
    told: Callable[[RemoteError], str] = str


@dataclass(frozen=True)
class Section:
    """A part of the console in its navigation; `key` reaches it after `g`."""

    title: str
    path: str
    key: str
    needs_workspace: bool = False


@dataclass(frozen=True)
class Endpoint:
    """One path below /console. A POST's body may have so many bytes, if it has files in it. One
    that `writes` is refused where the console only looks, before its body is read."""

    path: str
    handler: Handler
    method: Literal["GET", "POST"] = "GET"
    largest: int = FORM_BYTES
    writes: bool = False


@dataclass(frozen=True)
class Visit:
    """One request of somebody who may be here."""

    request: Request
    console: Console
    session: Session
    sections: tuple[Section, ...]
    share: Share
    form: FormData = field(default_factory=FormData)

    @property
    def surface(self) -> Surface:
        """The target, with the session's key."""
        return self.session.reach.surface

    @property
    def client(self) -> Client:
        """Plain requests to the target's API, with the session's key."""
        return self.session.reach.client

    @cached_property
    def workspace(self) -> Workspace:
        """As its files were when it was first asked for, by this request. Raises DeclarationError,
        and AssistctlError where none is shown."""
        if self.console.load is None:
            raise AssistctlError("this console shows no workspace")
        return self.console.load()

    def asked(self, name: str, default: str = "") -> str:
        """A parameter of the address, without blanks around it."""
        return self.request.query_params.get(name, default).strip()

    def sent(self, name: str, default: str = "") -> str:
        """A field of the form that was sent; of files see `form`."""
        value = self.form.get(name, default)
        return value if isinstance(value, str) else default

    def part(self, name: str) -> str:
        """A part of the path, as `/threads/{thread}` names it."""
        return str(self.request.path_params[name])

    async def in_thread(self, work: Callable[[], T]) -> T:
        """What `work` returns, which may block: for handlers that are coroutines."""
        return await self.share.run(work)

    def listed(
        self, path: str, kept: Mapping[str, str], **params: str
    ) -> tuple[list[dict[str, Json]], str | None]:
        """A page of a list at the target, the newest first, from where the address says; and how
        the address of the next one ends, in which `kept` stays."""
        after = {"after": self.asked("after")} if self.asked("after") else {}
        page = self.client.page(path, limit=PAGE, order="desc", **params, **after)
        rows: list[dict[str, Json]] = page["data"]
        more = page.get("has_more") and rows
        return rows, f"?{urlencode({**kept, 'after': rows[-1]['id']})}" if more else None

    def page(self, template: str, *, title: str, status: int = 200, **values: Any) -> Response:
        """A whole page."""
        return rendered(
            template,
            {"title": title, "sections": self.sections, **self._everywhere(), **values},
            status,
        )

    def fragment(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """A part of a page, for htmx to put into one."""
        return rendered(template, {**self._everywhere(), **values}, status)

    def to(self, path: str) -> Response:
        """Go on to another path below /console."""
        return RedirectResponse(ROOT + path, 303)

    @property
    def is_partial(self) -> bool:
        """Whether htmx asks, which wants a fragment."""
        return self.request.headers.get("hx-request") == "true"

    def _everywhere(self) -> Mapping[str, Any]:
        return {"visit": self, "console": self.console, "root": ROOT}


def whole_number(text: str) -> int | None:
    """The number that a page was asked for; None where it is none, or one of more than nine
    digits. `str.isdigit` takes `²` for one, too, and `int` takes its time for thousands of them."""
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else None


Handler: TypeAlias = Callable[[Visit], Response | Awaitable[Response]]
"""Of a plain function, which runs in a thread, or of a coroutine."""
