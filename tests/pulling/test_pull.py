"""Where a pulled value goes, and what stays as it is."""

import os
import shutil

import pytest

from assistctl.errors import AssistctlError, Refused
from assistctl.pulling import FileEdit, write

TOP = "version: 1\nworkspace: ws\ntargets:\n  local: {model: scripted}\n"
PLAIN = "# ours\nmodel: gpt-6-luna\ninstructions: Sell.  # to all\n"


def left(pull):
    return {f"{it.address} {it.path}": it.why for it in pull.left}


def in_order(shop):
    plan = shop.planned().plan
    assert (str(plan), plan.drifted) == ("", ())


@pytest.mark.parametrize("api", ["assistants", "agents"], indirect=True)
def test_settings_go_where_they_stand_and_the_next_edit_here_is_only_ours(shop):
    shop.write({"assistctl.yaml": TOP, "assistants/shop.yaml": PLAIN}).sync()
    shop.edit(instructions="Sell more.", model="gpt-6.1", name="店")
    shop.pull()
    assert shop.read("assistants/shop.yaml") == (
        "# ours\nmodel: gpt-6.1\ninstructions: Sell more.  # to all\nname: 店\n"
    )
    in_order(shop)
    shop.write({"assistants/shop.yaml": "model: gpt-6.1\ninstructions: Ours.\nname: 店\n"})
    plan = shop.planned().plan
    assert [(it.path, it.side) for change in plan.changes for it in change.fields] == [
        ("instructions", "declared")
    ]


@pytest.mark.parametrize("api", ["agents"], indirect=True)
def test_what_an_agent_calls_otherwise_goes_under_the_words_of_the_yaml(shop):
    text = (
        "model: gpt-6-luna\nreasoning_effort: low\n"
        "agents:\n  service_tier: flex  # cheap\n"
        "response_format:\n  type: json_schema\n"
        "  json_schema: {name: bill, schema: {type: object, properties: {}}}\n"
    )
    shop.write({"assistctl.yaml": TOP.replace("{model", "{api: agents, model")})
    shop.write({"assistants/shop.yaml": text}).sync()
    schema = {"type": "object", "properties": {"sum": {"type": "number"}}}
    shop.edit(
        reasoning={"effort": "high"},
        service_tier="priority",
        text={"format": {"type": "json_schema", "schema": schema}, "verbosity": "low"},
    )
    assert left(shop.pull()) == {}
    assert shop.read("assistants/shop.yaml") == (
        "model: gpt-6-luna\nreasoning_effort: high\n"
        "agents:\n  service_tier: priority  # cheap\n  text: {verbosity: low}\n"
        "response_format:\n  type: json_schema\n"
        "  json_schema: {name: bill, "
        "schema: {type: object, properties: {sum: {type: number}}}}\n"
    )
    in_order(shop)


@pytest.mark.parametrize("api", ["assistants", "agents", "responses"], indirect=True)
def test_the_settings_of_a_store_go_into_assistctl_yaml(shop, api):
    top = TOP.replace("{model", f"{{api: {api.name}, model")
    stores = (
        "vector_stores:\n  # all we know\n  handbook:\n    files: [docs/a.md]\n"
        "    expires_after: {anchor: last_active_at, days: 7}  # a week\n"
    )
    shop.write({"assistctl.yaml": top + stores, "docs/a.md": "a"}).sync()
    (store,) = (it for it in shop.client.list("/vector_stores") if it["name"] == "handbook")
    pairs = {**store["metadata"], "team": "on"}
    expiry = {"anchor": "last_active_at", "days": 9}
    shop.client.post(f"/vector_stores/{store['id']}", {"expires_after": expiry, "metadata": pairs})
    shop.pull()
    assert shop.read("assistctl.yaml") == top + stores.replace("days: 7", "days: 9") + (
        '    metadata: {team: "on"}\n'
    )
    in_order(shop)


@pytest.mark.parametrize("api", ["responses"], indirect=True)
def test_where_nothing_holds_assistants_their_name_can_be_pulled(shop):
    top = TOP.replace("{model", "{api: responses, model")
    tools = "tools:\n  - type: code_interpreter\n    files: [prices.csv]\n"
    shop.write({"assistctl.yaml": top, "assistants/prices.csv": "rose,1"})
    shop.write({"assistants/shop.yaml": f"name: Shop\nmodel: gpt-6-luna\n{tools}"}).sync()
    shop.edit(name="Theirs")
    shop.pull()
    assert shop.read("assistants/shop.yaml") == f"name: Theirs\nmodel: gpt-6-luna\n{tools}"
    in_order(shop)


def test_a_prompt_goes_into_its_file_with_the_line_ends_and_the_mark_that_this_has(shop):
    shop.write({"assistctl.yaml": TOP, "assistants/shop.md": b"\xef\xbb\xbfSell.\r\nNow.\r\n"})
    shop.write(
        {"assistants/shop.yaml": "model: gpt-6-luna\ninstructions: {file: shop.md}\n"}
    ).sync()
    shop.edit(instructions="Sell.\r\nLater: ${NOT_A_VARIABLE}\n")
    found = shop.pull()
    assert [it.path for it in found.files] == ["assistants/shop.md"]
    assert (shop.root / "assistants/shop.md").read_bytes() == (
        b"\xef\xbb\xbfSell.\r\nLater: ${NOT_A_VARIABLE}\r\n"
    )
    in_order(shop)


def test_block_scalars_windows_line_ends_and_strings_that_readers_take_for_something_else(shop):
    text = "\ufeffmodel: gpt-6-luna\nname: Shop # on the door\ninstructions: |\n"
    text += "    Sell.\n    Now.\n\n# end\n"
    shop.write({"assistctl.yaml": TOP, "assistants/shop.yaml": text.replace("\n", "\r\n")}).sync()
    shop.edit(instructions="Sell.\nLater.\n", name="1_000", description="no")
    shop.pull()
    assert shop.read("assistants/shop.yaml") == (
        '\ufeffmodel: gpt-6-luna\nname: "1_000" # on the door\ninstructions: |\n    Sell.\n'
        '    Later.\ndescription: "no"\n\n# end\n'
    ).replace("\n", "\r\n")
    in_order(shop)


def test_what_the_defaults_say_is_declared_at_the_assistant_and_others_keep_it(shop):
    top = TOP + "defaults:\n  model: gpt-6-luna\n  temperature: 0.5\n  metadata: {team: a}\n"
    shop.write({"assistctl.yaml": top, "assistants/shop.yaml": "name: Shop\n"})
    shop.write({"assistants/other.yaml": "name: Other\n"}).sync()
    pairs = {**shop.body()["metadata"], "team": "b"}
    shop.edit(model="gpt-6.1", temperature=0.9, metadata=pairs)
    shop.pull()
    assert shop.read("assistctl.yaml") == top
    assert shop.read("assistants/shop.yaml") == (
        "name: Shop\nmodel: gpt-6.1\ntemperature: 0.9\nmetadata: {team: b}\n"
    )
    in_order(shop)


def test_an_override_of_the_target_is_changed_where_it_stands(shop):
    top = TOP.replace(
        "{model: scripted}\n",
        "\n    model: scripted\n    overrides:\n      assistants:\n"
        "        shop: {temperature: 0.1}  # here only\n",
    )
    shop.write({"assistctl.yaml": top})
    shop.write({"assistants/shop.yaml": "model: gpt-6-luna\ntemperature: 0.5\n"}).sync()
    shop.edit(temperature=0.9)
    shop.pull()
    assert shop.read("assistctl.yaml") == top.replace("temperature: 0.1", "temperature: 0.9")
    assert shop.read("assistants/shop.yaml") == "model: gpt-6-luna\ntemperature: 0.5\n"
    in_order(shop)


SHARED = {
    "assistctl.yaml": TOP,
    "tools/pay.yaml": (
        "functions:\n  pay:\n    description: Pay.  # soon\n"
        "    parameters: {type: object, properties: {}}\n"
    ),
    **{
        f"assistants/{key}.yaml": (
            "model: gpt-6-luna\ntools:\n  - type: function\n    function: pay\n"
        )
        for key in ("shop", "other")
    },
}


def of_pay(**fields):
    pay = {"name": "pay", "description": "Pay.", "parameters": SCHEMA, **fields}
    return [{"type": "function", "function": pay}]


SCHEMA = {"type": "object", "properties": {}}


def test_a_function_that_others_share_is_changed_only_if_theirs_was_in_the_same_way(shop):
    shop.write(SHARED).sync()
    shop.edit("shop", tools=of_pay(description="Pay now."), temperature=0.5)
    found = shop.pull()
    assert left(found) == {
        "assistant/shop tools": "assistant/other (tools) would change with it, since both share it"
    }
    assert shop.read("tools/pay.yaml") == SHARED["tools/pay.yaml"]
    assert shop.read("assistants/shop.yaml").endswith("\ntemperature: 0.5\n")
    assert [it.field for change in shop.planned().plan.drifted for it in change.fields] == ["tools"]
    shop.edit("other", tools=of_pay(description="Pay now."))
    assert left(shop.pull()) == {}
    assert shop.read("tools/pay.yaml") == SHARED["tools/pay.yaml"].replace("Pay.", "Pay now.")
    in_order(shop)


def test_what_was_only_read_from_python_is_declared_beside_it(shop):
    shop.write({"assistctl.yaml": TOP, "tools/till.py": 'def pay(sum: int) -> str:\n    "Pay."\n'})
    text = "model: gpt-6-luna\ntools:\n  - type: function\n    python: till:pay  # ours\n"
    shop.write({"assistants/shop.yaml": text}).sync()
    tools = shop.body()["tools"]
    tools[0]["function"]["description"] = "Pay: now."
    shop.edit(tools=tools)
    shop.pull()
    assert shop.read("assistants/shop.yaml") == text + (
        '    function:\n      name: pay\n      description: "Pay: now."\n'
    )
    in_order(shop)


def test_a_file_that_an_assistant_has_no_longer_is_named_no_longer(shop):
    text = (
        "model: gpt-6-luna\ntools:\n  - type: code_interpreter\n    files:\n"
        "      - a.csv  # old\n      # new\n      - b.csv\n"
    )
    shop.write({"assistctl.yaml": TOP, "assistants/a.csv": "1", "assistants/b.csv": "2"})
    others = "model: gpt-6-luna\ntools: [{type: code_interpreter, files: [a.csv]}]\n"
    shop.write({"assistants/shop.yaml": text, "assistants/other.yaml": others}).sync()
    ids = shop.body()["tool_resources"]["code_interpreter"]["file_ids"]
    names = {file: shop.client.get(f"/files/{file}")["filename"] for file in ids}
    kept = [file for file in ids if names[file] == "b.csv"]
    shop.edit(tool_resources={"code_interpreter": {"file_ids": kept}})
    shop.pull()
    assert shop.read("assistants/shop.yaml") == text.replace("      - a.csv  # old\n", "")
    assert not shop.planned().plan.drifted


def test_variables_and_anchors_are_left_with_their_place_and_the_rest_is_pulled(shop, monkeypatch):
    monkeypatch.setenv("SHOP", "Flowers")
    text = (
        "model: gpt-6-luna\nname: ${SHOP} Ltd\ndescription: &all Sells.\ninstructions: *all\n"
        "temperature: 0.5\n"
    )
    shop.write({"assistctl.yaml": TOP, "assistants/shop.yaml": text}).sync()
    shop.edit(name="Theirs", description="Buys.", temperature=0.7)
    found = shop.pull()
    assert left(found) == {
        "assistant/shop name": "assistants/shop.yaml:2:7: a variable stands here, which would be "
        "replaced by what it is now; change the variable, or write the value in its place",
        "assistant/shop description": "assistants/shop.yaml:3:14: `&all` stands for the same at "
        "line 4, which would change with it; write it out there",
    }
    assert shop.read("assistants/shop.yaml") == text.replace("0.5", "0.7")
    shop.edit(instructions="Buy.")
    shop.pull()
    assert "\ninstructions: Buy.\n" in shop.read("assistants/shop.yaml")


def test_what_looks_like_a_key_is_never_written_into_a_file(shop):
    shop.write({"assistctl.yaml": TOP, "assistants/shop.yaml": PLAIN}).sync()
    shop.edit(instructions=f"Use sk-proj-{'a1B2' * 10}.")
    found = shop.pull()
    assert left(found) == {
        "assistant/shop instructions": "it holds what looks like a key or a password"
    }
    assert shop.read("assistants/shop.yaml") == PLAIN


def test_what_was_changed_here_is_left_alone_and_what_both_changed_is_refused(shop):
    shop.write({"assistctl.yaml": TOP, "assistants/shop.yaml": PLAIN + "name: Shop\n"}).sync()
    ours = PLAIN.replace("Sell.", "Ours.") + "name: Shop\n"
    shop.write({"assistants/shop.yaml": ours})
    shop.edit(name="Theirs")
    shop.pull()
    assert shop.read("assistants/shop.yaml") == ours.replace("name: Shop", "name: Theirs")
    (change,) = shop.planned().plan.changes
    assert [(it.path, it.side) for it in change.fields] == [("instructions", "declared")]
    shop.edit(instructions="Theirs.")
    with pytest.raises(Refused, match=r'instructions: here "Ours.", at the target "Theirs."'):
        shop.pull()
    shop.pull(theirs=True)
    assert "instructions: Theirs.  # to all\n" in shop.read("assistants/shop.yaml")
    in_order(shop)


def test_after_a_kill_between_files_or_before_the_target_noted_it_a_second_pull_heals(shop):
    shop.write({**SHARED, "assistants/other.yaml": PLAIN}).sync()
    shop.edit("shop", tools=of_pay(description="Pay now."), name="A")
    shop.edit("other", instructions="Buy.")
    found = shop.pull_plan()
    assert len(found.files) == 3
    for edits in (found.files[:1], found.files[1:2], found.files[2:]):
        write(shop.root, edits)
        assert {it.path for it in shop.pull_plan().files} <= {it.path for it in found.files}
    shop.pull()
    in_order(shop)


def test_a_file_that_changed_meanwhile_or_is_read_only_is_not_written_nor_is_any_other(shop):
    shop.write({**SHARED, "assistants/other.yaml": PLAIN}).sync()
    shop.edit("shop", name="A")
    shop.edit("other", instructions="Buy.")
    found = shop.pull_plan()
    before = shop.texts()
    shop.write({"assistants/shop.yaml": before["assistants/shop.yaml"] + "# mine\n"})
    with pytest.raises(Refused, match=r"assistants/shop.yaml has been changed since it was read"):
        write(shop.root, found.files)
    shop.write({"assistants/shop.yaml": before["assistants/shop.yaml"]})
    (shop.root / "assistants/shop.yaml").chmod(0o444)
    with pytest.raises(Refused, match=r"assistants/shop.yaml is read-only; nothing was written"):
        write(shop.root, found.files)
    assert shop.texts() == before
    assert [
        path.name for path in (shop.root / "assistants").iterdir() if path.suffix != ".yaml"
    ] == []


def test_a_symlink_stays_and_what_it_leads_to_is_written_with_its_rights(shop):
    shop.write({"assistctl.yaml": TOP, "kept/shop.yaml": PLAIN})
    (shop.root / "assistants").mkdir()
    (shop.root / "assistants/shop.yaml").symlink_to("../kept/shop.yaml")
    (shop.root / "kept/shop.yaml").chmod(0o640)
    shop.sync().edit(instructions="Buy.")
    shop.pull()
    assert (shop.root / "assistants/shop.yaml").is_symlink()
    assert shop.read("kept/shop.yaml") == PLAIN.replace("Sell.", "Buy.")
    assert (shop.root / "kept/shop.yaml").stat().st_mode & 0o777 == 0o640
    in_order(shop)


def test_what_is_written_is_read_by_nobody_who_may_not_read_the_old_and_leads_nowhere(
    tmp_path, monkeypatch
):
    """Not for the moment either in which it is there beside the old one."""
    (tmp_path / "a").write_text("old")
    (tmp_path / "a").chmod(0o600)
    (tmp_path / "elsewhere").write_text("kept")
    (tmp_path / ".a.assistctl-pull").symlink_to("elsewhere")
    modes, fsync = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda it: (modes.append(os.fstat(it).st_mode), fsync(it)))
    write(tmp_path, [FileEdit("a", b"old", b"new")])
    assert [oct(it & 0o777) for it in modes] == ["0o600"]
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600
    assert [(tmp_path / it).read_text() for it in ("a", "elsewhere")] == ["new", "kept"]


def test_where_one_file_cannot_be_replaced_those_before_it_are_put_back(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    edits = [FileEdit(name, b"old", b"new") for name in ("a", "b")]
    (tmp_path / ".b.assistctl-pull").mkdir()
    with pytest.raises(AssistctlError, match=r"Is a directory; nothing was written"):
        write(tmp_path, edits)
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["old", "old"]
    shutil.rmtree(tmp_path / ".b.assistctl-pull")
    write(tmp_path, edits)
    assert [(tmp_path / name).read_text() for name in ("a", "b")] == ["new", "new"]


def test_instructions_that_are_made_of_a_template_are_left_with_their_place(shop):
    text = "model: gpt-6-luna\ninstructions: {file: shop.md}\nvariables: {what: roses}\n"
    shop.write({"assistctl.yaml": TOP, "assistants/shop.md": "Sell {{ what }}.\n"})
    shop.write({"assistants/shop.yaml": text}).sync()
    shop.edit(instructions="Sell lilies.\n")
    assert left(shop.pull()) == {
        "assistant/shop instructions": "assistants/shop.md:1:1: the instructions are a template, in"
        " which nobody knows the place of the edit; edit it, or remove `variables`"
    }
    assert shop.read("assistants/shop.md") == "Sell {{ what }}.\n"
