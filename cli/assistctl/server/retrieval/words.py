"""Text as words to index and to search for.

FTS5's own tokenizer takes a run of Chinese for one word. So the text that it gets has every such
run written out as its characters and its pairs of characters, and a query looks for the pairs.
"""

from __future__ import annotations

import re
import unicodedata

from assistctl.server.tokens import CJK

# These are compiled when they are first needed, which for such classes takes milliseconds.
_RUN = rf"[{CJK}]+|[^\W{CJK}]+"
_CJK = rf"[{CJK}]"
_WORD = re.compile(r"\w+(?:[.,:/@+-]\w+)*")
_MOST_TERMS = 64
_COMMON_WORDS = """
    a about an and any are as at be by can could did do does for from had has have how i if in is
    it its me my of on or our please s t that the their there these this those to was we were
    what when where which who why will with would you your
"""
_COMMON = frozenset(_COMMON_WORDS.split())
_POLITE_WORDS = "d find give hello hi know let like ll need show tell thank thanks want"
_POLITE = frozenset(_POLITE_WORDS.split())
_COMMON_CHINESE = re.compile(
    "请问|什么|多少|怎么|如何|哪些|哪个|为什么|一下|可以|我们|你们|他们|的|了|吗|呢|是|和|与"
)


def index_words(text: str) -> str:
    """The text as the index gets it: words divided by spaces."""
    return " ".join(word for run in _runs(text) for word in _index_words_of(run))


def query_words(text: str) -> list[str]:
    """The distinct words that a query looks for, in its order; common ones only if alone."""
    telling = [run for run in _runs(_COMMON_CHINESE.sub(" ", text)) if run not in _COMMON]
    runs = telling or _runs(text)
    return list(dict.fromkeys(word for run in runs for word in _query_words_of(run)))[:_MOST_TERMS]


def essence(query: str) -> str:
    """The query without what only makes it a polite question; as it is if nothing else is left."""
    text = _COMMON_CHINESE.sub(" ", unicodedata.normalize("NFKC", query))
    kept = [run for run in _WORD.findall(text) if run.lower() not in _COMMON | _POLITE]
    return " ".join(kept) or query.strip()


def _runs(text: str) -> list[str]:
    """Runs of one kind of writing; full-width letters and digits are their plain selves."""
    return re.findall(_RUN, unicodedata.normalize("NFKC", text).lower())


def _index_words_of(run: str) -> list[str]:
    return [*run, *_pairs(run)] if re.match(_CJK, run) else [run]


def _query_words_of(run: str) -> list[str]:
    return _pairs(run) if len(run) > 1 and re.match(_CJK, run) else [run]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]
