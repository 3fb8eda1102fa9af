"""What others have made and the console ships is what their packages hold, with its licence."""

import hashlib
import json
from pathlib import Path

import pytest

from assistctl.console.rendering import SECURITY

ASSETS = Path(__file__).parent.parent.parent / "cli" / "assistctl" / "console" / "assets"
VENDORED = json.loads((ASSETS / "vendored.json").read_text(encoding="utf-8"))
OWN = {
    "console.css",
    "console.js",
    "uploads.js",
    "playground.css",
    "playground.js",
    "chevron.svg",
    "check.svg",
    "icon.svg",
    "minus.svg",
}


@pytest.mark.parametrize("name", sorted(VENDORED))
def test_it_is_what_its_version_holds(name):
    said = VENDORED[name]
    content = (ASSETS / name).read_bytes()
    assert hashlib.sha256(content).hexdigest() == said["sha256"]
    assert (ASSETS / said["licence_file"]).is_file()
    assert said["integrity"].startswith("sha512-")


def test_every_file_is_ours_or_said_to_be_of_somebody():
    licences = {said["licence_file"] for said in VENDORED.values()}
    files = {it.relative_to(ASSETS).as_posix() for it in ASSETS.rglob("*") if it.is_file()}
    assert files == OWN | set(VENDORED) | licences | {"vendored.json"}


def test_htmx_is_told_to_run_no_text_as_code():
    layout = (ASSETS.parent / "templates" / "layout.html").read_text(encoding="utf-8")
    settings = json.loads(layout.partition("content='")[2].partition("'")[0])
    assert settings["allowEval"] is False
    assert settings["allowScriptTags"] is False
    assert settings["includeIndicatorStyles"] is False
    assert settings["selfRequestsOnly"] is True
    assert settings["historyCacheSize"] == 0
    assert "unsafe" not in SECURITY["content-security-policy"]
