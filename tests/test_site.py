"""The site that `make site` makes of docs/: no warning, and every link in it leads somewhere."""

import subprocess
import sys
from html.parser import HTMLParser
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent
MAKERS = ("sphinx", "myst_parser", "furo")

if not all(map(find_spec, MAKERS)):
    pytest.skip("`make site` installs what makes the site", allow_module_level=True)


class Page(HTMLParser):
    """What a page links to, and what in it can be linked to."""

    def __init__(self, text):
        super().__init__()
        self.links, self.ids = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.ids |= {given[name] for name in ("id", "name") if given.get(name)}
        self.links += [given[name] for name in ("href", "src") if given.get(name)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    directory = tmp_path_factory.mktemp("site")
    builder = [sys.executable, "-m", "sphinx", "--fail-on-warning", "--keep-going", "--quiet"]
    built = subprocess.run(
        [*builder, "-b", "html", "-d", directory / "read", ROOT / "docs", directory / "html"],
        capture_output=True,
        text=True,
    )
    assert (built.returncode, built.stderr) == (0, "")
    return directory / "html"


@pytest.fixture(scope="module")
def pages(site):
    return {path: Page(path.read_text(encoding="utf-8")) for path in site.rglob("*.html")}


def test_every_page_of_docs_is_in_the_site(pages, site):
    written = {path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")}
    assert written <= {path.relative_to(site).with_suffix(".md") for path in pages}


def test_every_link_within_the_site_leads_somewhere(pages, site):
    broken = []
    for path, page in pages.items():
        for link in page.links:
            url = urlsplit(link)
            if url.scheme or url.netloc:
                continue
            there = (path.parent / unquote(url.path)).resolve() if url.path else path
            known = pages[there].ids if there in pages else set()
            if not there.exists() or (url.fragment and unquote(url.fragment) not in known):
                broken.append(f"{path.relative_to(site)}: {link}")
    assert broken == []


def test_nothing_is_loaded_from_elsewhere(site):
    """A page is read without a network, and tells nobody that it is."""
    loaded = [
        f"{path.name}: {url}"
        for path in site.rglob("*.html")
        for url in Loaded(path.read_text(encoding="utf-8")).urls
        if urlsplit(url).netloc
    ]
    assert loaded == []


class Loaded(HTMLParser):
    """What a browser fetches to show a page."""

    def __init__(self, text):
        super().__init__()
        self.urls = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self.urls += [given["src"]] if given.get("src") else []
        self.urls += [given["href"]] if tag == "link" and given.get("href") else []
