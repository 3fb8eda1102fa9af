from assistctl.plan.fingerprints import fingerprint
from assistctl.resources import Address

SAVE = {
    "type": "function",
    "function": {
        "name": "save_bill",
        "description": "Save.",
        "parameters": {"type": "object", "properties": {"total": {"type": "number"}}},
    },
}
SEARCH = {"type": "file_search"}


def test_empty_parts_do_not_change_a_fingerprint():
    assert fingerprint({"code_interpreter": {"file_ids": []}}) == fingerprint({})
    assert fingerprint([SAVE, SEARCH]) == fingerprint([SEARCH, SAVE])
    assert fingerprint(1) == fingerprint(1.0)


def test_what_says_nothing_has_the_fingerprint_of_its_absence():
    for nothing in (None, [], {}, {"code_interpreter": {"file_ids": []}}):
        assert fingerprint(nothing) == fingerprint(None)
    assert fingerprint("") != fingerprint(None)
    assert fingerprint(0) != fingerprint(None)


def test_a_value_has_one_fingerprint_in_whatever_order_and_type_its_parts_come():
    there = {"order": "o", "files": ("file/prices.csv",), "limit": 2.0}
    declared = {"limit": 2, "files": [Address("file", "prices.csv")], "order": "o"}
    assert fingerprint(declared) == fingerprint(there) == "4c7527d7"
    assert fingerprint({"strict": True}) != fingerprint({"strict": 1})
