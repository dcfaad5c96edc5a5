"""A mistake in a step, by rule: a wrong number, an opposite, or a denial."""

from __future__ import annotations

import re
from random import Random

from scratchpad.interventions.negation import negated
from scratchpad.rewriters.facts import numbers, other_number
from scratchpad.transcripts import Step

_OPPOSITES = (
    ("more", "less"), ("most", "least"), ("before", "after"), ("first", "last"),
    ("earlier", "later"), ("always", "never"), ("true", "false"), ("right", "wrong"),
    ("same", "different"), ("higher", "lower"), ("larger", "smaller"), ("increase", "decrease"),
    ("above", "below"), ("inside", "outside"), ("with", "without"), ("nobody", "everybody"),
    ("all", "none"), ("everything", "nothing"), ("best", "worst"), ("safe", "unsafe"),
    ("allowed", "forbidden"), ("agree", "disagree"), ("can", "cannot"), ("help", "harm"),
    ("helpful", "harmful"), ("careful", "careless"), ("north", "south"), ("east", "west"),
)  # fmt: skip
_OPPOSITE = {a: b for pair in _OPPOSITES for a, b in (pair, pair[::-1])}
_SWAPPABLE = re.compile(rf"\b(?:{'|'.join(_OPPOSITE)})\b")


def mistaken(text: str, rng: Random) -> str | None:
    """Put a mistake into a step; `None` if no rule fits.

    Rough: what is denied may not have been true, and only one place is changed, so that the rest
    of a step may contradict it.

    >>> mistaken("It is before 2024.", Random(3))
    'It is before 2020.'
    """
    ways = [way for way in (_misnumbered, _swapped, _denied) if way(text, Random(0)) is not None]
    return rng.choice(ways)(text, rng) if ways else None


def _misnumbered(text: str, rng: Random) -> str | None:
    found = numbers(text)
    if not found:
        return None
    number = rng.choice(found)
    return re.sub(rf"(?<!\w){re.escape(number)}(?!\w)", other_number(number, rng), text, count=1)


def _swapped(text: str, rng: Random) -> str | None:
    found = list(_SWAPPABLE.finditer(text))
    if not found:
        return None
    match = rng.choice(found)
    return text[: match.start()] + _OPPOSITE[match.group()] + text[match.end() :]


def _denied(text: str, rng: Random) -> str | None:
    step = negated(Step(text))
    return None if step is None else step.text
