import json
import shlex
from pathlib import Path

import pytest

from assistctl.apis.transport.files import upload as upload_file
from tests.commands.middleman import Cut, staging

TEMPLATE = Path(__file__).parent / "shop"
NOTHING = "No changes. local is as declared.\n"
NOTHING_OF_IT = "No changes. What was asked for is as declared at staging.\n"
PROMPT = "You keep the books of a flower shop.\n\n- Prices are in ${CURRENCY}.\n- 用中文回答。\n"
BILL = {
    "type": "object",
    "properties": {
        "total": {"type": "number", "description": "总额（元）"},
        "on": {"type": "string", "pattern": "^\\d{4}-\\d{2}$"},
    },
    "required": ["total", "on"],
    "additionalProperties": False,
}


def upload(client, directory, name, text):
    path = directory / name
    path.write_bytes(text.encode())
    return upload_file(client, path, name, "assistants")["id"]


def assistant(client, **fields):
    return client.create("/assistants", {"model": "gpt-4.1", **fields})["id"]


def function(name, **fields):
    return {"type": "function", "function": {"name": name, **fields}}


def files(shop):
    """Every file of the workspace that is not in the template, with its text."""
    there = {
        path.relative_to(shop.root).as_posix(): path.read_text(encoding="utf-8")
        for path in sorted(shop.root.rglob("*"))
        if path.is_file() and ".assistctl" not in path.parts
    }
    return {name: text for name, text in there.items() if not (TEMPLATE / name).exists()}


def workspace_file(shop):
    return (shop.root / "assistctl.yaml").read_text(encoding="utf-8")


def bookkeeper(client, directory):
    """An assistant with one of everything."""
    prices = upload(client, directory, "价目表.csv", "花名,成本,售价\n红玫瑰,2,4\n")
    care = upload(client, directory, "care.md", "# Care\n")
    store = client.create("/vector_stores", {"name": "Guides", "file_ids": [care, prices]})["id"]
    return assistant(
        client,
        name="花店财务助手",
        description="Keeps the books: bills & sums",
        instructions=PROMPT,
        tools=[
            {"type": "code_interpreter"},
            {"type": "file_search", "file_search": {"max_num_results": 5}},
            function("save_bill", description="存账单。", parameters=BILL, strict=True),
            function("today"),
        ],
        tool_resources={
            "code_interpreter": {"file_ids": [prices]},
            "file_search": {"vector_store_ids": [store]},
        },
        temperature=0.2,
        top_p=0.9,
        reasoning_effort="low",
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object", "properties": {}}},
        },
        metadata={"owner": "no", "since": "2026-11-22"},
    )


BOOKKEEPER = """\
name: 花店财务助手
description: "Keeps the books: bills & sums"
model: gpt-4.1
instructions: {file: books.md}
tools:
  - type: code_interpreter
    files: [books/价目表.csv]
  - type: file_search
    files: [books/care.md, books/价目表.csv]
    max_num_results: 5
  - type: function
    function:
      name: save_bill
      description: 存账单。
      strict: true
      parameters:
        type: object
        properties:
          total:
            type: number
            description: 总额（元）
          "on":
            type: string
            pattern: ^\\d{4}-\\d{2}$
        required: [total, "on"]
        additionalProperties: false
  - type: function
    function: {name: today}
temperature: 0.2
top_p: 0.9
response_format:
  type: json_schema
  json_schema:
    name: answer
    schema:
      type: object
      properties: {}
reasoning_effort: low
metadata:
  owner: "no"
  since: "2026-11-22"
"""


def test_what_is_at_the_target_becomes_files_and_then_the_plan_is_empty(synced, tmp_path):
    with synced.target() as target:
        made = bookkeeper(target, tmp_path)
        before = target.get(f"/assistants/{made}")
    code, out, err = synced("import", made, "--as", "books", "--yes")
    assert (code, err.splitlines()[-3:]) == (
        0,
        [
            "To have save_bill, today called here, name Python functions with `python:` beside "
            "`function:`.",
            "The files that they had before stay at the target; nothing here uses them.",
            "Imported 1 assistant from local.",
        ],
    )
    assert out.startswith(
        "Files:\n  assistants/books/care.md\n  assistants/books/价目表.csv\n"
        "  assistants/books.md\n  assistants/books.yaml\n\n"
        "+ file/assistants/books/care.md  used by vector_store/books.file_search\n"
    )
    assert out.endswith(
        "Plan for local: 2 to create, 2 to update (2 of them adopted), 0 to delete.\n"
    )
    assert files(synced) == {
        "assistants/books.md": PROMPT,
        "assistants/books.yaml": BOOKKEEPER,
        "assistants/books/care.md": "# Care\n",
        "assistants/books/价目表.csv": "花名,成本,售价\n红玫瑰,2,4\n",
    }
    assert synced("plan", "--detailed-exitcode") == (0, NOTHING, "")
    assert synced("validate").code == 0
    with synced.target() as target:
        after = target.get(f"/assistants/{made}")
        (store,) = after["tool_resources"]["file_search"]["vector_store_ids"]
        inside = list(target.list(f"/vector_stores/{store}/files"))
    assert len(inside) == 2
    assert before["tool_resources"]["file_search"]["vector_store_ids"] == [store]
    kept = before.keys() - {"tools", "tool_resources", "metadata"}
    assert {name: after[name] for name in kept} == {name: before[name] for name in kept}
    assert synced("import", "--all") == (0, "", "No assistant without an owner is at local.\n")


def test_all_are_imported_under_keys_made_of_their_names(synced, tmp_path):
    with synced.target() as target:
        assistant(target, name="FAQ", instructions="Answer.")
        assistant(target, name="faq!", metadata={"assistctl_left": "over"})
        assistant(target, name="Greeter", temperature=0, instructions="a\r\nb")
        assistant(target, name="花店")
        last = assistant(target, name="24/7")
    assert synced("import", "--all", "-y", "-q") == (0, "", "")
    key = f"assistant-{last[-8:].lower()}"
    assert files(synced) == {
        "assistants/faq.yaml": "name: FAQ\nmodel: gpt-4.1\ninstructions: Answer.\n",
        "assistants/faq-2.yaml": "name: faq!\nmodel: gpt-4.1\n",
        "assistants/greeter-2.md": "a\nb",
        "assistants/greeter-2.yaml": "name: Greeter\nmodel: gpt-4.1\n"
        "# Its line ends were those of Windows.\ninstructions: {file: greeter-2.md}\n"
        "temperature: 0\n",
        "assistants/花店.yaml": "name: 花店\nmodel: gpt-4.1\n",
        f"assistants/{key}.yaml": "name: 24/7\nmodel: gpt-4.1\n",
    }
    assert synced("plan") == (0, NOTHING, "")


def test_stores_that_are_shared_or_more_than_files_are_declared_in_the_workspace(synced, tmp_path):
    chunking = {
        "type": "static",
        "static": {"max_chunk_size_tokens": 200, "chunk_overlap_tokens": 50},
    }
    with synced.target() as target:
        guide = upload(target, tmp_path, "guide.md", "# Guide\n")
        ids = [upload(target, tmp_path, f"{n:02}.md", f"# {n}\n") for n in range(21)]
        both = target.create("/vector_stores", {"name": "手册", "file_ids": ids})["id"]
        special = target.create(
            "/vector_stores",
            {
                "name": "Special",
                "file_ids": [guide],
                "chunking_strategy": chunking,
                "expires_after": {"anchor": "last_active_at", "days": 9},
                "metadata": {"kind": "docs"},
            },
        )["id"]
        handbook = target.create("/vector_stores", {"name": "x"})["id"]
        ours = synced.id_of("handbook", target, "/vector_stores")
        for name, store in zip("abcde", [both, both, special, ours, handbook], strict=True):
            assistant(
                target,
                name=name,
                tools=[{"type": "file_search"}],
                tool_resources={"file_search": {"vector_store_ids": [store]}},
            )
    before = workspace_file(synced)
    assert synced("import", "--all", "-y", "-q") == (0, "", "")
    assert workspace_file(synced) == before + (
        "  手册:\n"
        "    files: [vector_stores/手册/*]\n"
        "  special:\n"
        "    name: Special\n"
        "    files: [vector_stores/special/guide.md]\n"
        "    chunking_strategy:\n"
        "      type: static\n"
        "      static:\n"
        "        max_chunk_size_tokens: 200\n"
        "        chunk_overlap_tokens: 50\n"
        "    expires_after:\n"
        "      anchor: last_active_at\n"
        "      days: 9\n"
        "    metadata: {kind: docs}\n"
    )
    written = files(synced)
    assert {name: written[f"assistants/{name}.yaml"].splitlines()[-1] for name in "abcde"} == {
        "a": "    vector_store: 手册",
        "b": "    vector_store: 手册",
        "c": "    vector_store: special",
        "d": "    vector_store: handbook",
        "e": "    files: []",
    }
    assert len(written) == 5 + 21 + 1
    assert synced("plan") == (0, NOTHING, "")


def test_what_the_workspaces_defaults_would_change_is_undone(synced):
    synced.edit(
        "assistctl.yaml",
        "{model: gpt-6-luna}",
        "{model: gpt-6-luna, temperature: 0.5, instructions: Be kind., metadata: {team: sales}}",
    )
    assert synced("sync", "--yes", "-q").code == 0
    with synced.target() as target:
        assistant(target, name="one")
        assistant(target, name="two", instructions="Hi", metadata={"a": "b"})
    assert synced("import", "--all", "-y", "-q") == (0, "", "")
    assert files(synced) == {
        "assistants/one.yaml": "name: one\nmodel: gpt-4.1\ninstructions: null\ntemperature: 1\n"
        "metadata: null\n",
        "assistants/two.yaml": "name: two\nmodel: gpt-4.1\ninstructions: Hi\ntemperature: 1\n"
        "# Beside these it gets those of the defaults in assistctl.yaml: team.\n"
        "metadata: {a: b}\n",
    }
    assert synced("plan") == (0, NOTHING, "")


def test_without_adoption_the_files_are_written_and_the_next_commands_named(synced, tmp_path):
    with synced.target() as target:
        made = bookkeeper(target, tmp_path)
    result = synced.raw("import", made, "--as", "books", "--no-adopt")
    assert result.returncode == 0
    *_, head, first, second = result.stderr.splitlines()
    assert head == "Not adopted yet; next:"
    assert second == f"  assistctl adopt books {made}"
    assert first.startswith("  assistctl adopt vector_store/books.file_search vs_")
    assert files(synced)["assistants/books.yaml"] == BOOKKEEPER
    with synced.target() as target:
        assert "assistctl" not in target.get(f"/assistants/{made}")["metadata"]
    for line in (first, second):
        assert synced(*shlex.split(line)[1:], "--yes", "-q") == (0, "", "")
    assert synced("plan") == (0, NOTHING, "")


def test_nothing_is_left_behind_without_a_yes(synced, tmp_path):
    with synced.target() as target:
        made = bookkeeper(target, tmp_path)
    code, _, err = synced("import", made)
    assert (code, err.splitlines()[-1]) == (
        3,
        "error: nobody can be asked here whether to apply 4 changes to local; use --yes to do it",
    )
    with synced.on_terminal("import", made, "--as", "books") as terminal:
        terminal.wait_for("= assistant/books  takes over ")
        terminal.wait_for("Apply 4 changes to local? [y/N]: ")
        terminal.type("n\n")
        assert terminal.end() == 3
    assert files(synced) == {}
    assert sorted(path.name for path in (synced.root / ".assistctl").iterdir()) == [
        ".gitignore",
        "known",
        "local.db",
    ]
    assert synced("plan") == (0, NOTHING, "")


def test_who_has_an_owner_or_is_not_there_is_not_imported(synced):
    with synced.target() as target:
        clerk = synced.id_of("clerk", target)
        free = assistant(target, name="Free")
    code, out, err = synced("import", clerk, free, "asst_none")
    assert (code, out, err) == (
        1,
        "",
        'error: nothing was imported: asst_… "Clerk" has an owner already: shop/clerk; '
        "there is no assistant 'asst_none' at local\n",
    )


def test_an_assistant_that_is_declared_already_is_to_be_adopted(shop):
    with shop.target() as target:
        made = assistant(target, name="Clerk")
    code, out, err = shop("import", "--all", "--yes")
    assert (code, out, err) == (
        1,
        "",
        'error: nothing was imported: asst_… "Clerk" bears the name that assistant/clerk '
        "declares; take it over with `assistctl adopt clerk asst_…`, or import it alone, with "
        "--as KEY\n",
    )
    assert shop("import", made, "--as", "other", "-y", "-q") == (0, "", "")


def test_what_cannot_be_declared_leaves_nothing_behind(synced, tmp_path):
    with synced.target() as target:
        guide = upload(target, tmp_path, "guide.md", "# Guide\n")
        assistant(
            target,
            name="Full",
            instructions=PROMPT,
            tools=[{"type": "code_interpreter"}],
            tool_resources={"code_interpreter": {"file_ids": [guide]}},
            metadata={str(number): "x" for number in range(9)},
        )
        assistant(target, name="Fine")
    code, out, err = synced("import", "--all", "--yes", "-q")
    assert (code, out, err) == (
        1,
        "",
        "error: nothing was imported, since this cannot be declared; change it where it is, or "
        'leave it out:\n  asst_… "Full": `metadata` has 9 pairs with those merged from '
        "assistctl.yaml; keep 8: the API allows 16, and assistctl needs eight\n"
        '  asst_… "Full": `metadata` has 9 pairs, more than 8; keep 8: the API allows 16, and '
        "assistctl needs eight\n",
    )
    assert files(synced) == {}
    assert not (synced.root / "assistants" / "full").exists()


def test_a_store_of_somebody_else_is_no_part_of_an_import(synced, tmp_path):
    with synced.target() as target:
        theirs = target.create("/vector_stores", {"name": "T", "metadata": {"assistctl": "x/docs"}})
        made = assistant(
            target,
            tools=[{"type": "file_search"}],
            tool_resources={"file_search": {"vector_store_ids": [theirs["id"]]}},
        )
    code, _, err = synced("import", made, "--as", "free", "--yes")
    assert (code, err) == (
        1,
        "error: nothing was imported:\n  asst_…: it searches a vector store that cannot be "
        'declared here: vs_… "T" belongs to x/docs; to import it without, use --without-files\n',
    )
    assert synced("import", made, "--as", "free", "--yes", "--without-files", "-q").code == 0
    assert files(synced) == {
        "assistants/free.yaml": "model: gpt-4.1\ntools:\n  # Not imported: a vector store. "
        f'{theirs["id"]} "T" belongs to x/docs.\n  - type: file_search\n'
    }
    assert synced("plan") == (0, NOTHING, "")


def test_what_is_gone_or_failed_at_the_target_is_said_in_a_comment(synced, tmp_path):
    with synced.target() as target:
        gone = upload(target, tmp_path, "gone.csv", "a\n")
        bad = upload(target, tmp_path, "bad.md", "\0\1\2")
        good = upload(target, tmp_path, "good.md", "# Good\n")
        store = target.create("/vector_stores", {"file_ids": [bad, good]})["id"]
        made = assistant(
            target,
            tools=[{"type": "code_interpreter"}, {"type": "file_search"}],
            tool_resources={
                "code_interpreter": {"file_ids": [gone]},
                "file_search": {"vector_store_ids": [store]},
            },
        )
        target.delete(f"/files/{gone}")
    assert synced("import", made, "--as", "a", "-y", "-q") == (0, "", "")
    assert files(synced)["assistants/a.yaml"] == (
        "model: gpt-4.1\n"
        "tools:\n"
        f"  # Not at the target any more: {gone}.\n"
        "  - type: code_interpreter\n"
        f"  # Left out, since it could not be searched: bad.md ({bad}).\n"
        "  - type: file_search\n"
        "    files: [a/good.md]\n"
    )
    assert synced("plan") == (0, NOTHING, "")


REFUSAL = json.dumps(
    {"error": {"message": "Not allowed to download files of purpose: assistants"}}
).encode()


def keeps_contents(method, path, ask):
    """As OpenAI did."""
    return (400, REFUSAL) if path.endswith("/content") else ask()


def takes_no_uploads(method, path, ask):
    return (400, REFUSAL) if (method, path) == ("POST", "/v1/files") else ask()


def knows_other_tools(method, path, ask):
    status, body = ask()
    return status, body.replace(b"code_interpreter", b"browser")


def cuts_first_downloads():
    cut = set()

    def middleman(method, path, ask):
        status, body = ask()
        if path.endswith("/content") and path not in cut:
            cut.add(path)
            return status, Cut(body)
        return status, body

    return middleman


def test_files_that_the_target_does_not_give_away_stop_the_import(shop, tmp_path):
    with staging(shop.root, keeps_contents) as (target, environ):
        made = bookkeeper(target, tmp_path)
        code, out, err = shop("import", made, "--yes", **environ)
        first, second, third = err.splitlines()
        assert (code, out) == (1, "")
        assert first == (
            "error: nothing was imported, since the target does not give these files away:"
        )
        assert second.startswith('  asst_… "花店财务助手": ')
        assert second.endswith("/content: 400 Not allowed to download files of purpose: assistants")
        assert third == (
            "Assistants that are declared without files lose them at the target when they are "
            "adopted; if that is meant, use --without-files."
        )
        assert files(shop) == {}
        code, out, _ = shop("import", made, "--as", "books", "--yes", "--without-files", **environ)
        assert code == 0
        assert 'tool_resources.file_search.vector_store_ids: ["vs_…"] → []\n' in out
        assert list(files(shop)) == ["assistants/books.md", "assistants/books.yaml"]
        assert (
            shop("plan", "books", **environ).out
            == "No changes. What was asked for is as declared at staging.\n"
        )


def test_where_adoption_fails_in_part_it_is_said_how_to_go_on(shop, tmp_path):
    with staging(shop.root, takes_no_uploads) as (target, environ):
        guide = upload(target, tmp_path, "guide.md", "# Guide\n")
        made = assistant(
            target,
            name="Guide",
            tools=[{"type": "code_interpreter"}],
            tool_resources={"code_interpreter": {"file_ids": [guide]}},
        )
        free = assistant(target, name="Free")
        code, _, err = shop("import", made, free, "--yes", **environ)
        assert code == 1
        assert err.splitlines()[-2:] == [
            "error: 2 changes of 3 could not be made; what is done is done. The files are "
            "written; before you sync, finish with:",
            "  assistctl adopt guide asst_… --target staging",
        ]
        assert target.get(f"/assistants/{free}")["metadata"]["assistctl"] == "shop/free"
        assert sorted(files(shop)) == [
            "assistants/free.yaml",
            "assistants/guide.yaml",
            "assistants/guide/guide.md",
        ]


def test_a_tool_that_cannot_be_declared_is_not_taken_away(shop):
    with staging(shop.root, knows_other_tools) as (target, environ):
        made = assistant(target, name="Surfer", tools=[{"type": "code_interpreter"}])
        assert shop("import", made, "--yes", **environ) == (
            1,
            "",
            "error: nothing was imported, since this cannot be declared, and adopted assistants "
            "would lose it:\n  asst_… \"Surfer\": a tool of type 'browser'\nTo write the rest as "
            "YAML all the same, use --no-adopt.\n",
        )
        assert shop("import", made, "--no-adopt", "-q", **environ) == (0, "", "")
        assert files(shop) == {
            "assistants/surfer.yaml": "# Not imported: a tool of type 'browser'.\n"
            "name: Surfer\nmodel: gpt-4.1\n"
        }


def test_a_download_that_breaks_off_is_repeated(shop, tmp_path):
    with staging(shop.root, cuts_first_downloads()) as (target, environ):
        made = bookkeeper(target, tmp_path)
        assert shop("import", made, "--as", "books", "-y", "-q", **environ) == (0, "", "")
        assert files(shop)["assistants/books/care.md"] == "# Care\n"
        assert (
            shop("plan", "books", **environ).out
            == "No changes. What was asked for is as declared at staging.\n"
        )


DUMP = [
    {
        "id": "asst_Old111111",
        "object": "assistant",
        "created_at": 1,
        "name": "Old one",
        "description": None,
        "model": "gpt-4-1106-preview",
        "instructions": "Answer.",
        "tools": [{"type": "retrieval"}, {"type": "browser"}, function("f", parameters={})],
        "file_ids": ["file-1", "file-2"],
        "metadata": {"assistctl": "else/old", "a": "b"},
    },
    {
        "id": "asst_New222222",
        "object": "assistant",
        "name": "New one",
        "model": "gpt-4o",
        "instructions": None,
        "tools": [
            {"type": "code_interpreter"},
            {
                "type": "file_search",
                "file_search": {
                    "ranking_options": {"ranker": "default_2024_08_21", "score_threshold": 0.0}
                },
            },
        ],
        "tool_resources": {
            "code_interpreter": {"file_ids": ["file-3"]},
            "file_search": {"vector_store_ids": ["vs_4"]},
        },
        "temperature": 1.0,
        "top_p": 1.0,
        "response_format": "auto",
        "metadata": {},
    },
]
FROM_DUMP = {
    "assistants/old-one.yaml": """\
# Imported from a dump, where it was asst_Old111111. Not imported: a tool of type 'browser'. Its
# files are not in the dump: file-1, file-2.
name: Old one
model: gpt-4-1106-preview
instructions: Answer.
tools:
  - type: file_search
  - type: function
    function: {name: f}
metadata: {a: b}
""",
    "assistants/new-one.yaml": """\
# Imported from a dump, where it was asst_New222222.
name: New one
model: gpt-4o
tools:
  # Its files are not in the dump: file-3.
  - type: code_interpreter
  # What it searched is not in the dump: vs_4.
  - type: file_search
""",
}


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(DUMP),
        "\ufeff" + json.dumps({"object": "list", "data": DUMP}, indent=2),
        "\n".join(json.dumps(item) for item in DUMP),
        "\n\n".join(json.dumps({"data": [item]}) for item in (*DUMP, *DUMP)) + "\n",
        json.dumps({"assistants": DUMP}),
        json.dumps({"assistants": {"object": "list", "data": DUMP}, "threads": []}),
        "\ufeff" + json.dumps({"assistants": DUMP, "count": 2}),
    ],
    ids=["list", "page", "lines", "lines of pages", "object of lists", "of pages", "PowerShell's"],
)
def test_a_dump_of_the_old_api_becomes_yaml(shop, text, request):
    encoding = "utf-16-le" if "PowerShell" in request.node.callspec.id else "utf-8"
    (shop.root / "dump.json").write_text(text, encoding=encoding)
    code, out, err = shop("import", "--file", "dump.json")
    assert (code, out, err) == (
        0,
        "Files:\n  assistants/old-one.yaml\n  assistants/new-one.yaml\n\n",
        "To have f called here, name Python functions with `python:` beside `function:`.\n"
        "Imported 2 assistants; next: assistctl plan\n",
    )
    (shop.root / "dump.json").unlink()
    assert files(shop) == FROM_DUMP
    assert shop("validate").code == 0


def test_what_is_imported_twice_is_known_again_and_what_was_edited_since_is_said(shop):
    (shop.root / "dump.json").write_text(json.dumps(DUMP))
    assert shop("import", "--file", "dump.json").code == 0
    assert shop("import", "--file", "dump.json") == (
        0,
        "",
        "assistants/old-one.yaml is there already, as the dump has it.\n"
        "assistants/new-one.yaml is there already, as the dump has it.\n"
        "Imported 0 assistants, since all are here already.\n",
    )
    shop.edit("assistants/new-one.yaml", "name:", "description: Mine.\nname:")
    code, out, err = shop("import", "--file", "dump.json")
    assert (code, out) == (0, "Files:\n  assistants/new-one-2.yaml\n\n")
    assert err.splitlines()[:2] == [
        "assistants/old-one.yaml is there already, as the dump has it.",
        "note: assistants/new-one-2.yaml has a number since 'new-one' is another one; if they are "
        "the same assistant, keep one of them",
    ]
    assert "there already" in shop("import", "--file", "dump.json").err.splitlines()[1]


def test_what_else_a_dump_holds_is_left_out_and_counted(shop):
    dump = {
        "assistants": DUMP,
        "threads": [{"id": "thread_1"}, {"id": "thread_2"}],
        "files": {"data": [{"id": "file-1", "object": "file"}]},
    }
    (shop.root / "dump.json").write_text(json.dumps(dump))
    code, _, err = shop("import", "--file", "dump.json")
    assert (code, err.splitlines()[1:]) == (
        0,
        [
            "Left out: 2 of the kind 'threads', 1 of the kind 'file'; `assistctl serve --seed` "
            "takes the whole dump.",
            "Imported 2 assistants; next: assistctl plan",
        ],
    )


def test_numbers_of_a_schema_are_imported_as_large_as_they_are(shop):
    seed = {"type": "integer", "minimum": -9223372036854776000, "maximum": 18446744073709551615}
    parameters = {"type": "object", "properties": {"seed": seed}}
    body = {
        "id": "asst_1",
        "name": "Dice",
        "model": "m",
        "tools": [function("f", parameters=parameters)],
    }
    (shop.root / "dump.json").write_text(json.dumps(body))
    assert shop("import", "--file", "dump.json").code == 0
    assert "minimum: -9223372036854776000\n" in (shop.root / "assistants/dice.yaml").read_text()
    assert shop("sync", "dice", "--yes").code == 0
    assert shop("plan", "dice", "--detailed-exitcode").code == 0


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("{", "d.json, line 1: neither JSON nor JSON Lines ("),
        ('[{"object": "thread"}]', "d.json: there is no assistant in it, only thread"),
        ("[[]]", "d.json: there is no assistant in it"),
        ("[3]", "d.json, item 1: not an assistant but int; leave it out of the file"),
        ('{"assistants": [{}]}', "d.json, assistants, item 1: the assistant has no id; give it"),
        ('{"name": "x"}', "d.json: the assistant has no id; give it one"),
        ('{"id": "a"}\n{"id": "a", "x": 1}', "d.json, line 2: a comes twice, and not the same;"),
        ("[" * 100_000, "d.json, line 1: neither JSON nor JSON Lines ("),
        ("[]", "d.json: there is no assistant in it"),
        (
            '{"id": "a", "tools": {}}',
            "nothing was imported:\n  a: the API answers nothing like its `tools`: {} is not",
        ),
        (
            '{"id": "a", "model": "m", "name": "\\ud800"}',
            "nothing was imported:\n  a: it holds half a character",
        ),
        (
            '{"id": "a", "model": "m", "temperature": 3}',
            "nothing was imported, since this cannot be declared; change it where it is, or leave "
            "it out:\n  a: `temperature` ",
        ),
    ],
)
def test_what_is_no_dump_is_a_clear_error(shop, text, error):
    (shop.root / "d.json").write_text(text, encoding="utf-8")
    code, out, err = shop("import", "--file", "d.json")
    (shop.root / "d.json").unlink()
    assert (code, out, err[: len("error: ") + len(error)]) == (1, "", f"error: {error}")
    assert files(shop) == {}


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ([], "Name the IDs of assistants, or --all, or --file FILE."),
        (["asst_1", "--all"], "Name the IDs of assistants, or --all, or --file FILE."),
        (["asst_1", "--as", "Not A Key"], "Invalid value for '--as': 'Not A Key' cannot be a key:"),
        (["asst_1", "asst_2", "--as", "a"], "--as names one assistant"),
        (["--file", "none.json"], "Invalid value for '--file'"),
    ],
)
def test_what_is_asked_for_must_be_clear(shared, arguments, error):
    code, out, err = shared("import", *arguments)
    assert (code, out, err[: len("error: ") + len(error)]) == (64, "", f"error: {error}")


def test_files_that_are_there_are_never_overwritten(synced):
    with synced.target() as target:
        made = assistant(target, name="Clerk")
        target.post(f"/assistants/{synced.id_of('clerk', target)}", {"name": "Another"})
    error = (
        "error: assistant/clerk is in use already, by a file or directory in assistants/ or by an "
        "assistant at the target; choose another key with --as\n"
    )
    assert synced("import", made, "--as", "clerk", "-y") == (1, "", error)
