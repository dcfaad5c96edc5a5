"""AUROC, recall and calibration of scores, for many weightings at once, on CPU or GPU.

Each metric takes weights of shape (draws, rows) and gives one value per draw, so that a bootstrap
is one call. Scores are compared within a stratum only (a fold of the cross-validation: the scores
of models fitted on different data share no scale, and pooling them pulls AUROC away from .5).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Integers = NDArray[np.intp]

BINS = 10
"""Bins of the calibration error."""


class Metric(Protocol):
    """A figure of merit of scores under weights."""

    def __call__(self, labels: Tensor, scores: Tensor, weights: Tensor, strata: Tensor) -> Tensor:
        """Take labels, scores and strata of shape (n,), weights of shape (draws, n).

        Returns
        -------
        Tensor, shape (draws,)
            NaN where the weights leave nothing to compare.
        """


def auroc(labels: Tensor, scores: Tensor, weights: Tensor, strata: Tensor) -> Tensor:
    """Share of pairs (positive, negative) that the scores order rightly; a tie counts one half.

    The pairs of all strata are pooled. Larger: the scores separate the labels better; .5 is
    chance. See `Metric` for the shapes.
    """
    won, pairs = torch.zeros_like(weights[:, 0]), torch.zeros_like(weights[:, 0])
    for stratum in torch.unique(strata):
        positive, negative = labels & (strata == stratum), ~labels & (strata == stratum)
        counts = weights[:, positive]
        below, upto = _below(scores[positive], scores[negative], weights[:, negative])
        won += (counts * (below + upto)).sum(dim=1) / 2
        pairs += counts.sum(dim=1) * weights[:, negative].sum(dim=1)
    return _ratio(won, pairs)


def recall_at_1_fpr(labels: Tensor, scores: Tensor, weights: Tensor, strata: Tensor) -> Tensor:
    """Share of positives above the lowest threshold that at most 1 % of the negatives pass.

    The threshold is set in each stratum from its negatives (held-out benign text); with fewer
    than 100 of them it is the highest benign score. Larger: more defections are caught. See
    `Metric` for the shapes.
    """
    caught, total = torch.zeros_like(weights[:, 0]), torch.zeros_like(weights[:, 0])
    for stratum in torch.unique(strata):
        positive, negative = labels & (strata == stratum), ~labels & (strata == stratum)
        counts = weights[:, positive]
        benign = weights[:, negative].sum(dim=1, keepdim=True)
        below, _ = _below(scores[positive], scores[negative], weights[:, negative])
        passed = benign - below <= 0.01 * benign + 1e-9
        known = (benign > 0)[:, 0]
        caught += torch.where(known, (counts * passed).sum(dim=1), 0.0)
        total += torch.where(known, counts.sum(dim=1), 0.0)
    return _ratio(caught, total)


def calibration_error(labels: Tensor, scores: Tensor, weights: Tensor, strata: Tensor) -> Tensor:
    """Expected calibration error of scores that are logits, over ten bins of equally many rows.

    The mean over rows of |mean probability - share of positives| of the row's bin (Naeini et al.
    2015, with bins of equal count). Smaller: probabilities can be taken at their word. Strata
    are pooled: a probability has a scale of its own. See `Metric` for the shapes.
    """
    order = scores.argsort()
    bins = torch.empty_like(order)
    bins[order] = torch.arange(len(order), device=order.device) * BINS // len(order)
    excess = torch.sigmoid(scores) - labels.to(scores.dtype)
    members = torch.nn.functional.one_hot(bins, BINS).to(scores.dtype)
    return _ratio((weights @ (members * excess[:, None])).abs().sum(dim=1), weights.sum(dim=1))


def aurocs(labels: Tensor, scores: Tensor, strata: Tensor) -> Tensor:
    """Unweighted AUROC of many columns of scores, each with labels of its own or all alike.

    Parameters
    ----------
    labels : Tensor of bool, shape (columns or 1, n)
    scores : Tensor, shape (columns, n)
    strata : Tensor, shape (n,)

    Returns
    -------
    Tensor, shape (columns,)
        NaN where no stratum holds both labels.
    """
    won, pairs = torch.zeros_like(scores[:, 0]), torch.zeros_like(scores[:, 0])
    for stratum in torch.unique(strata):
        inside = scores[:, strata == stratum].contiguous()
        positive = labels[:, strata == stratum].expand(len(scores), -1)
        ordered = inside.sort(dim=1).values
        first, last = (torch.searchsorted(ordered, inside, right=right) for right in (False, True))
        ranks = (first + last + 1) / 2
        count = positive.sum(dim=1)
        won += (ranks * positive).sum(dim=1) - count * (count + 1) / 2
        pairs += count * (positive.shape[1] - count)
    return _ratio(won, pairs)


def column_aurocs(labels: Flags, scores: Floats, strata: Integers) -> Floats:
    """Compute `aurocs` of arrays."""
    arrays = (np.ascontiguousarray(one) for one in (labels, scores, strata))
    found: Floats = aurocs(*map(torch.from_numpy, arrays)).numpy()
    return found


def _below(scores: Tensor, others: Tensor, weights: Tensor) -> tuple[Tensor, Tensor]:
    """Weight of the others below each score, and of those below or equal; (draws, scores)."""
    ordered, order = others.sort()
    total = torch.nn.functional.pad(weights[:, order].cumsum(dim=1), (1, 0))
    first, last = (torch.searchsorted(ordered, scores, right=right) for right in (False, True))
    return total[:, first], total[:, last]


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    return torch.where(below > 0, above / below, torch.nan)
