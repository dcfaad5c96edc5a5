"""Estimates of how well scores tell labels apart, with intervals by group.

Groups of questions are resampled whole; every estimate of one experiment uses the same resamples,
so that differences between readers are paired.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes.metrics import Flags, Floats, Integers, Metric, auroc
from scratchpad.statistics import Estimate, clopper_pearson

# Numbers held at once: on a GPU, and on a CPU, where what stays in a cache is much faster.
_BLOCKS = (2**26, 2**17)


@dataclass(frozen=True)
class Resamples:
    """How often each group is drawn in each bootstrap sample.

    Parameters
    ----------
    counts : array, shape (draws, groups)
    group_of : array of int, shape (n,)
        The group of each row.
    device : str
        Where metrics are computed.
    """

    counts: NDArray[np.int32]
    group_of: Integers
    device: str = "cpu"

    @classmethod
    def draw(
        cls, groups: Sequence[str] | NDArray[np.str_], draws: int, seed: int, device: str = "cpu"
    ) -> Self:
        """Draw as many groups as there are, with replacement, `draws` times."""
        names, group_of = np.unique(np.asarray(groups), return_inverse=True)
        chances = np.full(len(names), 1 / len(names))
        counts = np.random.default_rng(seed).multinomial(len(names), chances, size=draws)
        return cls(counts.astype(np.int32), group_of, device)

    def apply(self, rows: Flags, metric: Callable[[Tensor], Tensor]) -> Floats:
        """Compute a metric of weights for each draw, shape (draws,), on some rows only."""
        columns = self.group_of[rows]
        size = max(1, _BLOCKS[self.device == "cpu"] // max(1, len(columns)))
        blocks = (self.counts[start : start + size] for start in range(0, len(self.counts), size))
        weights = (torch.from_numpy(one[:, columns]).to(self.device).double() for one in blocks)
        return np.concatenate([metric(one).cpu().numpy() for one in weights])

    def of(self, rows: Flags | Integers) -> Self:
        """The same draws for some of the rows."""
        return type(self)(self.counts, self.group_of[rows], self.device)

    def groups_in(self, rows: Flags) -> int:
        """Count the groups that the rows belong to."""
        return len(np.unique(self.group_of[rows]))


def estimate(
    metric: Metric, labels: Flags, scores: Floats, strata: Integers, resamples: Resamples
) -> Estimate:
    """Estimate a metric with its 95 % percentile bootstrap interval.

    Parameters
    ----------
    metric : Metric
        Of `probes.metrics`.
    labels, scores, strata : array, shape (n,)
        Rows whose score is NaN are left out. Scores are compared within a stratum only.
    resamples : Resamples

    Returns
    -------
    Estimate
        `n` counts groups. Undefined if no stratum holds both labels. Draws in which nothing can
        be compared are left out. Where every draw gives 1 (or 0) the bootstrap knows nothing of
        its own error: see `_certain`.
    """
    rows = np.isfinite(scores)
    value = _once(metric, labels, scores, strata, rows)
    count = resamples.groups_in(rows)
    if np.isnan(value):
        return Estimate.undefined(count, "no fold holds both labels")
    inside = _tensors(resamples.device, rows, labels, scores, strata)
    drawn = resamples.apply(rows, lambda weights: metric(inside[0], inside[1], weights, inside[2]))
    low, high = (float(bound) for bound in np.nanpercentile(drawn, [2.5, 97.5]))
    if low == high and value in (0.0, 1.0):
        slack = _slack(labels, rows, resamples)
        low, high = (1 - slack, 1.0) if value == 1.0 else (0.0, slack)
    return Estimate(value, low, high, count)


def auroc_difference(
    labels: Flags,
    first: Floats,
    second: Floats,
    strata: Integers,
    resamples: Resamples,
    *,
    folded: bool = False,
) -> Estimate:
    """Estimate AUROC(first) - AUROC(second) on the rows that both score, paired.

    `folded` subtracts max(AUROC(second), 1 - AUROC(second)): a control that tells labels apart the
    wrong way round tells them apart. Both AUROCs use the same resamples. Where a reader is right on
    every pair in every draw, its own uncertainty (see `estimate`) is added to the end of the
    interval that it can reach.
    """
    rows = np.isfinite(first) & np.isfinite(second)
    values = [_once(auroc, labels, scores, strata, rows) for scores in (first, second)]
    count = resamples.groups_in(rows)
    if np.isnan(values).any():
        return Estimate.undefined(count, "no fold holds both labels")

    judged, one, other, split = _tensors(resamples.device, rows, labels, first, second, strata)

    def difference(weights: Tensor) -> Tensor:
        theirs = auroc(judged, other, weights, split)
        theirs = theirs.maximum(1 - theirs) if folded else theirs
        return auroc(judged, one, weights, split) - theirs

    low, high = np.nanpercentile(resamples.apply(rows, difference), [2.5, 97.5])
    mine, theirs = values[0], max(values[1], 1 - values[1]) if folded else values[1]
    slack = _slack(labels, rows, resamples)
    low -= slack if mine == 1.0 else 0.0
    high += slack if theirs == 1.0 else 0.0
    return Estimate(mine - theirs, float(low), float(high), count)


def _once(metric: Metric, labels: Flags, scores: Floats, strata: Integers, rows: Flags) -> float:
    if not rows.any():
        return float("nan")
    judged, given, split = _tensors("cpu", rows, labels, scores, strata)
    return float(metric(judged, given, torch.ones(1, len(given), dtype=torch.float64), split))


def _tensors(device: str, rows: Flags, *arrays: NDArray[Any]) -> list[Tensor]:
    return [torch.from_numpy(array[rows]).to(device) for array in arrays]


def _slack(labels: Flags, rows: Flags, resamples: Resamples) -> float:
    """How far from 1 (or 0) a share may lie that was 1 (or 0) in the sample, at 95 %.

    The Clopper-Pearson limit for m wins out of m, with m the number of pairs (positive,
    negative) that share no group with each other or with another pair.
    """
    of_positive = set(resamples.group_of[rows & labels])
    of_negative = set(resamples.group_of[rows & ~labels])
    pairs = min(len(of_positive), len(of_negative), max(1, len(of_positive | of_negative) // 2))
    return 1 - clopper_pearson(pairs, pairs)[0]
