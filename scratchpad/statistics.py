"""Estimates with intervals: bootstrap by group, Clopper-Pearson, Fieller, Student's t; Holm.

The unit that is resampled is the group of questions (a fact or a template); every estimate says
how many there were. What is not defined says so, and why.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from scratchpad.estimates import Estimate, short

__all__ = [
    "DRAWS",
    "Bootstrap",
    "Estimate",
    "Floats",
    "Ratio",
    "bootstrap_means",
    "clopper_pearson",
    "fieller",
    "holm",
    "percentile_interval",
    "t_interval",
]

Floats = NDArray[np.float64]

DRAWS = 4000
CONSTANT = 1e-12


@dataclass(frozen=True)
class Bootstrap:
    """Means of columns and their paired bootstrap draws.

    Parameters
    ----------
    means : array, shape (columns,)
        NaN where a column has no value.
    draws : array, shape (draws, columns)
        The same resampled groups in every column.
    held : array of bool, shape (groups, columns)
        Which groups have a value in which column.
    """

    means: Floats
    draws: Floats
    held: NDArray[np.bool_]

    @property
    def n(self) -> int:
        """Number of groups."""
        return len(self.held)

    def groups_with(self, weights: Sequence[float]) -> int:
        """Number of groups that have a value in every column whose weight is not 0."""
        return int(self.held[:, np.flatnonzero(weights)].all(axis=1).sum())

    def combine(self, weights: Sequence[float], confidence: float = 0.95) -> Estimate:
        """Estimate a weighted sum of the columns; columns of weight 0 are not looked at."""
        chosen = np.flatnonzero(weights)
        factors = np.asarray(weights, dtype=np.float64)[chosen]
        value, n = float(self.means[chosen] @ factors), self.groups_with(weights)
        if math.isnan(value):
            return Estimate.undefined(n, "no valid answers")
        low, high = percentile_interval(self.draws[:, chosen] @ factors, confidence)
        return Estimate(value, low, high, n)

    def covariance(self, first: Sequence[float], second: Sequence[float]) -> Floats:
        """Covariance (2 x 2) of two weighted sums over the draws."""
        chosen = np.flatnonzero(np.abs(first) + np.abs(second))
        weights = np.stack([np.asarray(first), np.asarray(second)])[:, chosen]
        covariance: Floats = np.cov(weights @ self.draws[:, chosen].T)
        return covariance


def bootstrap_means(
    values: Floats,
    groups: Sequence[str],
    *,
    seed: int,
    draws: int = DRAWS,
    proportions: bool = True,
) -> Bootstrap:
    """Resample groups of questions and take the mean of each column.

    The statistic is the mean over questions, each counting the same; groups are drawn with all
    their questions, and the same draws serve all columns, so that pairing is kept. A missing
    value (NaN) is left out of its column's mean; a draw that leaves a column empty repeats that
    column's mean. A column of `proportions` without variance gets draws whose quantiles are the
    Clopper-Pearson limits with n = number of groups, so that its uncertainty propagates.

    Parameters
    ----------
    values : array, shape (questions, columns)
    groups : sequence of str, length questions
    seed : int
    draws : int
        Bootstrap samples, B.
    proportions : bool
        Whether the values are shares in [0, 1].
    """
    if not len(values):
        columns = values.shape[1]
        empty = np.full((draws, columns), np.nan)
        return Bootstrap(empty[0], empty, np.zeros((0, columns), dtype=np.bool_))
    names, index = np.unique(np.asarray(groups, dtype=np.str_), return_inverse=True)
    present = ~np.isnan(values)
    sums = _by_group(np.where(present, values, 0.0), index, len(names))
    counts = _by_group(present.astype(np.float64), index, len(names))
    total = counts.sum(axis=0)
    means = np.divide(sums.sum(axis=0), total, out=np.full(len(total), np.nan), where=total > 0)
    rng = np.random.default_rng(seed)
    drawn = rng.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    weight = drawn @ counts
    resampled = np.divide(drawn @ sums, weight, out=np.tile(means, (draws, 1)), where=weight > 0)
    for column in np.flatnonzero(total > 0) if proportions else ():
        known = values[present[:, column], column]
        if np.ptp(known) <= CONSTANT:
            held = int(np.count_nonzero(counts[:, column]))
            resampled[:, column] = _clopper_pearson_draws(means[column], held, rng.random(draws))
    return Bootstrap(means, resampled, counts > 0)


def _by_group(values: Floats, index: NDArray[np.intp], groups: int) -> Floats:
    sums = np.zeros((groups, values.shape[1]))
    np.add.at(sums, index, values)
    return sums


def _clopper_pearson_draws(share: float, n: int, uniform: Floats) -> Floats:
    """Draws whose 2.5 % and 97.5 % quantiles are the Clopper-Pearson limits of a share of n."""
    if not -CONSTANT <= share <= 1 + CONSTANT:
        raise ValueError(f"a share of {share} lies outside [0, 1]")
    successes = min(max(share * n, 0.0), float(n))
    low = stats.beta.ppf(uniform, successes, n - successes + 1) if successes > 0 else 0.0
    high = stats.beta.ppf(uniform, successes + 1, n - successes) if successes < n else 1.0
    draws: Floats = np.where(uniform < 0.5, low, high)
    return draws


def percentile_interval(draws: Floats, confidence: float = 0.95) -> tuple[float, float]:
    """The central interval of bootstrap draws."""
    tail = (1 - confidence) / 2
    low, high = np.quantile(draws, [tail, 1 - tail])
    return float(low), float(high)


def clopper_pearson(successes: float, n: int, confidence: float = 0.95) -> tuple[float, float]:
    """The exact binomial interval of Clopper and Pearson (1934).

    >>> tuple(round(limit, 4) for limit in clopper_pearson(0, 20))
    (0.0, 0.1684)
    """
    tail = (1 - confidence) / 2
    low = float(stats.beta.ppf(tail, successes, n - successes + 1)) if successes > 0 else 0.0
    high = float(stats.beta.ppf(1 - tail, successes + 1, n - successes)) if successes < n else 1.0
    return low, high


class Ratio(NamedTuple):
    """Two means and the covariance (2 x 2) of their estimates."""

    numerator: float
    denominator: float
    covariance: Floats


def fieller(
    ratio: Ratio, degrees_of_freedom: int, confidence: float = 0.95
) -> tuple[float, float] | None:
    """Fieller's (1954) interval of a ratio of means; `None` where it is unbounded.

    The limits are the roots r of (a - r b)^2 = t^2 (v_aa - 2 r v_ab + r^2 v_bb), with a and b
    the means, v their covariance and t Student's quantile.
    """
    a, b = ratio.numerator, ratio.denominator
    (v_aa, v_ab), (_, v_bb) = ratio.covariance
    t = float(stats.t.ppf((1 + confidence) / 2, degrees_of_freedom))
    square = b * b - t * t * v_bb
    middle = a * b - t * t * v_ab
    constant = a * a - t * t * v_aa
    if square <= 0:
        return None
    root = math.sqrt(max(middle * middle - square * constant, 0.0))
    return (middle - root) / square, (middle + root) / square


def t_interval(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """The mean over organism seeds with Student's interval; undefined below five seeds."""
    n = len(values)
    if n < 5:
        listed = ", ".join(short(value, 3) for value in values)
        return Estimate.undefined(n, f"fewer than 5 seeds: {listed or 'none'}")
    mean, error = float(np.mean(values)), float(stats.sem(values))
    reach = float(stats.t.ppf((1 + confidence) / 2, n - 1)) * error
    return Estimate(mean, mean - reach, mean + reach, n)


def holm(p_values: Floats) -> Floats:
    """P values adjusted for their number by Holm's (1979) step-down method.

    >>> holm(np.array([0.01, 0.04, 0.03, 0.005])).round(3).tolist()
    [0.03, 0.06, 0.06, 0.02]
    """
    order = np.argsort(p_values)
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted
