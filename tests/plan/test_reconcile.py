"""Whole plans, as text. What is declared and what is there are written down as values."""

from dataclasses import replace

import pytest

from assistctl.errors import AssistctlError, Place, Refused
from assistctl.plan.changes import Action, Change, Plan
from assistctl.plan.fingerprints import fingerprint
from assistctl.plan.reconcile import PlanOptions, reconcile, select
from assistctl.plan.state import UNKNOWN, Applied, Declared, Observed, Remote, Upload
from assistctl.resources import ASSISTANT, FILE, VECTOR_STORE, Address

SHOP = Address(ASSISTANT, "shop")
PRICES = Address(FILE, "assistants/prices.csv")
STORE = Address(VECTOR_STORE, "handbook")
NEW, OLD = "a" * 64, "b" * 64


def declared(*items):
    return {item.address: item for item in items}


def shop(**fields):
    return Declared(SHOP, {"model": "m", **fields}, Place("assistants/shop.yaml", 1, 1))


def prices(sha256=NEW):
    return Declared(PRICES, {"sha256": sha256, "bytes": 12})


def store(*files, **fields):
    return Declared(STORE, {"name": "handbook", **fields, "files": list(files)})


def code(*files):
    return {"code_interpreter": {"file_ids": list(files)}}


def remote(declaration, *, there=None, applied=None, uploads=(), **more):
    """An object as the last sync left it; `there` and `applied` say what is different."""
    fields = dict(declaration.fields) | (there or {})
    records = {name: Applied(fingerprint(value)) for name, value in declaration.fields.items()}
    return Remote(
        declaration.address, "id-1", fields, records | (applied or {}), tuple(uploads), **more
    )


def observed(*remotes, **more):
    return Observed({item.address: item for item in remotes}, **more)


def plan(wanted, there, **options):
    return str(reconcile("local", wanted, there, PlanOptions(**options)))


def test_everything_is_created_where_nothing_is():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)), store(PRICES))
    assert plan(wanted, Observed()) == (
        "create file/assistants/prices.csv: used by assistant/shop, vector_store/handbook\n"
        f"  sha256: None -> '{NEW}'\n"
        "  bytes: None -> 12\n"
        "create vector_store/handbook: not at the target yet\n"
        "  name: None -> 'handbook'\n"
        f"  files: None -> [{PRICES!r}]\n"
        "create assistant/shop: not at the target yet\n"
        "  model: None -> 'm'\n"
        f"  tool_resources: None -> {code(PRICES)!r}"
    )


def test_what_is_as_declared_needs_nothing():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)), store(PRICES))
    upload = Upload("file-1", PRICES, NEW[:12])
    there = observed(
        remote(wanted[SHOP], uploads=[upload]), remote(wanted[STORE], uploads=[upload])
    )
    assert plan(wanted, there) == ""


def test_a_declared_edit_names_the_field():
    before, now = shop(temperature=0.5), shop(temperature=0.7)
    assert plan(declared(now), observed(remote(before))) == (
        "update assistant/shop: the declaration changed\n  temperature: 0.5 -> 0.7"
    )


def test_a_remote_edit_is_drift():
    there = observed(remote(shop(), there={"model": "other"}))
    made = reconcile("local", declared(shop()), there)
    assert str(made) == (
        "update assistant/shop: changed at the target since the last sync\n  model: 'other' -> 'm'"
    )
    assert [change.address for change in made.drifted] == [SHOP]


def test_an_edit_on_both_sides_is_drift():
    there = observed(remote(shop(name="a"), there={"name": "b"}))
    made = reconcile("local", declared(shop(name="c")), there)
    assert str(made) == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  name: 'b' -> 'c'"
    )
    assert made.drifted


BEHIND = "as declared already, which its record at the target does not say yet"


def test_the_same_edit_on_both_sides_needs_only_to_be_recorded():
    there = observed(remote(shop(name="a"), there={"name": "b"}))
    assert plan(declared(shop(name="b")), there) == f"update assistant/shop: {BEHIND}"


def test_what_was_cleared_on_both_sides_needs_only_to_be_recorded():
    there = observed(remote(shop(name="a"), there={"name": None}))
    assert plan(declared(shop()), there) == f"update assistant/shop: {BEHIND}"


def test_what_refers_to_something_that_has_moved_needs_only_to_be_recorded():
    searched = {"file_search": {"vector_store_ids": [STORE]}}
    before = {"file_search": {"vector_store_ids": [Address(VECTOR_STORE, "book")]}}
    there = remote(
        shop(tool_resources=searched),
        applied={"tool_resources": Applied(fingerprint(before))},
    )
    wanted = declared(shop(tool_resources=searched), store())
    assert plan(wanted, observed(there, remote(store()))) == f"update assistant/shop: {BEHIND}"


def test_drift_is_left_alone_when_asked_to_keep_it():
    there = observed(remote(shop(name="a"), there={"model": "other"}))
    assert plan(declared(shop(name="b")), there, on_drift="keep") == (
        "update assistant/shop: the declaration changed\n  name: 'a' -> 'b'"
    )


def test_what_the_server_made_of_a_value_is_not_drift():
    answered = {"model": Applied(fingerprint("m"), fingerprint("m-2026"))}
    there = remote(shop(), there={"model": "m-2026"}, applied=answered)
    assert plan(declared(shop()), observed(there)) == ""


LEFT = "edited at the target since the last sync; not declared, so left alone"


def test_an_edit_of_a_field_that_was_never_declared_is_told_and_left_alone():
    there = observed(remote(shop(), there={"top_p": 0.1}))
    made = reconcile("local", declared(shop()), there)
    assert str(made) == f"left alone assistant/shop: {LEFT}\n  top_p: None -> 0.1"
    assert not made
    assert not made.drifted
    assert made.drift


def test_what_a_server_had_filled_in_where_nothing_was_declared_is_the_measure():
    answered = {"top_p": Applied(None, fingerprint(0.1))}
    there = remote(shop(), there={"top_p": 0.1}, applied=answered)
    assert plan(declared(shop()), observed(there)) == ""
    there = remote(shop(), there={"top_p": 0.2}, applied=answered)
    assert plan(declared(shop()), observed(there)) == (
        f"left alone assistant/shop: {LEFT}\n  top_p: None -> 0.2"
    )


def test_what_was_edited_before_it_is_declared_is_not_overwritten_unasked():
    there = observed(remote(shop(), there={"name": "theirs"}))
    made = reconcile("local", declared(shop(name="ours")), there)
    assert str(made) == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  name: 'theirs' -> 'ours'"
    )
    assert made.drifted


def test_an_edit_that_is_brought_into_the_yaml_where_nothing_was_declared_is_recorded():
    there = observed(remote(shop(), there={"name": "theirs"}))
    assert plan(declared(shop(name="theirs")), there) == f"update assistant/shop: {BEHIND}"


def test_without_its_record_an_object_is_not_written_unasked():
    bare = replace(remote(shop(name="a")), applied={}, recorded=False)
    made = reconcile("local", declared(shop(name="b")), observed(bare))
    assert str(made) == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  metadata.assistctl_applied: None -> 'what was applied last'\n"
        "  name: 'a' -> 'b'"
    )
    assert plan(declared(shop(name="b")), observed(bare), on_drift="keep") == ""


def test_a_file_that_somebody_added_is_drift_even_while_another_is_uploaded():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)))
    there = observed(remote(wanted[SHOP], there={"tool_resources": code("file-9")}))
    assert [str(change.address) for change in reconcile("local", wanted, there).drifted] == [
        "assistant/shop"
    ]


def test_a_field_declared_no_longer_is_cleared():
    there = observed(remote(shop(temperature=0.5)))
    assert plan(declared(shop()), there) == (
        "update assistant/shop: the declaration changed\n  temperature: 0.5 -> None"
    )


def test_removing_the_last_metadata_key_clears_it():
    there = observed(remote(shop(metadata={"team": "a"})))
    assert plan(declared(shop(metadata={})), there) == (
        "update assistant/shop: the declaration changed\n  metadata: {'team': 'a'} -> {}"
    )


def test_a_changed_byte_in_a_file_is_one_update():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)), store(PRICES))
    old = Upload("file-1", PRICES, OLD[:12])
    there = observed(remote(wanted[SHOP], uploads=[old]), remote(wanted[STORE], uploads=[old]))
    assert plan(wanted, there) == (
        "update file/assistants/prices.csv: its content changed\n"
        f"  sha256: '{OLD[:12]}' -> '{NEW[:12]}'"
    )


def test_a_file_that_another_object_has_uploaded_is_not_uploaded_again():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)), store(PRICES))
    upload = Upload("file-1", PRICES, NEW)
    there = observed(remote(shop(tool_resources=code())), remote(wanted[STORE], uploads=[upload]))
    assert plan(wanted, there) == (
        "update assistant/shop: the declaration changed\n"
        f"  tool_resources.code_interpreter.file_ids: [] -> [{PRICES!r}]"
    )


def test_a_settled_store_needs_no_upload():
    wanted = declared(prices(), store(PRICES))
    assert plan(wanted, observed(remote(wanted[STORE], settled=True))) == ""


def test_a_file_of_many_is_said_to_be_used_by_three_and_more():
    names = [Address(ASSISTANT, f"shop-{number}") for number in range(6)]
    users = [Declared(name, {"model": "m", "tool_resources": code(PRICES)}) for name in names]
    created = reconcile("local", declared(prices(), *users), Observed()).changes[0]
    assert created.cause == (
        "used by assistant/shop-0, assistant/shop-1, assistant/shop-2 and 3 more"
    )


def test_an_upload_that_vanished_is_no_drift_of_those_who_used_it():
    wanted = declared(prices(), shop(tool_resources=code(PRICES)))
    there = observed(remote(wanted[SHOP], there={"tool_resources": {}}))
    made = reconcile("local", wanted, there)
    assert str(made) == (
        "create file/assistants/prices.csv: gone from the target since the last sync; used by "
        "assistant/shop\n"
        f"  sha256: None -> '{NEW}'\n"
        "  bytes: None -> 12\n"
        "update assistant/shop: refers to file/assistants/prices.csv\n"
        f"  tool_resources: {{}} -> {code(PRICES)!r}"
    )
    assert not made.drifted


def test_an_assistant_of_the_same_name_without_an_owner_is_an_error():
    there = Observed(unmanaged={"Shop": ("asst_1",)})
    with pytest.raises(AssistctlError) as error:
        reconcile("local", declared(shop(name="Shop")), there)
    assert str(error.value) == (
        "assistants/shop.yaml:1:1: an assistant named 'Shop' is at the target already and has no "
        "owner (asst_1); take it over with `assistctl adopt shop asst_1`, or give yours another "
        "name"
    )


def test_many_strangers_of_one_name_are_one_line_for_each_assistant():
    there = Observed(unmanaged={"Shop": ("asst_4", "asst_1", "asst_3", "asst_2")})
    with pytest.raises(AssistctlError) as error:
        reconcile("local", declared(shop(name="Shop")), there)
    assert str(error.value) == (
        "assistants/shop.yaml:1:1: an assistant named 'Shop' is at the target already and has no "
        "owner (asst_1, asst_2, asst_3 and 1 more); take it over with `assistctl adopt shop "
        "asst_4`, or give yours another name"
    )


def test_a_name_taken_by_a_stranger_does_not_matter_to_an_assistant_that_exists():
    there = observed(remote(shop(name="Shop")), unmanaged={"Shop": ("asst_1",)})
    assert plan(declared(shop(name="Shop")), there) == ""


def test_an_adopted_assistant_is_changed_where_it_differs():
    stranger = Remote(SHOP, "asst_1", {"model": "m", "name": "Other"})
    assert plan(declared(shop(name="Shop")), observed(stranger), adopt=[SHOP]) == (
        "adopt assistant/shop: takes over asst_1\n  name: 'Other' -> 'Shop'"
    )


def test_undeclared_objects_are_reported_and_left_alone():
    other = Declared(Address(ASSISTANT, "old"), {"model": "m"})
    there = observed(remote(shop()), remote(other), remote(store(), settled=True))
    assert plan(declared(shop()), there) == (
        "undeclared vector_store/handbook\nundeclared assistant/old"
    )


def test_prune_deletes_undeclared_objects_and_the_files_that_only_they_used():
    upload = Upload("file-1", PRICES, NEW)
    there = observed(remote(shop()), remote(store(PRICES), uploads=[upload]))
    made = reconcile("local", declared(shop()), there, PlanOptions(prune=True))
    assert str(made) == (
        "delete vector_store/handbook: no longer declared\n"
        "delete file/assistants/prices.csv: only vector_store/handbook used it"
    )
    assert [change.id for change in made.changes] == ["id-1", "file-1"]


def test_prune_refuses_a_workspace_without_assistants():
    with pytest.raises(Refused, match="no assistant is declared"):
        reconcile("local", {}, observed(remote(shop())), PlanOptions(prune=True))


def test_a_partial_plan_leaves_the_rest_alone():
    other = Declared(Address(ASSISTANT, "other"), {"model": "m"})
    chosen = select(declared(shop(), other), [SHOP])
    there = observed(remote(Declared(Address(ASSISTANT, "old"), {})))
    assert plan(chosen, there, partial=True) == (
        "create assistant/shop: not at the target yet\n  model: None -> 'm'"
    )


def test_choosing_an_assistant_chooses_what_it_refers_to():
    search = {"file_search": {"vector_store_ids": [STORE]}}
    wanted = declared(prices(), shop(tool_resources=search), store(PRICES))
    assert set(select(wanted, [SHOP])) == {SHOP, STORE, PRICES}


def test_duplicates_of_ours_are_deleted():
    second = replace(remote(shop()), id="asst_2")
    made = reconcile("local", declared(shop()), observed(remote(shop()), duplicates=(second,)))
    assert str(made) == "delete assistant/shop: a duplicate of ours"
    assert made.changes[0].id == "asst_2"


def test_an_upload_that_was_replaced_before_a_kill_is_deleted():
    upload = Upload("file-0", PRICES, "", replaced=True)
    there = observed(remote(shop()), superseded=(upload,))
    made = reconcile("local", declared(shop()), there)
    assert str(made) == (
        "delete file/assistants/prices.csv: replaced by a newer upload; nothing refers to it"
    )
    assert made.changes[0].id == "file-0"


def test_an_upload_that_is_declared_no_longer_is_deleted_only_by_prune():
    upload = Upload("file-0", PRICES, "", replaced=False)
    there = observed(remote(shop()), superseded=(upload,))
    assert plan(declared(shop()), there) == "undeclared file/assistants/prices.csv"
    assert plan(declared(shop()), there, prune=True) == (
        "delete file/assistants/prices.csv: no longer used"
    )


def test_a_field_whose_answer_was_not_noted_is_written_again_and_is_no_drift():
    there = remote(
        shop(), there={"model": "other"}, applied={"model": Applied(fingerprint("m"), UNKNOWN)}
    )
    made = reconcile("local", declared(shop()), observed(there))
    assert str(made) == ("update assistant/shop: the declaration changed\n  model: 'other' -> 'm'")
    assert not made.drifted


def test_a_record_that_was_left_open_is_closed_even_if_all_is_as_declared():
    there = remote(shop(), applied={"model": Applied(fingerprint("m"), UNKNOWN)})
    assert plan(declared(shop()), observed(there)) == (
        "update assistant/shop: as declared, but the last sync was cut off before it could note "
        "that"
    )


def test_a_field_that_was_edited_and_is_declared_no_longer_is_drift():
    there = observed(remote(shop(name="a"), there={"name": "b"}))
    made = reconcile("local", declared(shop()), there)
    assert str(made) == (
        "update assistant/shop: both the declaration and the target changed since the last sync\n"
        "  name: 'b' -> None"
    )
    assert made.drifted


def test_a_difference_that_proves_no_edit_is_no_drift():
    wanted = shop(tool_resources=code(PRICES))
    there = remote(wanted, there={"tool_resources": {}}, unsure=frozenset({"tool_resources"}))
    upload = Upload("file-1", PRICES, NEW)
    holder = remote(store(PRICES), uploads=[upload])
    made = reconcile("local", declared(prices(), wanted, store(PRICES)), observed(there, holder))
    assert not made.drifted
    assert [str(change.address) for change in made.changes] == ["assistant/shop"]


def test_a_second_copy_that_was_edited_is_left_alone_and_said():
    second = replace(remote(shop(), there={"model": "other"}), id="asst_2")
    made = reconcile("local", declared(shop()), observed(remote(shop()), duplicates=(second,)))
    assert made.changes == ()
    assert made.notes == (
        "assistant/shop is at the target twice, and asst_2 was edited there, so it is left alone; "
        "delete it, or take the metadata `assistctl` out of it",
    )


def test_the_upload_of_a_second_copy_serves_those_who_need_it_and_is_kept():
    upload = Upload("file-1", PRICES, NEW)
    copy = replace(remote(store(PRICES), uploads=[upload]), id="vs_2")
    there = observed(remote(store()), duplicates=(copy,))
    assert plan(declared(prices(), store(PRICES)), there) == (
        "update vector_store/handbook: the declaration changed\n"
        f"  files: [] -> [{PRICES!r}]\n"
        "delete vector_store/handbook: a duplicate of ours"
    )


def test_an_upload_of_a_second_copy_that_nobody_needs_goes_with_it():
    upload = Upload("file-1", PRICES, NEW)
    copy = replace(remote(store(PRICES), uploads=[upload]), id="vs_2")
    there = observed(remote(store(PRICES), settled=True), duplicates=(copy,))
    assert plan(declared(prices(), store(PRICES)), there) == (
        "delete vector_store/handbook: a duplicate of ours\n"
        "delete file/assistants/prices.csv: only vector_store/handbook used it"
    )


def test_old_content_is_replaced_even_where_the_file_is_not_used_any_more():
    old = Upload("file-1", PRICES, OLD)
    there = observed(remote(shop(tool_resources=code(PRICES)), uploads=[old]))
    made = plan(declared(prices(), shop(), store(PRICES)), there)
    assert made.startswith("update file/assistants/prices.csv: its content changed\n")


def test_what_has_moved_is_written_under_its_new_address():
    there = replace(remote(shop(name="a")), formerly=Address(ASSISTANT, "desk"))
    made = reconcile("local", declared(shop(name="b")), observed(there))
    assert str(made) == "update assistant/shop: moved from assistant/desk\n  name: 'a' -> 'b'"
    assert plan(declared(shop(name="a")), observed(there)) == (
        "update assistant/shop: moved from assistant/desk"
    )


def protected(declaration):
    fields = {**declaration.fields, "protect": True}
    return remote(Declared(declaration.address, fields))


def test_what_the_target_says_is_protected_is_not_pruned():
    old = Declared(Address(ASSISTANT, "old"), {"model": "m"})
    there = observed(remote(shop()), protected(old), remote(store(), settled=True))
    assert plan(declared(shop()), there) == (
        "undeclared vector_store/handbook\nundeclared assistant/old (protected)"
    )
    assert plan(declared(shop()), there, prune=True) == (
        "delete vector_store/handbook: no longer declared\nundeclared assistant/old (protected)"
    )


def test_what_a_protected_assistant_searches_is_not_pruned_either():
    search = {"file_search": {"vector_store_ids": [STORE]}}
    old = Declared(Address(ASSISTANT, "old"), {"model": "m", "tool_resources": search})
    upload = Upload("file-1", PRICES, NEW)
    there = observed(remote(shop()), protected(old), remote(store(PRICES), uploads=[upload]))
    assert plan(declared(shop()), there, prune=True) == (
        "undeclared vector_store/handbook (protected)\nundeclared assistant/old (protected)"
    )


def test_a_declared_assistant_that_is_protected_no_longer_is_written_so():
    assert plan(declared(shop()), observed(protected(shop()))) == (
        "update assistant/shop: the declaration changed\n  protect: True -> None"
    )


def many(count):
    names = [Declared(Address(ASSISTANT, f"a{number}"), {"model": "m"}) for number in range(count)]
    there = [replace(remote(item), id=f"asst_{item.address.name}") for item in names]
    return declared(*names), observed(*there)


@pytest.mark.parametrize(
    ("owned", "gone", "insists"), [(10, 3, False), (10, 4, True), (9, 8, False)]
)
def test_a_prune_of_more_than_thirty_percent_of_ten_is_to_be_insisted_on(owned, gone, insists):
    wanted, there = many(owned)
    kept = dict(list(wanted.items())[gone:])
    made = reconcile("local", kept, there, PlanOptions(prune=True))
    assert made.summary["delete"] == gone
    note = (
        f"--prune would delete {gone} of the {owned} assistants and vector stores that this "
        "workspace owns, which is more than 30%; sync wants --force for that"
    )
    assert made.notes == ((note,) if insists else ())


def test_what_is_written_is_there_by_its_address_although_a_copy_of_it_is_deleted():
    address = Address(ASSISTANT, "shop")
    update = Change(Action.UPDATE, address, "the declaration changed", id="asst_1")
    delete = Change(Action.DELETE, address, "a duplicate of ours", id="asst_2")
    assert Plan("local", (update, delete)).written == {address: update}
