"""What is read of each kind of file, and how what cannot be read is refused."""

import codecs
import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistctl.server.retrieval.ingestion import formats
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.text import Text, cut
from tests.server import office_files as office

CHINESE = "花名,成本,售价\n红玫瑰,2,5\n"


def extract(filename: str, content: bytes) -> str:
    return read(filename, content).value


def read(filename: str, content: bytes) -> Text:
    return formats.extract(filename, io.BytesIO(content))


@pytest.mark.parametrize(
    "content",
    [
        CHINESE.encode(),
        codecs.BOM_UTF8 + CHINESE.encode(),
        CHINESE.encode("utf-16"),
        codecs.BOM_UTF16_BE + CHINESE.encode("utf-16-be"),
        CHINESE.encode("gb18030"),
        CHINESE.encode("gbk").replace(b"\n", b"\r\n"),
        CHINESE.encode("utf-16-le"),
        CHINESE.encode("utf-16-be"),
    ],
)
def test_chinese_text_is_read_in_the_encodings_that_people_use(content: bytes) -> None:
    assert extract("prices.csv", content) == CHINESE


@pytest.mark.parametrize(
    "text",
    [
        "品名,規格,價格\n玫瑰花,大盆,一百二十元\n鬱金香,小盆,五十元\n",
        "name,price\nrose 玫瑰,5\n",
        "玫瑰價目表",
        "a" * 200_000 + "收到後二十四小時內可以退貨。",
    ],
)
@pytest.mark.parametrize("encoding", ["gbk", "big5"])
def test_traditional_chinese_is_read_in_either_of_its_encodings(text: str, encoding: str) -> None:
    assert extract("a.txt", text.encode(encoding)) == text


def test_western_text_of_windows_is_not_taken_for_chinese() -> None:
    assert extract("a.txt", "cafés crêpes naïve — €5".encode("cp1252")) == "cafés crêpes naïve — €5"


def test_a_page_may_say_its_encoding() -> None:
    page = '<meta charset="big5"><p>玫瑰花的價格'.encode("big5")
    assert extract("page.html", page) == "玫瑰花的價格"
    assert extract("page.html", page.replace(b"big5", b"nonsense")) != ""


@pytest.mark.parametrize(
    ("name", "content", "code", "message"),
    [
        ("a.pdf", b"%PDF-1.7", "invalid_file", "The PDF is damaged."),
        (
            "a.docx",
            b"PK\x03\x04rest",
            "invalid_file",
            "The file is damaged: not a whole zip file.",
        ),
        (
            "a.zip",
            office.zipped({"a.txt": "a"}),
            "unsupported_file",
            "Files of this type are not read: a zip archive.",
        ),
        (
            "a.doc",
            b"\xd0\xcf\x11\xe0rest",
            "unsupported_file",
            "Files of this type are not read: an old Office document; save it as .docx or .pptx.",
        ),
        ("a.xls", b"\xd0\xcf\x11\xe0rest", "invalid_file", "The spreadsheet is damaged."),
        (
            "a.rtf",
            b"{\\rtf1 roses}",
            "unsupported_file",
            "Files of this type are not read: RTF; save it as .docx.",
        ),
        ("a.txt", b"", "invalid_file", "The file holds no text."),
        (
            "a.txt",
            b"\x00\x01\x02",
            "unsupported_file",
            "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252.",
        ),
        (
            "a.txt",
            "one, two, three".encode("utf-32-be"),
            "unsupported_file",
            "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252.",
        ),
        (
            "a.txt",
            b"\xff\xfe\x00\xd8",
            "unsupported_file",
            "The file is not text in UTF-8, UTF-16, GB18030, Big5 or Windows-1252.",
        ),
        (
            "a.pdf",
            office.pdf([[]]),
            "invalid_file",
            "The PDF holds no text; scanned pages have to be recognised (OCR) first.",
        ),
    ],
)
def test_what_holds_no_text_is_refused_with_the_reason(
    name: str, content: bytes, code: str, message: str
) -> None:
    with pytest.raises(UnreadableFile) as caught:
        extract(name, content)
    assert (caught.value.code, str(caught.value)) == (code, message)


def test_a_file_holds_at_most_the_apis_number_of_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_TOKENS", 3)
    assert extract("a.txt", "红玫瑰".encode()) == "红玫瑰"
    with pytest.raises(UnreadableFile) as caught:
        extract("a.txt", "红玫瑰花".encode())
    assert (caught.value.code, str(caught.value)) == (
        "invalid_file",
        "The file holds about 4 tokens of text; a file of a vector store may hold 3.",
    )


@pytest.mark.parametrize(
    ("name", "library", "package", "content"),
    [
        ("Word documents", "mammoth", "mammoth", office.docx(office.paragraph("a"))),
        ("PDF files", "pypdfium2", "pypdfium2", office.pdf([["a"]])),
        ("Spreadsheets", "python_calamine", "python-calamine", office.xlsx({"a": [["b"]]})),
    ],
)
def test_a_missing_library_is_named(
    name: str, library: str, package: str, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, library, None)
    with pytest.raises(UnreadableFile) as caught:
        extract("a", content)
    assert (caught.value.code, str(caught.value)) == (
        "unsupported_file",
        f"{name} cannot be read by this server, which lacks a library: pip install {package}",
    )


def test_html_is_read_as_a_reader_sees_it() -> None:
    page = """<!doctype html><html><head><title>T</title><style>p {}</style></head><body>
    <h1>Roses&nbsp;&amp; tulips</h1><p>are <b>re</b>d.<br>Truly.</p><ul><li>one<li>two</ul>
    <table><tr><th>name<th>price</tr><tr><td>a<p>x</p></td><td>1</td></tr><tr><td>c</td></tr>
    </table><h2>More</h2><pre>if x:
        y</pre><table><tr><td>only laid out</td></tr></table><script>x()</script>
    """
    text = read("page.HTML", page.encode())
    assert text.value == (
        "# Roses & tulips\nare red.\nTruly.\n- one\n- two\nname | price\na x | 1\nc\n"
        "\n## More\nif x:\n        y\nonly laid out"
    )
    assert [context.line for context in text.contexts] == [
        "# Roses & tulips",
        "name | price",
        "## More",
    ]


def test_html_lists_keep_their_nesting_and_tables_their_columns() -> None:
    page = """<ul><li><p>one</p><p>more of it</p><ol><li>a<li></ol></li><li><h3>H</h3>two</li></ul>
    <p>after</p><table><tr><th colspan="2">name<th>price</tr>
    <tr><td rowspan=2>rose<td>red<td>5<tr><td>white<td>6</table>
    """
    assert read("page.html", page.encode()).value == (
        "- one\nmore of it\n  - a\n\n### H\n- two\nafter\n"
        "name |  | price\nrose | red | 5\n | white | 6"
    )


@pytest.mark.parametrize(
    "page",
    [
        "<html><head><title>T</title></head><body><p>Roses</p></body></html>",
        "<!doctype html><head><title>T</title><style>p {}</style><body><p>Roses",
        "<!doctype html><title>T</title><p>Roses",
    ],
)
def test_html_need_not_say_where_its_head_ends(page: str) -> None:
    assert read("page.html", page.encode()).value == "Roses"


def test_tables_of_markdown_are_known() -> None:
    page = "# A\n|a|b|\n|:-|-:|\n|1|2|\n|3|4|\n\nx | y\n\na | b\n- | -\n1 | 2"
    text = read("a.md", page.encode())
    held = [(part.line, text.value[part.start : part.end]) for part in text.contexts]
    assert held == [
        ("# A", page[3:]),
        ("|a|b|", "\n|:-|-:|\n|1|2|\n|3|4|\n"),
        ("a | b", "\n- | -\n1 | 2"),
    ]
    assert [page[part.begins : part.start] for part in text.contexts] == ["# A", "|a|b|", "a | b"]


def test_sections_of_markdown_are_known() -> None:
    text = read("a.md", b"intro\n# A\na\n```\n# no\n```\n## B\nb\n# C\nc")
    held = [(part.line, text.value[part.start : part.end]) for part in text.contexts]
    assert held == [
        ("# A", "\na\n```\n# no\n```\n## B\nb\n"),
        ("## B", "\nb\n"),
        ("# C", "\nc"),
    ]


@settings(max_examples=200)
@given(
    suffix=st.sampled_from(["txt", "md", "csv", "tsv", "json", "jsonl", "html"]),
    content=st.binary(max_size=200)
    | st.text(alphabet='ab 1,;|"#-\n\t<>&{}[]:`玫\\u', max_size=200).map(str.encode),
    size=st.integers(4, 50),
)
def test_no_plain_file_breaks_the_reader(suffix: str, content: bytes, size: int) -> None:
    try:
        text = read(f"a.{suffix}", content)
    except UnreadableFile:
        return
    pieces = list(cut(text, size, size // 2))
    assert "".join(piece.text[piece.new_from :] for piece in pieces).strip() in text.value
    for context in text.contexts:
        assert text.value[context.begins : context.start] == context.line
        assert context.start <= context.end <= len(text.value) + 1
