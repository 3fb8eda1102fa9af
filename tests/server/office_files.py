"""Small PDF and Office files, made by hand so that every byte is known."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

_W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
_A = 'xmlns:a="http://schemas.openxmlformats.org/drawingml/2006/main"'
_P = 'xmlns:p="http://schemas.openxmlformats.org/presentationml/2006/main"'
_S = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def paragraph(text: str, style: str = "", more: str = "") -> str:
    properties = f'<w:pPr><w:pStyle w:val="{style}"/>{more}</w:pPr>' if style or more else ""
    return f"<w:p>{properties}<w:r><w:t>{escape(text)}</w:t></w:r></w:p>"


def word_table(rows: Sequence[Sequence[str]]) -> str:
    cells = ("".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows)
    return "<w:tbl>" + "".join(f"<w:tr>{row}</w:tr>" for row in cells) + "</w:tbl>"


def docx(body: str, **more: str) -> bytes:
    """`body` is what stands within <w:body>; `more` are further parts, such as footnotes."""
    parts = {f"word/{name}.xml": f"<w:x {_W}>{content}</w:x>" for name, content in more.items()}
    document = f"<?xml version='1.0'?><w:document {_W}><w:body>{body}</w:body></w:document>"
    return zipped({"word/document.xml": document, **parts})


def slide(title: str, *paragraphs: str, table: Sequence[Sequence[str]] = ()) -> str:
    def text(words: str) -> str:
        return f"<a:p><a:r><a:t>{escape(words)}</a:t></a:r></a:p>"

    def shape(kind: str, words: str) -> str:
        placeholder = f'<p:nvSpPr><p:nvPr><p:ph type="{kind}"/></p:nvPr></p:nvSpPr>'
        return f"<p:sp>{placeholder}<p:txBody>{text(words)}</p:txBody></p:sp>"

    rows = "".join(
        "<a:tr>"
        + "".join(f"<a:tc><a:txBody>{text(cell)}</a:txBody></a:tc>" for cell in row)
        + "</a:tr>"
        for row in table
    )
    shapes = [shape("body", words) for words in paragraphs]
    shapes += [f"<p:graphicFrame><a:tbl>{rows}</a:tbl></p:graphicFrame>"] if rows else []
    shapes += [shape("title", title)] if title else []
    return f"<p:sld {_P} {_A}>{''.join(shapes)}{shape('sldNum', '7')}</p:sld>"


def pptx(slides: Sequence[str], notes: Mapping[int, str] | None = None) -> bytes:
    """Slides in this order, though stored in the opposite one; `notes` by the slide's number."""
    files = {f"ppt/slides/slide{len(slides) - at}.xml": text for at, text in enumerate(slides)}
    relations = "".join(
        f'<Relationship Id="rId{at}" Type="{_KINDS}/slide" Target="slides/{name[11:]}"/>'
        for at, name in enumerate(files)
    )
    ids = "".join(f'<p:sldId id="{256 + at}" r:id="rId{at}"/>' for at in range(len(slides)))
    order = f"<p:sldIdLst>{ids}</p:sldIdLst>"
    members = {
        "ppt/presentation.xml": f"<p:presentation {_P} {_R}>{order}</p:presentation>",
        "ppt/_rels/presentation.xml.rels": (
            f"<Relationships {_RELATIONS}>{relations}</Relationships>"
        ),
        **files,
    }
    for number, words in (notes or {}).items():
        name = list(files)[number - 1].rpartition("/")[2]
        members[f"ppt/slides/_rels/{name}.rels"] = (
            f'<Relationships {_RELATIONS}><Relationship Id="rId1" Type="{_KINDS}/notesSlide"'
            f' Target="../notesSlides/notes{number}.xml"/></Relationships>'
        )
        members[f"ppt/notesSlides/notes{number}.xml"] = slide("", words)
    return zipped(members)


def xlsx(
    sheets: Mapping[str, Sequence[Sequence[str | float]]],
    replaced: Mapping[str, str] | None = None,
) -> bytes:
    """`replaced` are members to be put in the place of others."""
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{at}" r:id="rId{at}"/>'
        for at, name in enumerate(sheets, 1)
    )
    relations = "".join(
        f'<Relationship Id="rId{at}" Type="{_KINDS}/worksheet" Target="worksheets/sheet{at}.xml"/>'
        for at in range(1, len(sheets) + 1)
    )
    members = {
        "_rels/.rels": f'<Relationships {_RELATIONS}><Relationship Id="rId1" Type="{_KINDS}/'
        'officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f"<workbook {_S} {_R}><sheets>{names}</sheets></workbook>",
        "xl/_rels/workbook.xml.rels": f"<Relationships {_RELATIONS}>{relations}</Relationships>",
    }
    for at, rows in enumerate(sheets.values(), 1):
        data = "".join(
            f'<row r="{row}">'
            + "".join(_cell(row, column, cell) for column, cell in enumerate(cells))
            + "</row>"
            for row, cells in enumerate(rows, 1)
        )
        members[f"xl/worksheets/sheet{at}.xml"] = (
            f"<worksheet {_S}><sheetData>{data}</sheetData></worksheet>"
        )
    return zipped(members | dict(replaced or {}))


def _cell(row: int, column: int, value: str | float) -> str:
    place = f'r="{chr(65 + column)}{row}"'
    if isinstance(value, str):
        return f'<c {place} t="inlineStr"><is><t>{escape(value)}</t></is></c>' if value else ""
    return f"<c {place}><v>{value}</v></c>"


def pdf(pages: Sequence[Sequence[str]]) -> bytes:
    """Pages of lines in any script, by a font that has no outlines but says what each code is."""
    used = sorted({char for page in pages for line in page for char in line})
    names = "\n".join(f"<{ord(char):04X}> <{ord(char):04X}>" for char in used)
    cmap = (
        "/CIDInit /ProcSet findresource begin 12 dict begin begincmap\n"
        "/CMapName /All def 1 begincodespacerange <0000> <FFFF> endcodespacerange\n"
        f"{len(used)} beginbfchar\n{names}\nendbfchar endcmap end end"
    )
    font = (
        "<< /Type /Font /Subtype /Type0 /BaseFont /Any /Encoding /Identity-H /ToUnicode 4 0 R"
        " /DescendantFonts [<< /Type /Font /Subtype /CIDFontType2 /BaseFont /Any /DW 1000"
        " /CIDSystemInfo << /Registry (Adobe) /Ordering (Identity) /Supplement 0 >> >>] >>"
    )
    first = 5
    kids = " ".join(f"{first + 2 * at} 0 R" for at in range(len(pages)))
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>",
        font,
        _stream(cmap),
    ]
    for at, lines in enumerate(pages):
        words = "".join(
            f"1 0 0 1 50 {780 - 20 * row} Tm <{''.join(f'{ord(c):04X}' for c in line)}> Tj\n"
            for row, line in enumerate(lines)
        )
        objects.append(
            "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 600 850]"
            f" /Resources << /Font << /F 3 0 R >> >> /Contents {first + 2 * at + 1} 0 R >>"
        )
        objects.append(_stream(f"BT /F 12 Tf\n{words}ET"))
    return _assembled(objects)


def _stream(content: str) -> str:
    return f"<< /Length {len(content)} >>\nstream\n{content}\nendstream"


def _assembled(objects: Sequence[str]) -> bytes:
    raw = b"%PDF-1.7\n"
    places = []
    for number, content in enumerate(objects, 1):
        places.append(len(raw))
        raw += f"{number} 0 obj\n{content}\nendobj\n".encode()
    table = "".join(f"{place:010} 00000 n \n" for place in places)
    return (
        raw
        + (
            f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}"
            f"trailer << /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(raw)}\n%%EOF"
        ).encode()
    )
