"""Pictures of each page for docs/console/: light, dark, 400 pixels wide; another page is a line in
PAGES. `python -m tests.console.pictures` makes them anew, of a workspace in which something has
changed and on whose server something was said."""

from __future__ import annotations

import html
import io
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from PIL import Image

from tests.console.conftest import (
    CHROMIUM,
    SHOP,
    SWITCHES,
    Opened,
    opened_console,
    reached,
    visiting,
)
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
    "store": "/stores/{store}?q=When+do+roses+want+water%3F&expected=delivery#search",
    "file": "/stores/{store}/files/{roses.md}",
    "file-failed": "/stores/{store}/files/{delivery.pdf}",
    "test-case": "{case}",
}
"""Where they are; what is in braces, `console` knows."""

GARDEN = {
    "roses.md": b"# Roses\n\nRoses want sun, and water in the morning: never at noon, since"
    b" drops burn their leaves.\n\nCut them at an angle, above a bud that looks outwards.\n",
    "tulips.md": b"# Tulips\n\nTulips come up in April. They want water until they have bloomed.\n",
    "delivery.pdf": b"%PDF-1.4 nothing",
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
def console() -> Iterator[tuple[Opened, dict[str, str]]]:
    """A console with something to see on every page, and what addresses in PAGES have in braces."""
    with tempfile.TemporaryDirectory() as directory:
        root = Path(directory) / "shop"
        shutil.copytree(SHOP, root, ignore=shutil.ignore_patterns("__pycache__"))
        (root / "assistants" / "clerk.tests.yaml").write_text(SUITE, encoding="utf-8")
        said = [it for it in shop_threads() if "evil" not in str(it)]
        seeded(root, root / "dump.jsonl", [*said, *long_thread(40)])
        with opened_console(root) as opened:
            known = garden(opened)
            with visiting(opened) as visitor:
                page = visitor.get("/workspace").text
                fingerprint = page.partition('name="fingerprint" value="')[2].partition('"')[0]
                visitor.post("/workspace/apply", {"fingerprint": fingerprint})
                tried = visitor.post("/tests/run", {"which": "both"}).headers["location"]
                visitor.http.get(f"{tried}/events")  # until they are over
                tests = visitor.get("/tests").text
                [failed, *_] = re.findall(r'href="/console(/[^"]+words[^"]*)"', tests)
                known["case"] = html.unescape(failed)
            opened.edit("assistants/clerk.yaml", "You sell flowers.", "You sell fresh flowers.")
            (root / "handbook" / "hours.md").write_text("Open from 10 to 18.\n", encoding="utf-8")
            yield opened, known


def garden(opened: Opened) -> dict[str, str]:
    """A store with a file that could not be read; the ids of its files by their names, and its
    own."""
    reach = reached(opened.target)
    known = {"store": str(reach.client.create("/vector_stores", {"name": "garden"})["id"])}
    path = f"/vector_stores/{known['store']}"
    for name, content in GARDEN.items():
        (opened.root / name).write_bytes(content)
        known[name] = str(reach.surface.upload(opened.root / name, name)["id"])
        (opened.root / name).unlink()
        reach.client.create(f"{path}/files", {"file_id": known[name]})
    while reach.client.get(path)["file_counts"]["in_progress"]:
        time.sleep(0.05)
    reach.close()
    return known


def address(opened: Opened, known: dict[str, str], name: str) -> str:
    """Where a page is."""
    path = re.sub(r"\{([^}]+)\}", lambda found: known[found[1]], PAGES[name])
    return f"{opened.address}/console{path}"


def make(pages: list[str]) -> None:
    """Take the pictures of these pages."""
    from playwright.sync_api import sync_playwright

    PICTURES.mkdir(exist_ok=True)
    with console() as (opened, known), sync_playwright() as started:
        assert opened.links
        browser = started.chromium.launch(executable_path=CHROMIUM, args=list(SWITCHES))
        for form, options in FORMS.items():
            page = browser.new_context(**options).new_page()
            page.goto(f"{opened.address}/console/enter?token={opened.links.new()}")
            page.wait_for_url("**/console/workspace")
            for name in pages:
                page.goto(address(opened, known, name))
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
