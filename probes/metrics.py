"""AUROC and recall of scores, weighted, for many weightings at once.

Each metric takes weights of shape (draws, rows) and gives one value per draw, so that a bootstrap
is one call. Scores are compared within a stratum only (a fold of the cross-validation: the scores
of models fitted on different data share no scale, and pooling them pulls AUROC away from .5).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]


class Metric(Protocol):
    """A figure of merit of scores under weights."""

    def __call__(self, labels: Flags, scores: Floats, weights: Floats, strata: Integers) -> Floats:
        """Take labels, scores and strata of shape (n,), weights of shape (draws, n).

        Returns
        -------
        array, shape (draws,)
            NaN where the weights leave nothing to compare.
        """


class _Ranked(NamedTuple):
    """Weights of positives and negatives by distinct score, ascending within each stratum."""

    positive: Floats
    negative: Floats
    first: Integers
    stratum: Integers


def auroc(labels: Flags, scores: Floats, weights: Floats, strata: Integers) -> Floats:
    """Share of pairs (positive, negative) that the scores order rightly; a tie counts one half.

    The pairs of all strata are pooled. Larger: the scores separate the labels better; .5 is
    chance. See `Metric` for the shapes.
    """
    ranked = _rank(labels, scores, weights, strata)
    below = np.cumsum(ranked.negative, axis=1) - ranked.negative
    below -= below[:, ranked.first[ranked.stratum]]
    won = (ranked.positive * (below + ranked.negative / 2)).sum(axis=1)
    positives, negatives = (
        np.add.reduceat(counts, ranked.first, axis=1)
        for counts in (ranked.positive, ranked.negative)
    )
    return _ratio(won, (positives * negatives).sum(axis=1))


def recall_at_1_fpr(labels: Flags, scores: Floats, weights: Floats, strata: Integers) -> Floats:
    """Share of positives above the lowest threshold that at most 1 % of the negatives pass.

    The threshold is set in each stratum from its negatives (held-out benign text); with fewer
    than 100 of them it is the highest benign score. Larger: more defections are caught. See
    `Metric` for the shapes.
    """
    caught = np.zeros(len(weights))
    total = np.zeros(len(weights))
    for stratum in np.unique(strata):
        rows = strata == stratum
        inside = _rank(labels[rows], -scores[rows], weights[:, rows], strata[rows])
        false_alarms = np.cumsum(inside.negative, axis=1)
        benign = false_alarms[:, -1]
        allowed = false_alarms <= 0.01 * benign[:, None] + 1e-9
        reached = np.where(allowed, np.cumsum(inside.positive, axis=1), 0.0).max(axis=1)
        known = benign > 0
        caught += np.where(known, reached, 0.0)
        total += np.where(known, inside.positive.sum(axis=1), 0.0)
    return _ratio(caught, total)


def _rank(labels: Flags, scores: Floats, weights: Floats, strata: Integers) -> _Ranked:
    order = np.lexsort((scores, strata))
    by_score, by_stratum = scores[order], strata[order]
    fresh = np.ones(len(order), dtype=bool)
    fresh[1:] = by_stratum[1:] != by_stratum[:-1]
    opens = fresh.copy()
    fresh[1:] |= by_score[1:] != by_score[:-1]
    starts = np.flatnonzero(fresh)
    ordered, positive = weights[:, order], labels[order]
    return _Ranked(
        positive=np.add.reduceat(ordered * positive, starts, axis=1),
        negative=np.add.reduceat(ordered * ~positive, starts, axis=1),
        first=np.flatnonzero(opens[starts]),
        stratum=np.cumsum(opens[starts]) - 1,
    )


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.divide(above, below, out=np.full_like(above, np.nan), where=below > 0)
