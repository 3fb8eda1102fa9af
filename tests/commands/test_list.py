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
