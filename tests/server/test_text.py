import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assistctl.server.retrieval.text import Context, Piece, Text, cut, headings, passages
from assistctl.server.tokens import count_tokens


def split(text: str, size: int, overlap: int) -> list[str]:
    return [piece.text for piece in cut(Text(text), size, overlap)]


def test_tokens_are_estimated() -> None:
    assert count_tokens("") == 0
    assert count_tokens("红玫瑰3支") == 5
    assert count_tokens("What is the price?") == 5
    assert count_tokens("A" * 6_000) == 1_000


def test_a_short_text_is_one_piece() -> None:
    assert list(cut(Text("roses are red\n"), 100, 50)) == [Piece("roses are red\n")]
    assert list(cut(Text(" \n "), 100, 50)) == []


def test_pieces_end_at_lines_and_repeat_some_of_the_last() -> None:
    lines = [f"line number {n}\n" for n in range(12)]  # three tokens each
    pieces = list(cut(Text("".join(lines)), 15, 6))
    assert [piece.text for piece in pieces] == [
        "".join(lines[0:5]),
        "".join(lines[3:8]),
        "".join(lines[6:11]),
        "".join(lines[9:12]),
    ]
    assert "".join(piece.text[piece.new_from :] for piece in pieces) == "".join(lines)


def test_pieces_end_at_paragraphs_before_lines_and_at_sentences_before_words() -> None:
    assert split("a b c d e\n\nf\ng h i j", 7, 0) == ["a b c d e\n\n", "f\ng h i j"]
    assert split("a b c d. e f g h", 7, 0) == ["a b c d. ", "e f g h"]


def test_a_piece_begins_with_the_whole_of_its_line() -> None:
    assert split("if a:\n    b c d\n    e f g\n", 4, 0) == ["if a:\n", "    b c d\n", "    e f g\n"]


def test_pieces_end_before_a_heading() -> None:
    text = "a b c d e f\n# H\ng h i\nj"
    assert [piece.text for piece in cut(Text(text, headings(text)), 9, 0)] == [
        "a b c d e f\n",
        "# H\ng h i\nj",
    ]


def test_a_piece_begins_with_the_headings_that_it_stands_below() -> None:
    text = "# A\n" + "a " * 6 + "\n## B\n" + "b " * 12 + "\n# C\n" + "c " * 12
    assert [piece.text for piece in cut(Text(text, headings(text)), 12, 0)] == [
        "# A\na a a a a a \n",
        "# A\n## B\nb b b b b b b ",
        "# A\n## B\nb b b b b \n",
        "# C\nc c c c c c c c c c ",
        "# C\nc c ",
    ]


def test_what_leads_a_piece_fills_half_of_it_at_most() -> None:
    names = ",".join(f"name{n}" for n in range(20))
    text = Text(f"{names}\n" + "1,2,3\n" * 20, [Context(names, len(names), 10_000)])
    pieces = [piece.text for piece in cut(text, 20, 0)]
    assert all(count_tokens(piece) <= 20 for piece in pieces)
    assert pieces[-1] == "name0,name1,name2,name3,name4,\n1,2,3\n1,2,3\n"


def test_of_too_many_headings_the_inner_ones_stay() -> None:
    text = "# outer one\n## middle\n### inner\n" + "a " * 40
    pieces = [piece.text for piece in cut(Text(text, headings(text)), 14, 0)]
    assert pieces[1].startswith("## middle\n### inner\na a a")


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_what_stands_in_code_is_no_heading(fence: str) -> None:
    text = f"# A\n{fence}sh\n# comment\n{fence}\n#no\n    # B\n####### C\n## D\n"
    assert [context.line for context in headings(text)] == ["# A", "## D"]
    assert [context.line for context in headings(f"{fence}\n# never closed")] == []


def test_passages_are_what_is_new_in_a_piece_below_its_headings() -> None:
    piece = Piece("# A\n" + "old " * 6 + "\n" + "new " * 10, len("# A\n" + "old " * 6) + 1)
    assert list(passages(piece, 8)) == ["# A\nnew new new new new new ", "# A\nnew new new new "]
    assert list(passages(Piece("a b c"), 8)) == ["a b c"]


@settings(max_examples=60)
@given(
    text=st.text(alphabet="ab 玫瑰。.#\n", max_size=300),
    size=st.integers(4, 40),
    share=st.floats(0, 0.5),
)
def test_pieces_are_small_enough_and_lose_nothing(text: str, size: int, share: float) -> None:
    pieces = list(cut(Text(text, headings(text)), size, int(size * share)))
    assert all(count_tokens(piece.text) <= max(size, 50) for piece in pieces)
    assert "".join(piece.text[piece.new_from :] for piece in pieces) == (
        text if text.strip() else ""
    )
