import json
import re


def test_before_a_sync_everything_is_missing(shop):
    assert shop("list") == (
        0,
        """\
ADDRESS                     STATUS   ID
file/handbook/care.md       missing
file/assistants/prices.csv  missing
vector_store/handbook       missing
assistant/clerk             missing
assistant/greeter           missing
""",
        "",
    )


def test_each_address_stands_in_one_of_five_ways(synced):
    (synced.root / "assistants" / "greeter.yaml").rename(synced.root / "assistants" / "waiter.yaml")
    (synced.root / "assistants" / "greeter.script.yaml").unlink()
    synced.edit("assistants/prices.csv", "rose,5", "rose,6")
    with synced.target() as target:
        target.post(f"/assistants/{synced.id_of('clerk', target)}", {"name": "Somebody"})
    code, out, err = synced("list", "--format", "json")
    assert (code, err) == (0, "")
    assert json.loads(out) == [
        {"address": "file/handbook/care.md", "id": "file-…", "status": "synced"},
        {"address": "file/assistants/prices.csv", "id": None, "status": "changed"},
        {"address": "vector_store/handbook", "id": "vs_…", "status": "synced"},
        {"address": "assistant/clerk", "id": "asst_…", "status": "drifted"},
        {"address": "assistant/waiter", "id": None, "status": "missing"},
        {"address": "assistant/greeter", "id": "asst_…", "status": "undeclared"},
    ]


def test_of_few_files_the_ids_are_shown_too(shared):
    code, out, _ = shared("list")
    assert (code, re.findall(r"^file/\S+ +synced +(file-…)?$", out, re.MULTILINE)) == (
        0,
        ["file-…"] * 2,
    )


def test_of_files_that_are_named_the_ids_are_shown_however_many_there_are(shop):
    for store, names in (("handbook", "abc"), ("leaflets", "defg")):
        (shop.root / store).mkdir(exist_ok=True)
        for name in names:
            (shop.root / store / f"{name}.md").write_text(f"About {name}.\n")
    assert shop("sync", "--yes").code == 0
    shop.edit(
        "assistctl.yaml", "  handbook:", '  leaflets: {files: ["leaflets/*.md"]}\n  handbook:'
    )
    assert re.findall(r"^(file/\S+) +(\S+) *(file-…)?$", shop("list").out, re.MULTILINE) == [
        *((f"file/leaflets/{name}.md", "missing", "") for name in "defg"),
        *((f"file/handbook/{name}.md", "synced", "file-…") for name in ("a", "b", "c", "care")),
        ("file/assistants/prices.csv", "synced", "file-…"),
    ]


def test_how_a_file_stands_does_not_depend_on_the_format(synced):
    with synced.target() as target:
        store = synced.id_of("handbook", target, "/vector_stores")
        (file,) = target.list(f"/vector_stores/{store}/files")
        target.post(f"/vector_stores/{store}/files/{file['id']}", {"attributes": {"a": "b"}})
    assert "file/handbook/care.md" in synced("plan", "--deep").out
    rows = json.loads(synced("list", "--format", "json").out)
    table = [f"{it['address']} {it['status']} {it['id'] or ''}".rstrip() for it in rows]
    for arguments in (["list"], ["list", "-v"]):
        lines = synced(*arguments).out.splitlines()[1:]
        assert [" ".join(line.split()) for line in lines] == table
