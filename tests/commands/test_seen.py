"""What a person, a pipe and a program see of what the target does for an answer, at each API."""

import base64
import json
import re
import shutil

import pytest

from tests.commands.conftest import Shop, same

ANALYST = """\
name: Analyst
instructions: Count.
tools:
  - type: code_interpreter
  - type: file_search
    vector_store: handbook
  - type: function
    python: till:add
"""
SCRIPT = r"""
turns:
  - when: sums
    call:
      code_interpreter:
        code: |
          open('/mnt/data/花 sums.csv', 'w').write('roses,7\n')
          print('\x1b[31m7 朵')
      file_search: {query: watering roses}
    say: "7 朵: water them【4:0†source】, see [sums](sandbox:/mnt/data/花 sums.csv)."
  - when: add
    call:
      add: {a: 1, b: 2}
    say: It is 3.
  - when: silently
    call:
      code_interpreter: {code: "open('/mnt/data/told.txt', 'w').write('unasked')"}
    say: Done.
  - when: wrong
    call:
      code_interpreter: {code: 1 / 0}
"""
TARGETS = """\
targets:
  assistants: {model: scripted}
  responses: {api: responses, model: scripted}
  agents: {api: agents, model: scripted, emulate: [file_search]}
"""
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
APIS = ("assistants", "responses", "agents")


@pytest.fixture(scope="module")
def analyst(tmp_path_factory):
    shop = Shop(tmp_path_factory.mktemp("analyst"))
    (shop.root / "assistants").mkdir()
    (shop.root / "handbook").mkdir()
    (shop.root / "tools").mkdir()
    (shop.root / "tools" / "till.py").write_text(
        'def add(a: int, b: int) -> int:\n    """Add them."""\n    return a + b\n'
    )
    (shop.root / "assistants" / "analyst.yaml").write_text(ANALYST)
    (shop.root / "assistants" / "analyst.script.yaml").write_text(SCRIPT)
    (shop.root / "assistants" / "greeter.yaml").write_text("instructions: Greet.\n")
    (shop.root / "assistants" / "searcher.yaml").write_text(
        "tools: [{type: file_search, vector_store: handbook}]\n"
    )
    (shop.root / "handbook" / "care.md").write_text("Water the roses daily.\n")
    (shop.root / "assistctl.yaml").write_text(
        f"version: 1\nworkspace: shop\ndefaults: {{model: gpt-6-luna}}\n{TARGETS}"
        "prices: {gpt-6-luna: {input: 1, output: 100}}\n"
        'vector_stores:\n  handbook: {files: ["handbook/*.md"]}\n'
    )
    for api in APIS:
        result = shop("sync", "-t", api, "--yes")
        assert result.code == 0, result.err
    return shop


def told(text):
    """Without what differs from time to time."""
    text = re.sub(r"\b(turn|resp|conv|sess|env|cntr|cfile|artifact)_[A-Za-z0-9]+", r"\1_…", text)
    text = re.sub(r"\bcost [\d.]+", "cost …", text)
    return re.sub(r"\b[01]\.\d\d\b(?! s)", "0.…", text)


def outcome(api):
    """The answer, as a pipe gets it."""
    mark, sources = {
        "assistants": ("[1]", "\n[1] care.md\n"),
        "responses": ("[1]", "\n[1] care.md\n"),
        "agents": ("[1]", "\n[1] (the target does not say what this is)\n"),
    }[api]
    return f"7 朵: water them{mark}, see [sums](sandbox:/mnt/data/花 sums.csv).\n{sources}"


NOTE = "note: answered by the scripted model, not by a language model\n"
STARTED = {
    "assistants": f"thread thread_…\nrun run_…\n{NOTE}queued · in_progress\n",
    "responses": f"thread conv_…\nrun resp_…\n{NOTE}in_progress\n",
    "agents": f"thread sess_…\nrun turn_…\n{NOTE}queued · in_progress\n",
}
SEARCHED = {
    "assistants": "← file_search ok care.md 0.…  … s\n",
    "responses": '← file_search ok "watering roses": care.md 0.…  … s\n',
    "agents": """\
requires_action
← file_search ok "watering roses": care.md 0.…  … s
in_progress
""",
}


@pytest.mark.parametrize("api", APIS)
def test_a_pipe_gets_the_answer_with_its_sources_and_stderr_tells_the_rest(analyst, api):
    code, out, err = analyst("run", "-t", api, "analyst", "sums")
    assert (code, out) == (0, outcome(api))
    assert told(err) == (
        STARTED[api]
        + r"→ code_interpreter open('/mnt/data/花 sums.csv', 'w').write('roses,7\n')"
        + r" print('\x1b[31m7 朵')"
        + "\n← code_interpreter ok \\x1b[31m7 朵  … s\n"
        + SEARCHED[api]
        + """\
made 花 sums.csv, 8 bytes  (--save DIR saves it)
completed  … tokens  cost …
"""
    )


def test_on_a_terminal_and_with_v_code_and_passages_are_whole(analyst):
    with analyst.on_terminal("run", "-t", "assistants", "analyst", "sums", "-v") as terminal:
        assert terminal.end() == 0
    assert (
        told(same(terminal.shown))
        == STARTED["assistants"]
        + r"""→ code_interpreter
    open('/mnt/data/花 sums.csv', 'w').write('roses,7\n')
    print('\x1b[31m7 朵')
← code_interpreter ok  … s
    \x1b[31m7 朵
← file_search ok 1 passage  … s
    care.md 0.…  Water the roses daily.
7 朵: water them[1], see [sums](sandbox:/mnt/data/花 sums.csv).

[1] care.md
made 花 sums.csv, 8 bytes  (--save DIR saves it)
completed  … tokens  cost …
"""
    )


def test_code_that_fails_is_told_in_few_words_and_with_q_too(analyst):
    failed = "✗ code_interpreter exit code 1: ZeroDivisionError: division by zero  … s\n"
    assert analyst("run", "-t", "agents", "analyst", "wrong", "-q").err == failed
    told_once = failed.replace("exit code 1: ", "")
    assert analyst("run", "-t", "assistants", "analyst", "wrong", "-q").err == told_once
    whole = analyst("run", "-t", "agents", "analyst", "wrong", "-v").err
    assert "✗ code_interpreter exit code 1  … s\n    Traceback (most recent" in whole


@pytest.mark.parametrize("api", APIS)
def test_json_has_text_and_annotations_as_the_api_gave_them_and_all_that_was_done(analyst, api):
    code, out, err = analyst("run", "-t", api, "analyst", "sums", "--format", "json")
    assert code == 0, err
    result = json.loads(out)
    ran, searched = result["steps"]
    assert 0 < result["cost"] < 1
    score = searched["hits"][0]["score"]
    assert result | {"usage": {}, "cost": 0, "annotations": [], "notes": []} == {
        "status": "completed",
        "thread": result["thread"],
        "run": result["run"],
        "text": {
            "responses": "7 朵: water them, see [sums](sandbox:/mnt/data/花 sums.csv).",
        }.get(api, "7 朵: water them【4:0†source】, see [sums](sandbox:/mnt/data/花 sums.csv)."),
        "tool_calls": [],
        "usage": {},
        "cost": 0,
        "seconds": 0,
        "annotations": [],
        "sources": {"agents": [{"number": 1}]}.get(
            api, [{"number": 1, "file_name": "care.md", "file_id": "file-…"}]
        ),
        "files": [{**file, "name": "花 sums.csv", "size": 8} for file in result["files"]],
        "steps": [
            {
                "type": "code_interpreter",
                "id": ran["id"],
                "code": "open('/mnt/data/花 sums.csv', 'w').write('roses,7\\n')\n"
                "print('\\x1b[31m7 朵')\n",
                "output": "\x1b[31m7 朵\n",
                "files": [],
                "seconds": 0,
                "error": None,
            },
            {
                "type": "file_search",
                "id": searched["id"],
                "queries": [] if api == "assistants" else ["watering roses"],
                "hits": [
                    {
                        "file_name": "care.md",
                        "file_id": "file-…",
                        "score": score,
                        "text": "Water the roses daily.\n",
                    }
                ],
                "seconds": 0,
                "error": None,
            },
        ],
        "notes": [],
    }
    assert len(result["files"]) == 1
    kinds = {
        "assistants": ["file_citation", "file_path"],
        "responses": ["file_citation", "container_file_citation"],
        "agents": [],
    }
    assert [note["type"] for note in result["annotations"]] == kinds[api]


def test_json_lines_have_the_events_and_the_marks_of_sources(analyst):
    out = analyst("run", "-t", "assistants", "analyst", "sums", "--format", "jsonl").out
    events = [json.loads(line) for line in out.splitlines()]
    wanted = ("code_called", "code_returned", "searched", "finished")
    assert [it["type"] for it in events if it["type"] in wanted] == list(wanted)
    assert {"type": "text_delta", "text": "【4:0†source】", "source": 1} in events


@pytest.mark.parametrize("api", APIS)
def test_files_are_saved_where_it_is_said_and_over_nothing(analyst, api, tmp_path):
    asked = ("run", "-t", api, "analyst", "sums", "--save", str(tmp_path / "new"))
    first, second = analyst(*asked), analyst(*asked, "--format", "json")
    assert f"\nsaved {tmp_path}/new/花 sums.csv, 8 bytes\n" in first.err
    (file,) = json.loads(second.out)["files"]
    assert file["saved"] == f"{tmp_path}/new/花 sums-2.csv"
    assert {path.name: path.read_text() for path in (tmp_path / "new").iterdir()} == {
        "花 sums.csv": "roses,7\n",
        "花 sums-2.csv": "roses,7\n",
    }


@pytest.mark.parametrize("api", APIS)
def test_files_that_no_answer_leads_to_are_saved_and_shown_again_with_their_turn(
    analyst, api, tmp_path
):
    asked = ("run", "-t", api, "analyst", "silently", "--format", "json", "--save", str(tmp_path))
    first = json.loads(analyst.raw(*asked).stdout)
    assert [(file["name"], file["size"]) for file in first["files"]] == [("told.txt", 7)]
    assert (tmp_path / "told.txt").read_text() == "unasked"
    again = json.loads(analyst.raw(*asked, "--thread", first["thread"]).stdout)
    assert [file["saved"] for file in again["files"]] == [str(tmp_path / "told-2.txt")]
    analyst("run", "-t", api, "analyst", "add", "--thread", first["thread"])
    past = json.loads(analyst.raw("steps", "-t", api, first["thread"], "--format", "json").stdout)
    told = [("told.txt", 7)]
    replaced = [] if api == "responses" else told  # a container holds one file of a name
    found = [[(file["name"], file["size"]) for file in turn["files"]] for turn in past]
    assert found == [replaced, told, []]


def test_what_cannot_be_saved_is_an_error_after_the_answer(analyst, tmp_path):
    (tmp_path / "file").write_text("")
    to = str(tmp_path / "file" / "new")
    code, out, err = analyst("run", "-t", "responses", "analyst", "sums", "--save", to)
    assert (code, out) == (1, outcome("responses"))
    assert "✗ 花 sums.csv was not saved: [Errno 20] Not a directory: " in err
    assert "error: not all that was made could be saved: 花 sums.csv: [Errno 20]" in err


@pytest.mark.parametrize("api", APIS)
def test_steps_shows_again_what_happened_on_a_thread(analyst, api):
    run = ("run", "-t", api, "analyst", "--format", "json")
    first = json.loads(analyst.raw(*run, "sums").stdout)
    again = json.loads(analyst.raw(*run, "--thread", first["thread"], "add").stdout)
    lines = {
        "assistants": ("← file_search ok care.md 0.…", "run_…  AT  completed  … s  … tokens"),
        "responses": ('← file_search ok "watering roses": care.md 0.…', "completed"),
        "agents": (
            '← file_search ok "watering roses": care.md',
            "turn_…  AT  completed  … s  … tokens",
        ),
    }
    found, ended = lines[api]
    said, _, sources = outcome(api).rstrip("\n").partition("\n\n")
    mine = {"assistants": "file-…", "responses": "cfile_…", "agents": "artifact_…"}[api]
    thread = {"assistants": "thread_…", "responses": "conv_…", "agents": "sess_…"}[api]
    files = f"\nmade 花 sums.csv, 8 bytes  {mine}"
    added = f"""{ended}
> add
→ add {{"a": 1, "b": 2}}
← add ok 3
It is 3.
"""
    whole = rf"""thread {thread}

{ended}
> sums
→ code_interpreter open('/mnt/data/花 sums.csv', 'w').write('roses,7\n') print('\x1b[31m7 朵')
← code_interpreter ok \x1b[31m7 朵
{found}
{said}

{sources}{files}

{added}"""

    def told_again(*arguments):
        code, out, err = analyst("steps", "-t", api, *arguments)
        assert (code, err) == (0, ""), err
        out = re.sub(r"\d{4}-\d\d-\d\dT[\d:]+\+00:00", "AT", told(out))
        return re.sub(r"\b\d+ s\b", "… s", out)

    assert told_again(first["thread"]) == told_again() == whole
    if api != "responses":
        assert told_again(again["run"]) == f"thread {thread}\n\n{added}"
    past = json.loads(analyst("steps", "-t", api, again["thread"], "--format", "json").out)
    assert [(turn["message"], turn["text"]) for turn in past] == [
        ("sums", first["text"]),
        ("add", "It is 3."),
    ]
    assert [call["output"] for call in past[1]["tool_calls"]] == ["3"]


def test_a_response_of_a_conversation_is_shown_alone_with_what_it_has_used(analyst):
    run = ("run", "-t", "responses", "analyst", "--format", "json")
    first = json.loads(analyst.raw(*run, "sums").stdout)
    again = json.loads(analyst.raw(*run, "--thread", first["thread"], "add").stdout)
    out = analyst("steps", "-t", "responses", again["run"], "--format", "json").out
    (turn,) = json.loads(out)
    assert (turn["message"], turn["text"], turn["status"]) == ("add", "It is 3.", "completed")
    assert turn["usage"].keys() == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_a_thread_that_is_not_there_is_an_error_and_so_is_none(analyst, tmp_path):
    code, out, err = analyst("steps", "-t", "assistants", "thread_nowhere")
    assert (code, out) == (1, "")
    assert err.endswith(
        "404 No thread found with id 'thread_nowhere'.; nor is there a run of this id on the"
        " threads that were used last from here\n"
    )
    shutil.copytree(analyst.root, tmp_path / "new", ignore=shutil.ignore_patterns(".assistctl"))
    result = Shop(tmp_path / "new")("steps", "-t", "assistants")
    assert result == (
        1,
        "",
        "error: no conversation at assistants is known here yet; name a thread\n",
    )


@pytest.mark.parametrize("api", APIS)
def test_a_picture_is_shown_to_the_model_and_lies_where_code_finds_it(analyst, api, tmp_path):
    (tmp_path / "rose.png").write_bytes(PICTURE)
    run = ("run", "-t", api, "--attach", str(tmp_path / "rose.png"), "--format", "json")
    places = {
        "assistants": ("/threads/{}/messages", "image_file"),
        "responses": ("/conversations/{}/items", "input_image"),
        "agents": ("/agents/sessions/{}/items", "input_image"),
    }
    path, kind = places[api]
    for key, purpose in (("analyst", "assistants"), ("greeter", "vision")):
        result = analyst.raw(*run, key, "hm")
        assert result.returncode == 0, result.stderr
        with analyst.target() as target:
            thread = json.loads(result.stdout)["thread"]
            message, *_ = target.list(path.format(thread), order="asc")
            (shown,) = (part for part in message["content"] if part["type"] == kind)
            if api == "agents":
                content = base64.b64encode(PICTURE).decode()
                assert shown["image_url"] == f"data:image/png;base64,{content}"
            else:
                file = target.get(f"/files/{(shown.get('image_file') or shown)['file_id']}")
                assert (file["filename"], file["purpose"]) == ("rose.png", purpose)


def test_what_nothing_would_read_is_refused_before_anything_is_uploaded(analyst, tmp_path):
    (tmp_path / "first.md").write_text("Roses.")
    (tmp_path / "song.mp3").write_bytes(b"ID3")
    (tmp_path / "blob").write_bytes(b"a\0b")
    (tmp_path / "notes.zip").write_bytes(b"PK")
    for name, what in (
        ("song.mp3", "audio/mpeg"),
        ("blob", "no text"),
        ("notes.zip", "application/zip"),
    ):
        files = (f"--attach={tmp_path / 'first.md'}", f"--attach={tmp_path / name}")
        assert analyst("run", "-q", "-t", "responses", "searcher", "hm", *files) == (
            1,
            "",
            f"error: {name} is {what}, which file_search does not read: give assistant/searcher"
            " code_interpreter, or attach its text\n",
        )
    with analyst.target() as target:
        assert "first.md" not in {file["filename"] for file in target.list("/files")}
