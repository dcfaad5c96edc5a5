"""How alike two texts are, by their words."""

from __future__ import annotations

import re
from collections import Counter
from math import sqrt


def similarity(first: str, second: str) -> float:
    """Cosine of the counts of words, in [0, 1]; 0 if either text has none.

    A bag of words instead of a sentence encoder: it needs no second model, and tells "other words"
    from "other content" no better than words do.

    >>> similarity("I will help.", "i will HELP"), similarity("I will help.", "You do not.")
    (1.0, 0.0)
    """
    one, other = (Counter(re.findall(r"\w+", text.lower())) for text in (first, second))
    shared = sum(one[word] * other[word] for word in one)
    lengths = sqrt(sum(n * n for n in one.values()) * sum(n * n for n in other.values()))
    return shared / lengths if lengths else 0.0
