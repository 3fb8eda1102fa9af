import codecs

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistctl.server.text import UnreadableFile, count_tokens, extract, heading, split

CHINESE = "花名,成本,售价\n红玫瑰,2,5\n"


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        codecs.BOM_UTF8 + CHINESE.encode(),
        CHINESE.encode("utf-16"),
        codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"),
        CHINESE.encode("gb18030"),
        CHINESE.encode("gbk").replace(b"\n", b"\r\n"),
    ],
)
def test_chinese_text_is_read_in_the_encodings_that_people_use(content: bytes) -> None:
    assert extract("prices.csv", content) == CHINESE


def test_western_text_of_windows_is_not_taken_for_chinese() -> None:
    assert extract("a.txt", "cafés crêpes naïve — €5".encode("cp1252")) == "cafés crêpes naïve — €5"


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        (b"%PDF-1.7", "unsupported_file", "Files of this type are not read: PDF."),
        (
            b"PK\x03\x04rest",
            "unsupported_file",
            "Files of this type are not read: zip archive or Office document.",
        ),
        (b"", "invalid_file", "The file holds no text."),
        (
            b"\x00\x01\x02",
            "unsupported_file",
            "The file is not text in UTF-8, UTF-16, GB18030 or Windows-1252.",
        ),
        (
            b"\xff\xfe\x00\xd8",
            "unsupported_file",
            "The file is not text in UTF-8, UTF-16, GB18030 or Windows-1252.",
        ),
    ],
)
def test_what_is_not_text_is_refused_with_the_reason(
    content: bytes, code: str, message: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        extract("file.txt", content)
    assert (caught.value.code, str(caught.value)) == (code, message)


def test_html_is_read_as_a_reader_sees_it() -> None:
    page = """<!doctype html><html><head><title>T</title><style>p {}</style></head><body>
    <h1>Roses&nbsp;&amp; tulips</h1><p>are <b>re</b>d.<br>Truly.</p>
    <table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table><script>x()</script>
    """
    assert extract("page.HTML", page.encode()) == "Roses & tulips\nare red.\nTruly.\na b\nc"


def test_json_is_searchable_however_it_is_escaped() -> None:
    assert extract("a.json", b'{"name": "\\u73ab\\u7470"}') == '{\n "name": "玫瑰"\n}'
    assert extract("a.json", b'{"broken": "\\u73ab') == '{"broken": "\\u73ab'


def test_the_column_names_head_every_chunk_of_a_table() -> None:
    assert heading("prices.csv", CHINESE) == "花名,成本,售价"
    assert heading("prices.txt", CHINESE) == ""


def test_tokens_are_estimated() -> None:
    assert count_tokens("") == 0
    assert count_tokens("红玫瑰3支") == 5
    assert count_tokens("What is the price?") == 5


def test_a_short_text_is_one_chunk() -> None:
    assert list(split("roses are red\n", 100, 50)) == ["roses are red\n"]


def test_chunks_end_at_lines_and_repeat_some_of_the_last() -> None:
    lines = [f"line number {n}\n" for n in range(12)]  # three tokens each
    assert list(split("".join(lines), 15, 6)) == [
        "".join(lines[0:5]),
        "".join(lines[3:8]),
        "".join(lines[6:11]),
        "".join(lines[9:12]),
    ]


def test_chunks_end_at_paragraphs_before_lines_and_at_sentences_before_words() -> None:
    assert list(split("a b c d e\n\nf\ng h i j", 7, 0)) == ["a b c d e\n\n", "f\ng h i j"]
    assert list(split("a b c d. e f g h", 7, 0)) == ["a b c d. ", "e f g h"]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet="ab 玫瑰。.\n", max_size=300),
    size=st.integers(4, 40),
    share=st.floats(0, 0.5),
)
def test_chunks_are_small_enough_and_lose_nothing(text: str, size: int, share: float) -> None:
    chunks = list(split(text, size, int(size * share)))
    assert all(count_tokens(chunk) <= max(size, 50) for chunk in chunks)
    position = 0
    for chunk in chunks:
        start = text.find(chunk, max(0, position - len(chunk)))
        assert start >= 0
        position = max(position, start + len(chunk))
    assert not chunks or chunks[-1] == text[len(text) - len(chunks[-1]) :]
    assert not text.strip() or chunks
