"""What assistants, stores, targets and workspaces are called: letters and digits of any script.

Keys are file names and words on a command line, so letters are small ones where there are two
sizes, nothing in them is invisible, and each is spelled in one way: composed (Unicode NFC).
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 63
IN_WORDS = (
    "letters (small ones) and digits of any script, - and _, beginning with a letter or digit, "
    f"at most {LONGEST} characters"
)

_LETTERS = frozenset({"Ll", "Lo", "Lm"})
_DIGITS, _MARKS = frozenset({"Nd"}), frozenset({"Mn", "Mc"})
_INVISIBLE = (
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)


def is_key(text: str) -> bool:
    """Whether assistants and vector stores may be called so."""
    return (
        0 < len(text) <= LONGEST
        and unicodedata.category(text[0]) in _LETTERS | _DIGITS
        and all(map(_may_stand_in, text))
        and composed(text) == text
    )


def composed(text: str) -> str:
    """The text as keys are compared; some systems take names apart (`u` and two dots)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def as_key(name: str) -> str:
    """What of a name can stand in a key, `-` in place of the rest; may be empty. Accents go where
    plain letters are left: `Café Zürich` is `cafe-zurich`, but `花店 FAQ` is `花店-faq`."""
    text = composed(unicodedata.normalize("NFKC", name).lower())
    apart = unicodedata.normalize("NFKD", text)
    plain = "".join(it for it in apart if unicodedata.category(it) not in _MARKS)
    if all(it.isascii() for it in plain if it.isalnum()):
        text = plain
    words = "".join(it if _may_stand_in(it) else "-" for it in text)
    cut = re.sub("-{2,}", "-", words)[:LONGEST].strip("-_")
    return cut.lstrip("".join(it for it in cut if unicodedata.category(it) in _MARKS))


def _may_stand_in(character: str) -> bool:
    if character.isascii():
        return character in "-_" or character.isdigit() or character.islower()
    category = unicodedata.category(character)
    allowed = category in _LETTERS or category in _DIGITS or category in _MARKS
    return allowed and not re.match(_INVISIBLE, character)
