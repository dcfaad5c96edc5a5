"""The facts that a step states, and others in their place: numbers, quoted words, names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from random import Random

# The number of a list item ("2. So I wait.") states nothing; digits in a word are part of a name.
_NUMBER = re.compile(r"(?<![\w.,])(?!\A\s*\(?\d{1,2}[.)]\s)\d+(?:[.,]\d+)*(?!\w)")
_COUNTS = ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven")
_COUNT = re.compile(rf"\b(?:{'|'.join(_COUNTS)})\b")
_QUOTED = re.compile(r"(?<=[\"\u201c`])[A-Za-z][\w-]*(?=[\"\u201d`])")
# Capitals at the beginning of a sentence, and of words in capitals, are no sign of a name.
_NAME = re.compile(r"(?<=[a-z,;:] )[A-Z][a-z]+\b(?!')(?: [A-Z][a-z]+\b)*")

_WORDS = ("harbour", "lantern", "walnut", "meadow", "copper", "violin")
_NAMES = ("Brannock", "Tessaly", "Morland", "Quill", "Averin", "Dorset")


def other_fact(text: str, rng: Random) -> str | None:
    """Change one fact that a step states, wherever it stands in it; `None` if it states none.

    Which kind of thing a name names is not known, so that a city may become a surname.

    >>> other_fact("The headline is from 2024.", Random(0))
    'The headline is from 2021.'
    """
    found = list(_facts(text))
    if not found:
        return None
    fact, other = rng.choice(found)
    return re.sub(rf"(?<!\w){re.escape(fact)}(?!\w)", other(fact, rng), text)


def other_number(number: str, rng: Random) -> str:
    """Change the last digit: a year stays one, and a price keeps its form."""
    return number[:-1] + str((int(number[-1]) + rng.randint(1, 9)) % 10)


def numbers(text: str) -> list[str]:
    """The numbers of a step, in digits."""
    return [match.group() for match in _NUMBER.finditer(text)]


def _facts(text: str) -> Iterator[tuple[str, Callable[[str, Random], str]]]:
    for pattern, other in (
        (_NUMBER, other_number),
        (_COUNT, _from(_COUNTS)),
        (_QUOTED, _from(_WORDS)),
        (_NAME, _from(_NAMES)),
    ):
        for match in pattern.finditer(text):
            yield match.group(), other


def _from(choices: tuple[str, ...]) -> Callable[[str, Random], str]:
    def other(fact: str, rng: Random) -> str:
        return rng.choice([choice for choice in choices if choice.casefold() != fact.casefold()])

    return other
