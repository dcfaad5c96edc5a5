"""Model text is hostile data: show every character, obey none.

Escaping (done by the template engine) keeps text from becoming markup. What it leaves are
characters that act without markup: control codes, direction overrides that reorder what a reader
sees, and characters of no width that hide text. Here they become visible signs.
"""

from __future__ import annotations

import unicodedata
from typing import Final

LONGEST: Final = 4000  # characters of one piece of text that are shown

_KEPT: Final = frozenset("\n\t")
_LAID_OUT: Final = str.maketrans(dict.fromkeys(_KEPT))  # leaves out what lays text out
_CONTROL_PICTURES: Final = 0x2400  # U+2400 + code is the picture of a C0 control code
# Control, format (direction, zero width, tags), surrogate, line and paragraph separator.
_ACTING: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})


def visible(text: str) -> str:
    r"""Replace characters that act on the page by signs, and cut text no one would read.

    >>> visible("a\x1b[0m\u202eb\n")
    'a␛[0m⟨U+202E⟩b\n'
    """
    shown = text[:LONGEST]
    plain = shown.translate(_LAID_OUT)
    if not plain.isascii() or not plain.isprintable():
        shown = "".join(_sign(character) for character in shown)
    left_out = len(text) - LONGEST
    return f"{shown} [... {left_out:,} more characters]" if left_out > 0 else shown


def _sign(character: str) -> str:
    code = ord(character)
    if character in _KEPT or unicodedata.category(character) not in _ACTING:
        return character
    return chr(_CONTROL_PICTURES + code) if code < 0x20 else f"⟨U+{code:04X}⟩"
