"""A console over a real socket, somebody who looks at it by HTTP, and a real browser."""

from __future__ import annotations

import re
import shutil
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
import uvicorn

from assistctl.apis import connect
from assistctl.apis.transport.client import Client
from assistctl.console.access import Links
from assistctl.console.app import create_app
from assistctl.console.listening import configured
from assistctl.console.reach import Reach
from assistctl.console.visit import Console
from assistctl.loading import load
from assistctl.resources import Target
from assistctl.sync import apply_plan, plan_sync
from assistctl.targets import started

SHOP = Path(__file__).parent.parent / "commands" / "shop"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@dataclass(frozen=True)
class Opened:
    """A console at work: its workspace, its address, and the target behind it."""

    root: Path
    address: str
    links: Links | None
    target: Target

    def client(self) -> Client:
        """The target as any client sees it."""
        assert self.target.base_url
        return Client(self.target.base_url, self.target.api_key or "none")

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace a text in a file of the workspace, which must have it."""
        text = (self.root / path).read_text(encoding="utf-8")
        assert old in text
        (self.root / path).write_text(text.replace(old, new), encoding="utf-8")


class Visitor:
    """Somebody with the console open, as a browser sends what they do: `get("/workspace")`."""

    def __init__(self, address: str) -> None:
        self.http = httpx2.Client(base_url=address, timeout=60, verify=False)
        self.address = address
        self.csrf = ""

    def enter(self, links: Links) -> None:
        answer = self.raw_post("/console/enter", {"token": links.new()})
        assert answer.status_code == 303, answer.text
        self._learn_token()

    def login(self, key: str) -> httpx2.Response:
        answer = self.raw_post("/console/login", {"key": key})
        if answer.status_code == 303:
            self._learn_token()
        return answer

    def get(self, path: str, **params: str) -> httpx2.Response:
        return self.http.get(f"/console{path}", params=params or None, follow_redirects=True)

    def post(self, path: str, data: dict[str, str] = {}, **more: Any) -> httpx2.Response:  # noqa: B006
        """A form of one of its pages."""
        return self.raw_post(f"/console{path}", {"csrf": self.csrf, **data}, **more)

    def raw_post(self, path: str, data: dict[str, str], **more: Any) -> httpx2.Response:
        return self.http.post(path, data=data, headers={"origin": self.address}, **more)

    def _learn_token(self) -> None:
        page = self.raw_post("/console/logout", {}).text  # refused, on a page with what is missing
        self.csrf = re.findall(r'name="csrf" value="([^"]+)"', page)[0]


@contextmanager
def serving(app: Any) -> Iterator[str]:
    """An application on a free port; its address."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(configured(app, grace=1))
        thread = threading.Thread(target=server.run, args=([listener],))
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextmanager
def opened_console(root: Path, *, write: bool = True, at: str | None = None) -> Iterator[Opened]:
    """The console of a workspace at a target, its local one unless another is named, as `assistctl
    console` has it."""
    workspace, links = load(root, at), Links()
    with chdir(root), started(workspace) as target:
        assert target.base_url and target.api_key
        app = create_app(
            Console(
                target=target.name,
                reach=lambda key: reached(target),
                load=lambda: load(root, at),
                write=write,
                links=links,
                root=root,
                namespace=target.namespace,
            )
        )
        with serving(app) as address:
            yield Opened(root, address, links, target)
        app.state.sessions.end_all()


def reached(target: Target) -> Reach:
    assert target.base_url
    return Reach(connect(target), Client(target.base_url, target.api_key or "none"))


@pytest.fixture(scope="module")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace of the module's own."""
    root = tmp_path_factory.mktemp("console") / "shop"
    shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
    return root


@pytest.fixture(scope="module")
def console(workshop: Path) -> Iterator[Opened]:
    """Its console, which may write; one for all tests of a module."""
    with opened_console(workshop) as opened:
        yield opened


@contextmanager
def visiting(opened: Opened) -> Iterator[Visitor]:
    """Somebody who has come in by a link."""
    visitor = Visitor(opened.address)
    with visitor.http:
        assert opened.links
        visitor.enter(opened.links)
        yield visitor


@pytest.fixture
def browse(console: Opened) -> Iterator[Visitor]:
    """The same, of the module's console."""
    with visiting(console) as visitor:
        yield visitor


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A browser. Not for longer than a module: its loop is in the way of others' asyncio."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if CHROMIUM is None:
        pytest.skip("there is no chromium here")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        yield browser
        browser.close()


@pytest.fixture
def new_page(chromium: Any) -> Iterator[Callable[..., Any]]:
    """Pages of browsers that know nothing yet; whatever a page complains of fails the test."""
    contexts, complaints = [], []

    def make(**options: Any) -> Any:
        page, heard = _page(chromium, **options)
        contexts.append(page.context)
        complaints.append(heard)
        return page

    yield make
    for context in contexts:
        context.close()
    assert [said for heard in complaints for said in heard] == []


def _page(chromium: Any, **options: Any) -> tuple[Any, list[str]]:
    """A page of a browser that knows nothing, and what it complains of."""
    complaints: list[str] = []
    context = chromium.new_context(**{"viewport": {"width": 1100, "height": 800}, **options})
    page = context.new_page()
    page.set_default_timeout(20_000)
    page.on("console", lambda it: complaints.append(it.text) if _is_complaint(it) else None)
    page.on("pageerror", lambda it: complaints.append(str(it)))
    return page, complaints


def _is_complaint(message: Any) -> bool:
    """Answers other than 2xx are the tests' own business."""
    return message.type == "error" and not message.text.startswith("Failed to load resource")


@pytest.fixture(scope="module")
def only_page(chromium: Any) -> Iterator[tuple[Any, list[str]]]:
    page, complaints = _page(chromium)
    yield page, complaints
    page.context.close()


@pytest.fixture
def browser(console: Opened, only_page: tuple[Any, list[str]]) -> Iterator[Any]:
    """A page of the console, opened by a link. It is the module's only one, since a browser takes
    half a second for another; of who was there before it knows nothing."""
    page, complaints = only_page
    assert console.links
    page.context.clear_cookies()
    page.goto(f"{console.address}/console/enter?token={console.links.new()}")
    page.wait_for_url("**/console/workspace")
    yield page
    page.goto("about:blank")
    said, complaints[:] = list(complaints), []
    assert said == []


@pytest.fixture(scope="module")
def shop(console: Opened) -> Opened:
    """The module's console, when its workspace has been synced."""
    surface, workspace = connect(console.target), load(console.root)
    results = list(apply_plan(surface, workspace, plan_sync(surface, workspace)))
    assert [it.error for it in results if it.error] == []
    surface.close()
    return console


@pytest.fixture
def at(shop: Opened, browser: Any) -> Callable[[str], Any]:
    """Opens the playground of somebody."""

    def open_at(subject: str) -> Any:
        browser.goto(f"{shop.address}/console/playground/table?with={subject}")
        return browser

    return open_at
