"""Word, PowerPoint, Excel and PDF, and the traps that they can be."""

import io
import zipfile

import pytest
from docx import Document

from assistctl.server.retrieval.ingestion import archives
from assistctl.server.retrieval.ingestion.failures import UnreadableFile
from assistctl.server.retrieval.ingestion.formats import extract
from assistctl.server.retrieval.text import Text, cut
from tests.server import office_files as office


def read(content: bytes) -> Text:
    return extract("file", io.BytesIO(content))


def word_list(*levels: str) -> str:
    """A numbering that paragraphs call number 1; `levels` are formats: bullet, decimal."""
    described = "".join(
        f'<w:lvl w:ilvl="{at}"><w:numFmt w:val="{level}"/></w:lvl>'
        for at, level in enumerate(levels)
    )
    return (
        f'<w:abstractNum w:abstractNumId="0">{described}</w:abstractNum>'
        '<w:num w:numId="1"><w:abstractNumId w:val="0"/></w:num>'
    )


def item(text: str, level: int) -> str:
    numbering = f'<w:numPr><w:ilvl w:val="{level}"/><w:numId w:val="1"/></w:numPr>'
    return office.paragraph(text, more=numbering)


def test_a_word_document_keeps_headings_lists_and_tables() -> None:
    styles = (
        '<w:style w:styleId="1"><w:name w:val="heading 1"/></w:style>'
        '<w:style w:styleId="Sub"><w:basedOn w:val="Base"/></w:style>'
        '<w:style w:styleId="Base"><w:pPr><w:outlineLvl w:val="1"/></w:pPr></w:style>'
    )
    prices = [["花名", "售价"], ["红玫瑰", "5"], ["百合", "10"]]
    compatible = 'xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"'
    body = (
        office.paragraph("价目", "1")
        + office.word_table(prices)
        + office.paragraph("Rules", "Sub")
        + item("No & no", 0)
        + "<w:p><w:r><w:t>a</w:t><w:tab/><w:t>b</w:t><w:br/><w:t>c</w:t>"
        + "<w:delText>gone</w:delText></w:r></w:p>"
        + f"<w:p><w:r><w:t>box: </w:t><mc:AlternateContent {compatible}><mc:Choice>"
        + f"<w:drawing><w:txbxContent>{office.paragraph('once')}</w:txbxContent></w:drawing>"
        + f"</mc:Choice><mc:Fallback>{office.paragraph('twice')}</mc:Fallback>"
        + "</mc:AlternateContent></w:r></w:p>"
    )
    text = read(office.docx(body, styles=styles, numbering=word_list("bullet")))
    assert text.value == (
        "# 价目\n花名 | 售价\n红玫瑰 | 5\n百合 | 10\n\n## Rules\n- No & no\na\tb\nc\nbox:\nonce"
    )
    assert [context.line for context in text.contexts] == ["# 价目", "花名 | 售价", "## Rules"]


def test_word_numbers_its_notes_and_they_stand_below_the_text() -> None:
    body = (
        '<w:p><w:r><w:t>Sale</w:t></w:r><w:r><w:footnoteReference w:id="4"/></w:r>'
        '<w:r><w:t> ends.</w:t><w:endnoteReference w:id="4"/></w:r></w:p>'
    )
    separator = f'<w:footnote w:type="separator" w:id="0">{office.paragraph("-")}</w:footnote>'
    foot = f'<w:footnote w:id="4">{office.paragraph("On roses.")}</w:footnote>'
    end = f'<w:endnote w:id="4">{office.paragraph("In May.")}</w:endnote>'
    assert read(office.docx(body, footnotes=separator + foot, endnotes=end)).value == (
        "Sale[1] ends.[2]\n[1] On roses.\n[2] In May."
    )


def test_lists_by_words_own_styles_and_by_hand_keep_marks_and_nesting() -> None:
    document = Document()
    document.add_heading("Fruit", 0)
    for text, style in [
        ("apples", "List Bullet"),
        ("pears", "List Bullet"),
        ("green", "List Bullet 2"),
        ("sour", "List Bullet 3"),
        ("wash", "List Number"),
        ("well", "List Number 2"),
        ("cut", "List Number"),
        ("Done.", "Normal"),
    ]:
        document.add_paragraph(text, style=style)
    saved = io.BytesIO()
    document.save(saved)
    assert read(saved.getvalue()).value == (
        "# Fruit\n- apples\n- pears\n  - green\n    - sour\n- wash\n  - well\n- cut\nDone."
    )
    by_hand = "".join(item(f"level {level}", level) for level in (0, 1, 4, 7, 0))
    assert read(office.docx(by_hand, numbering=word_list("decimal", *["bullet"] * 4))).value == (
        "- level 0\n  - level 1\n        - level 4\n        - level 7\n- level 0"
    )


def test_a_style_based_on_one_with_a_numbering_makes_items_too() -> None:
    styles = (
        '<w:style w:styleId="Base"><w:pPr><w:numPr><w:numId w:val="1"/></w:numPr></w:pPr></w:style>'
        '<w:style w:styleId="Sub"><w:basedOn w:val="Base"/></w:style>'
    )
    body = office.paragraph("apples", "Sub") + office.paragraph("pears", "Sub")
    text = read(office.docx(body, styles=styles, numbering=word_list("bullet")))
    assert text.value == "- apples\n- pears"


def test_merged_cells_leave_each_value_below_its_name() -> None:
    document = Document()
    table = document.add_table(rows=3, cols=3)
    for row, texts in zip(table.rows, ["abc", "123", "456"], strict=True):
        for cell, text in zip(row.cells, texts, strict=True):
            cell.text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    table.cell(1, 1).merge(table.cell(1, 2))
    saved = io.BytesIO()
    document.save(saved)
    assert read(saved.getvalue()).value == "a | b | c\n1 4 | 2 3\n | 5 | 6"


def test_text_is_read_wherever_word_keeps_it_and_deleted_text_is_not() -> None:
    math = 'xmlns:m="http://schemas.openxmlformats.org/officeDocument/2006/math"'
    run = "<w:r><w:t>{}</w:t></w:r>".format
    body = "".join(
        f"<w:p>{content}</w:p>"
        for content in (
            f'<w:fldSimple w:instr="SEQ Table">{run("Table 3")}</w:fldSimple>',
            f"<w:r><w:ruby><w:rt>{run('はな')}</w:rt><w:rubyBase>{run('花')}</w:rubyBase>"
            "</w:ruby></w:r>",
            f"<m:oMath {math}><m:r><m:t>E=mc²</m:t></m:r></m:oMath>",
            f'<w:bdo w:val="rtl">{run("ورد")}</w:bdo>',
            f'<w:sdt><w:sdtContent><w:hyperlink w:anchor="x">{run("a link")}</w:hyperlink>'
            "</w:sdtContent></w:sdt>",
            f"<w:del>{run('gone')}</w:del><w:ins>{run('new')}</w:ins>"
            f"<w:moveFrom>{run('gone')}</w:moveFrom>",
        )
    )
    assert read(office.docx(body)).value == "Table 3\n花\nE=mc²\nورد\na link\nnew"


def test_pictures_links_and_notes_that_a_word_document_lacks_are_left_out() -> None:
    related = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
    picture = f'<w:drawing><blip {related} r:embed="no" r:link="no"/></w:drawing>'
    link = f'<w:hyperlink {related} r:id="no"><w:r><w:t>here</w:t></w:r></w:hyperlink>'
    note = '<w:r><w:footnoteReference w:id="4"/></w:r>'
    assert read(office.docx(f"<w:p><w:r>{picture}</w:r>{link}{note}</w:p>")).value == "here"


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
