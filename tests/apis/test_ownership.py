"""What our metadata says survives the way to the target and back, within the API's limits."""

from hypothesis import given, settings
from hypothesis import strategies as st

from assistctl.apis.assistants.fields import ASSISTANT_FIELDS
from assistctl.apis.managed.ownership import (
    MAX_VALUE,
    OWNER,
    TAIL,
    Record,
    decode,
    encode,
    mark,
    without_ours,
)
from assistctl.plan.state import UNKNOWN, Applied, Upload
from assistctl.resources import FILE, Address

OURS = 8
UNNAMED = Address(FILE, "?")

PAIRS = [OWNER, *(f"{OWNER}_{name}" for name in ("applied", "files", "stale", "stale2", "digest"))]

hashes = st.text("0123456789abcdef", min_size=8, max_size=8)
ids = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789", min_size=22, max_size=24).map(
    "file-{}".format
)
applied = st.dictionaries(
    st.sampled_from(ASSISTANT_FIELDS),
    st.builds(Applied, hashes, st.none() | hashes | st.just(UNKNOWN)),
)
superseded = st.lists(
    st.builds(lambda i, replaced: Upload(i, UNNAMED, "", replaced), ids, st.booleans()),
    max_size=40,
)
files = st.lists(ids, max_size=20, unique_by=lambda file_id: file_id[-TAIL:]).map(
    lambda some: {file_id: marked(number) for number, file_id in enumerate(some)}
)
records = st.builds(
    Record, st.just("ws/shop"), applied, files, superseded.map(tuple), st.none() | hashes
)


def file_id(number):
    return f"file-{number:024d}"


def marked(number):
    return mark(Address(FILE, f"assistants/{number}.csv"), f"{number:02x}" * 32)


@settings(derandomize=True, max_examples=100)
@given(records)
def test_a_record_survives_within_the_limits_of_metadata(record):
    pairs = encode(record)
    assert len(pairs) <= OURS
    assert all(len(key) <= 64 and len(value) <= MAX_VALUE for key, value in pairs.items())
    back = decode({**pairs, "team": "a"}, record.files)
    assert back == record
    assert without_ours({**pairs, "team": "a"}) == {"team": "a"}


@settings(derandomize=True, max_examples=100)
@given(st.dictionaries(st.sampled_from(PAIRS), st.text(max_size=40)))
def test_what_a_person_made_of_our_metadata_is_read_without_a_crash(pairs):
    record = decode(pairs, ["file-1"])
    assert (record is None) == ("assistctl" not in pairs)


def test_all_fields_with_answers_and_twenty_code_interpreter_files_fit():
    record = Record(
        "ws/shop",
        {name: Applied("01234567", "89abcdef") for name in ASSISTANT_FIELDS},
        {file_id(number): marked(number) for number in range(20)},
    )
    pairs = encode(record)
    assert sorted(pairs) == [
        "assistctl",
        "assistctl_applied",
        "assistctl_files",
        "assistctl_files2",
    ]
    assert decode(pairs, record.files) == record


def test_forty_stale_ids_go_on_in_further_pairs():
    uploads = tuple(Upload(file_id(n), UNNAMED, "", replaced=n % 2 == 0) for n in range(40))
    pairs = encode(Record("ws/shop", superseded=uploads))
    stale = ["assistctl_stale", "assistctl_stale2", "assistctl_stale3"]
    assert sorted(pairs) == ["assistctl", "assistctl_applied", *stale]
    back = decode(pairs)
    assert back is not None
    assert back.superseded == uploads


def test_what_is_beyond_the_last_pair_is_left_out_whole():
    uploads = tuple(Upload(file_id(n), UNNAMED, "", replaced=True) for n in range(100))
    pairs = encode(Record("ws/shop", superseded=uploads))
    assert max(map(len, pairs.values())) <= MAX_VALUE
    back = decode(pairs)
    assert back is not None
    assert back.superseded == uploads[: len(back.superseded)]
    assert len(back.superseded) == 51


def test_a_record_of_nothing_is_told_from_one_that_was_taken_away():
    pairs = encode(Record("ws/shop"))
    assert pairs == {"assistctl": "ws/shop", "assistctl_applied": "-"}
    assert decode(pairs) == Record("ws/shop")
    assert decode({"assistctl": "ws/shop"}) == Record("ws/shop", whole=False)


def test_a_record_that_we_have_not_written_is_none():
    for text in ("", "garbage", "model:01234567,garbage"):
        back = decode({"assistctl": "ws/shop", "assistctl_applied": text})
        assert back is not None
        assert not back.whole
    assert decode(encode(Record("ws/shop"))) == Record("ws/shop")


def test_what_a_server_had_where_nothing_was_declared_is_recorded():
    record = Record("ws/shop", {"top_p": Applied(None, "01234567")})
    pairs = encode(record)
    assert pairs["assistctl_applied"] == "top_p:-/01234567"
    assert decode(pairs) == record


def test_a_file_that_the_record_does_not_know_is_somebody_elses():
    pairs = encode(Record("ws/shop", files={file_id(1): marked(1)}))
    back = decode(pairs, [file_id(1), file_id(2)])
    assert back is not None
    assert back.files == {file_id(1): marked(1)}


def test_ids_with_unusual_characters_survive():
    strange = "urn:file:1"
    upload = Upload("-x-", UNNAMED, "", replaced=False)
    back = decode(
        encode(Record("ws/shop", files={strange: marked(2)}, superseded=(upload,))), [strange]
    )
    assert back is not None
    assert back.files == {strange: marked(2)}
    assert back.superseded == (upload,)


def test_an_object_without_an_owner_has_no_record():
    assert decode(None) is None
    assert decode({"team": "a"}) is None
    assert decode({"assistctl": 1}) is None


def test_an_open_field_is_told_from_one_that_was_answered():
    pairs = encode(Record("ws/shop", {"model": Applied("01234567", UNKNOWN)}))
    assert pairs["assistctl_applied"] == "model:01234567/?"
    back = decode(pairs)
    assert back is not None
    assert back.applied["model"].open
