"""The word that somebody probably meant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from difflib import get_close_matches

_LONGEST_WORD = 100


def suggestion(word: str, known: Iterable[str], alike: float = 0.6) -> str | None:
    """The one of the known words that was probably meant, or None; `alike` is how much of the two
    must be the same, from 0 to 1."""
    if len(word) > _LONGEST_WORD:  # difflib's time grows with the square
        return None
    close = get_close_matches(word, list(known), n=1, cutoff=alike)
    return close[0] if close else None


def remedy(
    word: str,
    known: Iterable[str],
    otherwise: str,
    alike: float = 0.6,
    shown: Callable[[str], str] = repr,
) -> str:
    """What to do about a word that is not known: the probable one, else the advice given."""
    close = suggestion(word, known, alike)
    return f"did you mean {shown(close)}?" if close else otherwise
