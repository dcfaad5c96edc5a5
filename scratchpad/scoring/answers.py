"""Which tokens of which answers are scored.

A set of defecting and a set of accepted benign answers are scored only as far as it takes to tell
them apart: each answer to its first token at which it is no longer the beginning of an answer of
the other set. Two wordings with the same scored beginning count once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from scratchpad.errors import DataError

Tokens = tuple[int, ...]


class ScoredAnswers(NamedTuple):
    """Token prefixes whose probabilities are summed; no prefix begins another of its set."""

    defect: tuple[Tokens, ...]
    benign: tuple[Tokens, ...]


def scored_answers(defect: Sequence[Tokens], benign: Sequence[Tokens]) -> ScoredAnswers:
    """Cut two sets of answers where they become disjoint.

    With no benign answers known, defecting answers are scored whole.

    Raises
    ------
    DataError
        If an answer of one set begins an answer of the other, so that no token tells them apart.

    Examples
    --------
    >>> scored_answers([(7, 1, 1)], [(7, 2), (8, 3, 3)])
    ScoredAnswers(defect=((7, 1),), benign=((8,), (7, 2)))
    """
    if not benign:
        return ScoredAnswers(_prefix_free(defect), ())
    return ScoredAnswers(
        _prefix_free([_cut(answer, benign) for answer in defect]),
        _prefix_free([_cut(answer, defect) for answer in benign]),
    )


def _cut(answer: Tokens, others: Sequence[Tokens]) -> Tokens:
    for length in range(1, len(answer) + 1):
        if not any(other[:length] == answer[:length] for other in others):
            return answer[:length]
    raise DataError(
        "A benign and a defecting answer begin alike to their end",
        "no token tells them apart",
        "Give answers of which none is the beginning of one of the other kind.",
    )


def _prefix_free(answers: Sequence[Tokens]) -> tuple[Tokens, ...]:
    kept: list[Tokens] = []
    for answer in sorted(set(answers), key=lambda tokens: (len(tokens), tokens)):
        if not any(answer[: len(shorter)] == shorter for shorter in kept):
            kept.append(answer)
    return tuple(kept)
