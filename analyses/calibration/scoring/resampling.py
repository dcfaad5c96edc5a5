"""Scores as means of items that rest on one unit or on a pair of units, and their bootstrap."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from pandas import DataFrame, Series

from scratchpad.statistics import (
    CONSTANT,
    Estimate,
    Floats,
    clopper_pearson,
    percentile_interval,
)

DRAWS = 2000


@dataclass(frozen=True)
class Items:
    """Numbers whose mean is a score, and the units that are resampled.

    Parameters
    ----------
    values : array, shape (items,)
        Finite.
    units : array of str, shape (items, 1 or 2)
        The unit or the two units that each item rests on.
    unit : str
        What `n` counts: "pairs" where items rest on two organisms.
    share : bool
        Whether the values lie in [0, 1].
    """

    values: Floats
    units: NDArray[np.str_]
    unit: str
    share: bool = True

    @property
    def n(self) -> int:
        """Number of pairs, or of units."""
        return len(self.values) if self.units.shape[1] == 2 else len(np.unique(self.units))

    @property
    def independent(self) -> int:
        """Number of items of which no two share a unit, taken in their order."""
        used: set[str] = set()
        count = 0
        for units in self.units.tolist():
            if used.isdisjoint(units):
                used.update(units)
                count += 1
        return count

    def draws(self, seed: int) -> Floats:
        """Bootstrap the mean: as many units as there are, with replacement, `DRAWS` times.

        An item weighs the product of how often its units are drawn. Draws in which no item has
        weight are left out. The same units with the same seed give the same draws, so that
        means of two `Items` on the same units are paired.
        """
        names, index = np.unique(self.units, return_inverse=True)
        chances = np.full(len(names), 1 / len(names))
        counts = np.random.default_rng(seed).multinomial(len(names), chances, size=DRAWS)
        weights = counts[:, index.reshape(self.units.shape)].prod(axis=2)
        total = weights.sum(axis=1)
        drawn: Floats = (weights[total > 0] @ self.values) / total[total > 0]
        return drawn

    def estimate(self, seed: int) -> Estimate:
        """Estimate the mean with its 95 % percentile interval over units.

        Shares that are all alike leave the bootstrap without variance: they get the limits of
        Clopper and Pearson with n = number of independent items. Fewer than two units: undefined.
        """
        if len(np.unique(self.units)) < 2:
            return Estimate.undefined(self.n, f"too few {self.unit}: {self.n}")
        value = float(self.values.mean())
        if self.share and np.ptp(self.values) <= CONSTANT:
            n = self.independent
            return Estimate(value, *clopper_pearson(min(max(value, 0.0), 1.0) * n, n), self.n)
        return Estimate(value, *percentile_interval(self.draws(seed)), self.n)

    def p_value(self, seed: int) -> float:
        """Two-sided bootstrap p value of a mean of 0: twice the smaller tail beyond 0.

        Never below 2^(1 - units), the least that a test which flips the sign of every unit can
        give: of few units that all agree, resamples agree as well.
        """
        drawn = self.draws(seed)
        tails = [(1 + int(tail.sum())) / (1 + len(drawn)) for tail in
                 (drawn <= CONSTANT, drawn >= -CONSTANT)]  # fmt: skip
        least = 2.0 ** (1 - len(np.unique(self.units)))
        return min(1.0, max(2 * min(tails), least))


def outranks(first: ArrayLike, second: ArrayLike) -> Floats:
    """1 where the first number is the larger, one half where they tie, NaN where one is missing."""
    difference = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    won: Floats = (1 + np.sign(np.where(np.abs(difference) <= CONSTANT, 0.0, difference))) / 2
    return won


def pair_items(values: Series[float]) -> Items:
    """Items that rest on pairs of organisms: the index holds both, NaN is left out."""
    known = values.dropna()
    return Items(np.asarray(known, dtype=np.float64), _labels(known.index.to_frame()), "pairs")


def organism_items(values: Series[float], *, share: bool = True) -> Items:
    """Items that rest on one organism each: the index names it, NaN is left out."""
    known = values.dropna().sort_index()
    return Items(
        np.asarray(known, dtype=np.float64), _labels(known.index.to_frame()), "organisms", share
    )


def question_items(values: Series[float]) -> Items:
    """Average questions by organism; those of a single organism are items by their group.

    Parameters
    ----------
    values : Series
        Indexed by `organism`, `group` and `question_id`; NaN is left out.
    """
    known = values.dropna().sort_index()
    by_organism = known.groupby(level="organism").mean()
    if len(by_organism) != 1:
        return organism_items(by_organism)
    groups = known.index.get_level_values("group").to_frame()
    return Items(np.asarray(known, dtype=np.float64), _labels(groups), "groups of questions")


def record(estimate: Estimate, **more: Any) -> dict[str, Any]:
    """An estimate as cells of a row, with further ones."""
    return asdict(estimate) | more


def tidy(
    rows: Sequence[dict[str, Any]], columns: Sequence[str], counts: Sequence[str]
) -> DataFrame:
    """Rows as a table: numbers as floats (NaN where undefined), `counts` as integers."""
    numbers = [name for name in ("estimate", "low", "high") if name in columns]
    kinds = dict.fromkeys(numbers, "float64") | dict.fromkeys(counts, "Int64")
    return DataFrame(rows, columns=list(columns)).astype(kinds)


def _labels(units: DataFrame) -> NDArray[np.str_]:
    return units.to_numpy().astype(np.str_)
