"""What is released: one version everywhere, versions that are locked, what the forge reads."""

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from assistctl import __version__
from tests import forking

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
CI = (ROOT / "docs" / "ci.md").read_text(encoding="utf-8")
TEMPLATES = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def test_the_newest_heading_of_the_changelog_is_the_version():
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (\S+)", changelog, re.MULTILINE)[0] == __version__


def test_the_action_the_hook_and_gitlab_are_pinned_by_the_tag_of_this_version():
    pins = re.findall(r"OWNER/assistctl@(\S+?)\"?\n", CI) + re.findall(r"rev: (\S+)\n", CI)
    assert pins == [f"v{__version__}"] * 3


def test_the_owner_is_the_one_placeholder_of_addresses():
    listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(listed, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in names.splitlines():
        if name.startswith(("docs/", ".github/")) or name in ("README.md", "pyproject.toml"):
            text = (ROOT / name).read_bytes().decode(errors="ignore")
            assert set(re.findall(r"github\.com/([\w-]+)/assistctl\b", text)) <= {"OWNER"}, name


def test_constraints_lock_everything_that_is_needed_to_versions_that_will_do():
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    locked = dict(line.split("==") for line in lines if not line.startswith("#"))
    versions = {canonicalize_name(name): version for name, version in locked.items()}
    extras = (PROJECT["optional-dependencies"][name] for name in ("interpreter", "mcp", "search"))
    for text in (*PROJECT["dependencies"], *(item for extra in extras for item in extra)):
        needed = Requirement(text)
        if needed.marker is None or needed.marker.evaluate({"python_version": "3.11"}):
            assert versions[canonicalize_name(needed.name)] in needed.specifier


def test_the_page_of_the_server_shows_the_dockerfile():
    page = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    (shown,) = re.findall(r"^```dockerfile\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    assert shown == (ROOT / "Dockerfile").read_text(encoding="utf-8")


def test_the_dockerfile_copies_what_there_is_and_what_is_not_ignored():
    copied = re.findall(r"^COPY (.+) \S+$", (ROOT / "Dockerfile").read_text(), re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    assert ignored[0] == "*"
    for name in names:
        assert (ROOT / name).exists()
        assert f"!{name}" in ignored


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_an_issue_template_is_one(path):
    template = yaml.safe_load(path.read_text(encoding="utf-8"))
    if path.stem == "config":
        links = template["contact_links"]
        assert all(link.keys() == {"name", "url", "about"} for link in links)
        return
    assert {"name", "description", "body"} <= template.keys()
    ids = [part["id"] for part in template["body"]]
    assert len(set(ids)) == len(ids)
    for part in template["body"]:
        assert part["type"] in ("textarea", "input", "dropdown")
        assert part["attributes"]["label"]
        assert (part["type"] == "dropdown") == ("options" in part["attributes"])


def test_gitlabs_jobs_plan_sync_and_find_no_drift(tmp_path):
    (text,) = re.findall(r"^```yaml\n# \.gitlab-ci\.yml\n(.*?)^```$", CI, re.MULTILINE | re.DOTALL)
    pipeline = yaml.safe_load(text)
    (tmp_path / "assistctl.yaml").write_text(
        "version: 1\nworkspace: shop\ntargets: {prod: {model: scripted}}\n"
    )
    (tmp_path / "assistants").mkdir()
    (tmp_path / "assistants" / "desk.yaml").write_text("model: gpt-6-luna\n")
    with forking.program(tmp_path / "assistctl", "assistctl"):
        for job in ("plan", "sync", "drift"):
            script = "\n".join([f'PATH="{tmp_path}:$PATH"', *pipeline[job]["script"]])
            done = subprocess.run(
                ["bash", "-eo", "pipefail", "-c", f"export ASSISTCTL_TARGET=prod CI=1\n{script}"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
            )
            assert done.returncode == 0, done.stderr
            for path in pipeline[job].get("artifacts", {}).get("paths", ()):
                assert (tmp_path / path).exists() or path == ".assistctl/snapshots"
    assert "1 to create" in (tmp_path / "plan.md").read_text(encoding="utf-8")
