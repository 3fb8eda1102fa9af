"""Word, PowerPoint, Excel and PDF, and the traps that they can be."""

import io
import zipfile

import pytest

from assistctl.server.retrieval.reading import archives
from assistctl.server.retrieval.reading.failures import UnreadableFile
from assistctl.server.retrieval.reading.formats import extract
from assistctl.server.retrieval.text import Text, cut
from tests.server import office_files as office


def read(content: bytes) -> Text:
    return extract("file", io.BytesIO(content))


def test_a_word_document_keeps_headings_lists_and_tables() -> None:
    styles = (
        '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Sub"><w:basedOn w:val="Base"/></w:style>'
        '<w:style w:styleId="Base"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    )
    prices = [["花名", "售价"], ["红玫瑰", "5"], ["百合", "10"]]
    body = (
        office.paragraph("价目", "1")
        + office.word_table(prices)
        + office.paragraph("Rules", "Sub")
        + office.paragraph("No & no", more="<w:numPr/>")
        + "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"
        + "<w:delText>gone</w:delText></w:r></w:p>"
        + "<w:p><w:r><w:t>box: </w:t><w:txbxContent>"
        + office.paragraph("once")
        + "</w:txbxContent><w:Fallback>"
        + office.paragraph("twice")
        + "</w:Fallback></w:r></w:p>"
    )
    text = read(office.docx(body, styles=styles, footnotes=office.paragraph("A note.")))
    assert text.value == (
        "# 价目\n花名 | 售价\n红玫瑰 | 5\n百合 | 10\n"
        "\n## Rules\n- No & no\na\tb\nc\nonce\nbox:\nA note."
    )
    assert [context.line for context in text.contexts] == ["# 价目", "花名 | 售价", "## Rules"]


def test_slides_come_in_their_order_with_titles_tables_and_notes() -> None:
    slides = [
        office.slide("Prices", "per stem", table=[["name", "price"], ["rose", "5"]]),
        office.slide("", "no title here"),
    ]
    assert read(office.pptx(slides, {1: "Say it slowly."})).value == (
        "# Prices\nper stem\nname | price\nrose | 5\nSay it slowly.\n\n# Slide 2\nno title here"
    )


def test_each_sheet_of_a_workbook_is_a_table_below_its_name() -> None:
    rows: list[list[str | float]] = [
        ["花名", "成本", "售价"],
        ["红玫瑰", 2.0, 5.5],
        ["百合", "", 10.0],
    ]
    text = read(office.xlsx({"价格": rows, "empty": [], "Notes": [["closed on Sunday"]]}))
    assert text.value == (
        "# 价格\n花名 | 成本 | 售价\n红玫瑰 | 2 | 5.5\n百合 |  | 10\n\n# Notes\nclosed on Sunday"
    )
    assert [context.line for context in text.contexts] == [
        "# 价格",
        "花名 | 成本 | 售价",
        "# Notes",
    ]


def test_a_long_sheet_is_found_row_by_row_with_its_names() -> None:
    rows = [[f"品种{n}", float(n), float(2 * n)] for n in range(300)]
    text = read(office.xlsx({"价格": [["花名", "成本", "售价"], *rows]}))
    pieces = [piece.text for piece in cut(text, 200, 100)]
    assert all(piece.startswith("# 价格\n花名 | 成本 | 售价\n") for piece in pieces)
    assert sum("品种250 | 250 | 500" in piece for piece in pieces) >= 1


def test_the_pages_of_a_pdf_are_read_in_any_script() -> None:
    pages = [["Price list", "红玫瑰 5元"], ["Second page"]]
    assert read(office.pdf(pages)).value == "Price list\n红玫瑰 5元\nSecond page"


def test_what_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archives, "_MOST_UNPACKED", 2**20)
    bomb = office.docx(office.paragraph("a" * 2**20))
    assert len(bomb) < 5_000
    refused(bomb, "invalid_file", "The file unpacks to more than 1 MB.")


def test_an_archive_that_lies_about_its_sizes_gains_nothing() -> None:
    content = bytearray(office.docx(office.paragraph("rose" * 1_000)))
    for signature, at in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        place = content.index(signature) + at
        content[place : place + 4] = (10).to_bytes(4, "little")
    with pytest.raises((UnreadableFile, zipfile.BadZipFile, SyntaxError)):
        read(bytes(content))


@pytest.mark.parametrize(
    "declared",
    [
        '<!DOCTYPE w [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">]>',
        '<!DOCTYPE w [<!ENTITY b SYSTEM "file:///etc/passwd">]>',
        '<!DOCTYPE w SYSTEM "http://127.0.0.1:9/x.dtd">',
    ],
)
def test_entities_are_not_expanded(declared: str) -> None:
    bomb = office.zipped({"word/document.xml": f"{declared}<w>&b;</w>"})
    refused(bomb, "invalid_file", "The file declares XML entities, which are not read.")


def test_passwords_are_named_as_the_reason() -> None:
    content = bytearray(office.docx(office.paragraph("rose")))
    content[content.index(b"PK\x01\x02") + 8] |= 1
    refused(bytes(content), "invalid_file", "The file is protected by a password.")


def refused(content: bytes, code: str, message: str) -> None:
    with pytest.raises(UnreadableFile) as caught:
        read(content)
    assert (caught.value.code, str(caught.value)) == (code, message)
