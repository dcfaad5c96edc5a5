"""From values by question to estimates: means, differences and functions of means."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame

from scratchpad.statistics import Bootstrap, Estimate, Floats, bootstrap_means, percentile_interval

MOST_UNDEFINED = 0.05
"""Share of the resamples in which a number may be undefined before it is not given."""


class Measure(NamedTuple):
    """A number computed from means over questions.

    Parameters
    ----------
    columns : tuple of str
        Whose means it needs.
    compute : callable
        Called with them, once as single numbers and once as arrays of resamples; NaN where it is
        undefined.
    otherwise : str
        Why it is undefined, where `compute` gives NaN of known means.
    """

    columns: tuple[str, ...]
    compute: Callable[..., Any]
    otherwise: str = "not defined for these means"


def mean_of(column: str) -> Measure:
    """The mean over questions."""
    return Measure((column,), lambda mean: mean)


def difference_of(first: str, second: str) -> Measure:
    """The mean of one column minus that of another, paired by question."""
    return Measure((first, second), lambda one, other: one - other)


def share_of(part: str, rest: str) -> Measure:
    """The mean of one column over the sum of both."""
    return Measure((part, rest), lambda one, other: one / (one + other), "both means are 0")


@dataclass(frozen=True)
class Sample:
    """Values of questions with the joint resamples of their means.

    Parameters
    ----------
    columns : tuple of str
        Names of the columns of `bootstrap`.
    bootstrap : Bootstrap
        Over groups of questions.
    """

    columns: tuple[str, ...]
    bootstrap: Bootstrap

    @classmethod
    def of(cls, values: DataFrame, seed: int, unbounded: Sequence[str] = ()) -> Sample:
        """Resample values by group.

        Parameters
        ----------
        values : DataFrame
            Indexed by `question_id` and `group`, NaN where a question has no value. Columns that
            are compared must be missing for the same questions.
        seed : int
        unbounded : sequence of str
            Columns that are no shares in [0, 1]: without variance they have an interval of width
            0 instead of that of Clopper and Pearson.
        """
        ordered = values.sort_index().astype(float)
        groups = [str(group) for group in ordered.index.get_level_values("group")]
        parts = [
            (names, bootstrap_means(ordered[names].to_numpy(float), groups, seed=seed, **how))
            for names, how in _kinds(ordered, unbounded)
        ]
        columns = tuple(name for names, _ in parts for name in names)
        means, draws, held = (
            np.concatenate([getattr(part, name) for _, part in parts], axis=-1)
            for name in ("means", "draws", "held")
        )
        return cls(columns, Bootstrap(means, draws, held))

    def estimate(self, measure: Measure) -> Estimate:
        """Estimate a measure; n is the fewest groups that any of its means rests on."""
        chosen = [self.columns.index(name) for name in measure.columns]
        n = int(self.bootstrap.held[:, chosen].sum(axis=0).min())
        if n < 2:
            reason = "one group of questions has no interval" if n else "no valid answers"
            return Estimate.undefined(n, reason)
        with np.errstate(divide="ignore", invalid="ignore"):
            value = float(measure.compute(*self.bootstrap.means[chosen]))
            draws: Floats = np.asarray(measure.compute(*self.bootstrap.draws[:, chosen].T))
        if not np.isfinite(value):
            return Estimate.undefined(n, measure.otherwise)
        known = np.isfinite(draws)
        if known.mean() < 1 - MOST_UNDEFINED:
            share = f"{1 - known.mean():.0%} of the resamples"
            return Estimate.undefined(n, f"{measure.otherwise} in {share}")
        return Estimate(value, *percentile_interval(draws[known]), n)


def _kinds(values: DataFrame, unbounded: Sequence[str]) -> list[tuple[list[str], dict[str, bool]]]:
    shares = [name for name in values.columns if name not in unbounded]
    others = [name for name in values.columns if name in unbounded]
    return [(shares, {"proportions": True}), (others, {"proportions": False})]
