import pytest

from assistctl.server.retrieval.ingestion import tables
from assistctl.server.retrieval.ingestion.builder import TextBuilder, names_until
from assistctl.server.retrieval.text import cut


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("花名,成本,售价\n红玫瑰,2,5\n", "花名,成本,售价"),
        ("name;price\nrose;5\n", "name;price"),
        ("name\tprice\nrose\t5\n", "name\tprice"),
        (
            "花店价目表,,\n2026年11月,,\n花名,成本,售价\n红玫瑰,2,5\n",
            "花店价目表,,\n2026年11月,,\n花名,成本,售价",
        ),
        ("1,2,3\n4,5,6\n", "1,2,3"),
        ("Region,2024,2025\nNorth,3,4\n", "Region,2024,2025"),
        ("only one column\na\nb\n", "only one column"),
    ],
)
def test_the_names_of_the_columns_are_found(text: str, names: str) -> None:
    [context] = tables.read(text).contexts
    assert context.line == names
    assert text[context.begins : context.start] == names


def test_a_record_stays_on_one_line() -> None:
    text = 'name,note\nrose,"red\nand white"\n"tulip","a ""b"""\n'
    assert tables.read(text).value == 'name,note\nrose,red and white\ntulip,"a ""b"""\n'
    assert tables.read('a,"b"\nc,d\n').value == 'a,"b"\nc,d\n'


def test_every_piece_of_a_table_begins_with_its_column_names_and_holds_whole_rows() -> None:
    rows = [f"flower {n},{n},{n + 1}" for n in range(60)]
    pieces = list(cut(tables.read("\n".join(["name,cost,price", *rows])), 100, 20))
    assert len(pieces) > 4
    for piece in pieces:
        names, *lines = piece.text.strip().split("\n")
        assert names == "name,cost,price"
        assert set(lines) <= set(rows)


def test_a_table_in_a_document_is_understood_in_parts() -> None:
    builder = TextBuilder()
    builder.heading("Prices", 1)
    builder.table([["name", "price"], *([f"flower {n}", str(n)] for n in range(40))])
    builder.heading("Rules", 1)
    builder.paragraph("None.")
    pieces = [piece.text for piece in cut(builder.finished(), 60, 0)]
    assert len(pieces) > 2
    assert all(piece.startswith("# Prices\nname | price\nflower ") for piece in pieces)
    assert pieces[-1].endswith("flower 39 | 39\n\n# Rules\nNone.")


def test_rows_above_the_names_belong_to_them() -> None:
    assert names_until([["Prices", ""], ["", ""], ["name", "price"], ["rose", "5"]]) == 3
    assert names_until([["3", "4"], ["5", "6"]]) == 1
    assert names_until([]) == 1
