from assistctl.plan.fingerprints import fingerprint

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
