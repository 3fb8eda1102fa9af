"""Pictures of each page for docs/console/: light, dark, 400 pixels wide; another page is a line in
PAGES. `python -m tests.console.pictures` makes them anew, of a workspace in which something has
changed and on whose server something was said."""

from __future__ import annotations

import io
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tests.console.conftest import CHROMIUM, SHOP, SWITCHES, Opened, opened_console, visiting
from tests.console.dump import long_thread, seeded, shop_threads

PICTURES = Path(__file__).parent.parent.parent / "docs" / "console"
PAGES = {
    "workspace": "/workspace",
    "show": "/workspace/show?address=assistant/clerk",
    "threads": "/threads?of=target",
    "thread": "/threads/thread_sale",
    "playground": "/playground/table?with=assistant/clerk",
    "files": "/files",
    "stores": "/stores",
    "tests": "/tests",
}
SAID = {"playground": "What is the sum?"}
"""What is said on a page before its picture is taken."""

FORMS: dict[str, dict[str, Any]] = {
    "light": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1000, "height": 760}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 400, "height": 760}, "color_scheme": "light"},
}
SUITE = """\
cases:
  - {name: a sum, user: sum, expect: {contains: The sum is 3., calls: [{function: add, times: 1}]}}
  - {name: a sum in words, user: sum, expect: {contains: three}}
"""
LARGEST = 100_000
_COLORS = 64


@contextmanager
def console() -> Iterator[Opened]:
    """A console with something to see on every page."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "shop"
        shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "assistants" / "clerk.tests.yaml").write_text(SUITE, encoding="utf-8")
        said = [it for it in shop_threads() if "evil" not in str(it)]
        seeded(root, root / "dump.jsonl", [*said, *long_thread(40)])
        with opened_console(root) as opened:
            with visiting(opened) as visitor:
                page = visitor.get("/workspace").text
                fingerprint = page.partition('name="fingerprint" value="')[2].partition('"')[0]
                visitor.post("/workspace/apply", {"fingerprint": fingerprint})
                tried = visitor.post("/tests/run", {"which": "both"}).headers["location"]
                visitor.http.get(f"{tried}/events")  # until they are over
            opened.edit("assistants/clerk.yaml", "You sell flowers.", "You sell fresh flowers.")
            (root / "handbook" / "hours.md").write_text("Open from 10 to 18.\n", encoding="utf-8")
            yield opened


def make(pages: list[str]) -> None:
    """Take the pictures of these pages."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with console() as opened, sync_playwright() as started:
        assert opened.links
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        for form, options in FORMS.items():
            page = browser.new_context(**options).new_page()
            page.goto(f"{opened.address}/console/enter?token={opened.links.new()}")
            page.wait_for_url("**/console/workspace")
            for name in pages:
                page.goto(f"{opened.address}/console{PAGES[name]}")
                page.wait_for_load_state("networkidle")
                if name in SAID:
                    box = page.get_by_role("textbox", name="Message")
                    box.fill(SAID[name])
                    box.press("Control+Enter")
                    page.locator(".state .completed").wait_for()
                taken = Image.open(io.BytesIO(page.screenshot()))
                small = taken.convert("RGB").quantize(_COLORS, dither=Image.Dither.NONE)
                small.save(PICTURES / f"{name}-{form}.png", optimize=True)
        browser.close()


if __name__ == "__main__":
    make(sys.argv[1:] or list(PAGES))
