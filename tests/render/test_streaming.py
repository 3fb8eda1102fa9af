"""Markdown as it streams: what is written, whatever the pieces."""

import re
from io import StringIO

import pytest

from assistctl.render.streaming import MarkdownStream

ANSWER = """\
# Prices of *roses*

We have **red roses** at `2.50 €`, snake_case, 2 * 3 = 6, [the list](https://example.com/x) \
and more [1].

- first **item** with so much text that it is longer than a line of this terminal
  - nested one
2. second

> quoted text

| flower | price |
|---|---:|
| rose | 2.50 |
| 玫瑰 | 3 |

```python
    return x ** 2  # **not bold**
```

---
我们有玫瑰花和郁金香我们有玫瑰花和郁金香我们有玫瑰花和郁金香我们有玫瑰花和郁金香。
an **unclosed thing
"""
SHOWN = """\
Prices of roses

We have red roses at 2.50 €, snake_case, 2 * 3 = 6, the list
(https://example.com/x) and more [1].

• first item with so much text that it is longer than a line
  of this terminal
  • nested one
2. second

▌ quoted text


 flower  price
 ─────────────
 rose     2.50
 玫瑰        3


```python
    return x ** 2  # **not bold**
```

────────────────────────────────────────
我们有玫瑰花和郁金香我们有玫瑰花和郁金香我们有玫瑰花和郁金香
我们有玫瑰花和郁金香。
an **unclosed thing
"""


def streamed(text, size, columns=60):
    out = StringIO()
    stream = MarkdownStream(out, lambda: columns)
    for start in range(0, len(text), size):
        stream.write(text[start : start + size])
    stream.finish()
    return out.getvalue()


def plain(shown):
    return "\n".join(line.rstrip() for line in re.sub("\x1b\\[[0-9;]*m", "", shown).split("\n"))


def test_an_answer_is_shown_with_its_lines_wrapped_between_words():
    assert plain(streamed(ANSWER, len(ANSWER))) == SHOWN


@pytest.mark.parametrize("size", [1, 2, 3, 7, 20])
def test_it_is_the_same_in_whatever_pieces_it_comes(size):
    assert streamed(ANSWER, size) == streamed(ANSWER, len(ANSWER))


def test_words_are_shown_as_soon_as_it_is_certain_how_they_look():
    out = StringIO()
    stream = MarkdownStream(out, lambda: 60)
    shown = []
    for piece in ("We", " have", " **red", " roses**", " and", " more [1]", " of", " it\n"):
        stream.write(piece)
        shown.append(plain(out.getvalue()))
    assert shown == [
        "",
        "We",
        "We have",
        "We have red roses",
        "We have red roses",
        "We have red roses and more",
        "We have red roses and more [1]",
        "We have red roses and more [1] of it\n",
    ]


def test_no_cursor_is_ever_moved_and_a_link_opens_nothing_unseen():
    assert "\x1b" not in plain(streamed(ANSWER, 3))


def test_a_window_that_becomes_narrower_in_the_middle_is_wrapped_to_what_it_is_then():
    out, columns = StringIO(), [40]
    stream = MarkdownStream(out, lambda: columns[0])
    stream.write("one two three four five six seven eight nine ")
    columns[0] = 12
    stream.write("ten eleven twelve thirteen\n")
    assert out.getvalue() == (
        "one two three four five six seven eight\nnine ten\neleven\ntwelve\nthirteen\n"
    )


def test_nothing_in_a_table_is_cut_however_narrow_the_terminal_is():
    text = "| 书 | note |\n|---|---|\n| 一个没有空格的长句子 | onewordofmanyletters |\n"
    folded = """
 书         note
 ──────────────────────
 一个没有   onewordofma
 空格的长   nyletters
 句子

"""
    assert plain(streamed(text, 100, 24)) == folded
    assert plain(streamed(text, 100, 10)) == text


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("a&#8238;b", "a\\u202eb"),
        ("a&#12;b&rlm;", "a\\x0cb\\u200f"),
        ("good&#13;evil", "goodevil"),
        ("<http://a/%1b%5b2J>", "http://a/\\x1b[2J (http://a/%1b%5b2J)"),
        ("![<http://a/%1b>](b)", "<http://a/%1b> (b)"),
    ],
)
def test_no_control_comes_back_by_another_spelling(written, shown):
    assert plain(streamed(f"{written}\n", 100)) == f"{shown}\n"
    table = streamed(f"| {written} | b |\n|---|---|\n| {written} | c |\n", 100, 120)
    assert not set(plain(table)) & set("\x1b\r\x0c\u202e\u200f")
