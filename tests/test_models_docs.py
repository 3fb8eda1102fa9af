"""What docs/models.md shows: every endpoint is valid, and taken by the server as it is meant."""

import re
from pathlib import Path
from textwrap import indent

import pytest

from assistctl.server.models.endpoint import Endpoint
from assistctl.server.models.profiles import PROFILES, UNKNOWN
from assistctl.spec import load, schema
from assistctl.spec.grammar.models import DROPPABLE
from assistctl.spec.grammar.models import PROFILES as DECLARED

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
SECTIONS = re.findall(r"^### (.+?)\n(.*?)(?=^##)", PAGE, re.MULTILINE | re.DOTALL)
BLOCKS = re.findall(r"^```yaml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ENDPOINTS = [block for block in BLOCKS if block.startswith("model:")]
INLINE = re.findall(r"`((?:extra_body|headers|stream|ca_file): [^`]+)`", PAGE)
TOP = "version: 1\nworkspace: shop\ntargets:\n  local:\n"
PROFILE_OF = {
    "OpenAI": "openai",
    "Azure": "azure",
    "Gemini": "gemini",
    "DeepSeek": "deepseek",
    "Kimi": "kimi",
    "Mistral": "mistral",
    "Groq": "groq",
    "OpenRouter": "openrouter",
    "Anthropic": "anthropic",
    "Ollama": "ollama",
    "vLLM": "vllm",
    "llama.cpp": "llama.cpp",
    "LM Studio": "lmstudio",
}


def loaded(root, block):
    """The endpoint of a block as the server gets it; its variables are set."""
    (root / "assistctl.yaml").write_text(TOP + indent(block, "    "), encoding="utf-8")
    environ = dict.fromkeys(re.findall(r"\$\{(\w+)\}", block), "value")
    workspace, problems = load(root, environ=environ)
    assert problems == ()
    return workspace.target.model


@pytest.mark.parametrize("block", ENDPOINTS, ids=lambda block: block.split("\n")[1].strip())
def test_every_endpoint_is_valid_and_the_server_takes_it(block, tmp_path):
    assert Endpoint.parse(loaded(tmp_path, block)).base_url.startswith("http")


def test_the_workspace_is_valid(tmp_path):
    [block] = [block for block in BLOCKS if block not in ENDPOINTS]
    (tmp_path / "assistctl.yaml").write_text(block, encoding="utf-8")
    assert load(tmp_path, environ={"OPENAI_API_KEY": "value"})[1] == ()


@pytest.mark.parametrize("setting", INLINE)
def test_every_setting_in_a_sentence_is_valid(setting, tmp_path):
    certificate = ROOT / "tests/workspaces/good-full/certs/company.pem"
    (tmp_path / "certs").mkdir()
    (tmp_path / "certs" / "company.pem").write_bytes(certificate.read_bytes())
    endpoint = f"model:\n  base_url: http://localhost/v1\n  {setting}\n"
    assert Endpoint.parse(loaded(tmp_path, endpoint))


def test_the_well_known_are_known_by_what_is_shown_of_them(tmp_path):
    shown = {}
    for name, text in SECTIONS:
        block = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)[1]
        shown[name] = Endpoint.parse(loaded(tmp_path, block)).usual.profile
    assert shown.pop("LiteLLM") == UNKNOWN
    assert shown == {name: PROFILES[profile] for name, profile in PROFILE_OF.items()}


def test_all_profiles_and_options_can_be_declared_and_are_listed():
    from assistctl.server.models import dialect

    assert set(DECLARED) == set(PROFILES) == set(PROFILE_OF.values())
    assert set(DROPPABLE) == set(dialect.DROPPABLE)
    table = PAGE[PAGE.index("| setting") :]
    assert [name for name in (*DECLARED, *DROPPABLE) if f"`{name}`" not in table] == []


def test_every_setting_is_explained_and_shown():
    table = PAGE[PAGE.index("| setting") :]
    settings = schema("workspace")["$defs"]["model"]["properties"]
    assert [name for name in settings if f"`{name}`" not in table] == []
    assert [name for name in settings if f"{name}: " not in PAGE and f"{name}:\n" not in PAGE] == [
        "embeddings"
    ]


def test_the_notes_are_those_of_the_server():
    paths = (ROOT / "cli" / "assistctl" / "server").rglob("*.py")
    source = "".join(path.read_text(encoding="utf-8") for path in paths)
    source = re.sub(r'"\s*\n\s*f?"', "", source)  # strings that go on in the next line
    notes = re.search(r"```text\n(.*?)```", PAGE, re.DOTALL)[1].splitlines()
    for note in notes:
        pattern = re.escape(note).replace("8192", r"\{.+?\}").replace("temperature", r"\{.+?\}")
        assert re.search(pattern, source), note
