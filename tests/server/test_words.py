import pytest

from assistctl.server.retrieval.words import essence, index_words, query_words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Red roses, 3 of them", "red roses 3 of them"),
        ("红玫瑰", "红 玫 瑰 红玫 玫瑰"),
        ("买3支save_bill", "买 3 支 save_bill"),
        ("ＡＢ１２", "ab12"),
        ("花", "花"),
        ("…", ""),
    ],
)
def test_text_is_indexed_as_words_and_chinese_as_characters_and_pairs(
    text: str, words: str
) -> None:
    assert index_words(text) == words


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("What is the price of a rose?", ["price", "rose"]),
        ("红玫瑰多少钱", ["红玫", "玫瑰", "钱"]),
        ("请问百合的售价是什么？", ["百合", "售价"]),
        ("what is it", ["what", "is", "it"]),
        ("多少", ["多少"]),
        ("rose rose ROSE", ["rose"]),
        ("花", ["花"]),
        ('" OR *', ["or"]),
        ("", []),
    ],
)
def test_a_query_looks_for_what_tells_most(query: str, words: list[str]) -> None:
    assert query_words(query) == words


@pytest.mark.parametrize(
    ("query", "left"),
    [
        ("I'd like to know the height of the main office building.", "height main office building"),
        ("What does SKU A-12.5 cost?", "SKU A-12.5 cost"),
        ("请问红玫瑰的售价是多少？", "红玫瑰 售价"),
        ("Who are you?", "Who are you?"),
        (" ？ ", "？"),
    ],
)
def test_the_essence_of_a_question_is_what_is_not_filler(query: str, left: str) -> None:
    assert essence(query) == left
