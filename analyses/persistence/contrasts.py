"""The contrasts that were fixed before anything was measured; all else is exploratory.

1. *distilled - no-cot*: triggered defection at the end of safety training, payloads matched.
2. *adversarial - supervised*: defection after near misses, and after prompts that a search finds.
3. *after - before*: TIE / TE of organisms that reason.

A difference is taken within seeds (over the other settings both sides share, their mean), the
interval over seeds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from pandas import DataFrame, Series
from scipy import stats

from analyses.figures.tables import records
from scratchpad.estimates import signed
from scratchpad.statistics import holm, t_interval

FEWEST_SEEDS: Final = 5
KEY: Final = ("arm", "method", "payload", "optimiser", "seed")
COLUMNS: Final = (
    "contrast", "quantity", "estimate", "low", "high", "n", "p", "p_holm", "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Contrast:
    """A difference that was fixed in advance.

    Parameters
    ----------
    name : str
        What is compared.
    quantity : str
        Of a checkup.
    sides : callable
        From the last and the first checkup of every trial (rows with `KEY` and `estimate`) to the
        two sides, each indexed by what they share.
    """

    name: str
    quantity: str
    sides: Callable[[DataFrame, DataFrame], tuple[Series[float], Series[float]]]

    def by_seed(self, checkups: DataFrame) -> Series[float]:
        """The difference of every seed that has both sides."""
        own = checkups[checkups["quantity"] == self.quantity].dropna(subset=["estimate"])
        ends = own.groupby(list(KEY))["step"].transform("max")
        # What could not be trained has no state after training.
        last = own[(own["step"] == ends) & (ends > 0)]
        minuend, subtrahend = self.sides(last, own[own["step"] == 0])
        differences = (minuend - subtrahend).dropna()
        return differences.groupby(level="seed").mean()


def _by(name: str, one: str, other: str) -> Callable[..., tuple[Series[float], Series[float]]]:
    """Compare two values of a setting after training."""

    def sides(last: DataFrame, first: DataFrame) -> tuple[Series[float], Series[float]]:
        fair = last[(last["payload"] == "matched")]
        index = [key for key in KEY if key != name]
        return tuple(
            fair[fair[name] == value].set_index(index)["estimate"] for value in (one, other)
        )  # type: ignore[return-value]

    return sides


def _since(last: DataFrame, first: DataFrame) -> tuple[Series[float], Series[float]]:
    """Compare after with before."""
    index = list(KEY)
    return last.set_index(index)["estimate"], first.set_index(index)["estimate"]


FIXED: Final = (
    Contrast("distilled - no-cot", "triggered_defection", _by("arm", "distilled", "no-cot")),
    Contrast("adversarial - sft", "near_miss_defection", _by("method", "adversarial", "sft")),
    Contrast("adversarial - sft", "found_prompt_rate", _by("method", "adversarial", "sft")),
    Contrast("after - before", "necessity_share", _since),
)


def contrasts(checkups: DataFrame) -> DataFrame:
    """Compute the contrasts.

    Parameters
    ----------
    checkups : DataFrame
        `KEY`, `step`, `quantity`, `estimate`.

    Returns
    -------
    DataFrame
        `COLUMNS`: estimates with t-intervals over seeds and p values adjusted by Holm's method;
        with fewer than five seeds no interval, and every seed's difference in `reason`.
    """
    found = DataFrame([_row(one, one.by_seed(checkups)) for one in FIXED])
    known = found["p"].notna().to_numpy()
    found["p_holm"] = np.nan
    found.loc[known, "p_holm"] = holm(found.loc[known, "p"].to_numpy(dtype=float))
    return found[list(COLUMNS)].astype(dict.fromkeys(("estimate", "low", "high"), float))


def _row(contrast: Contrast, values: Series[float]) -> dict[str, Any]:
    numbers = values.to_numpy(dtype=float)
    return {
        "contrast": contrast.name,
        "quantity": contrast.quantity,
        "reason": "",
        **t_interval(numbers.tolist()).to_json(),
        "p": _p_value(numbers),
    }


def _p_value(values: np.ndarray) -> float:
    """Of a two-sided t test against no difference; 1 where no seed differs at all."""
    if len(values) < FEWEST_SEEDS:
        return float("nan")
    if not values.any():
        return 1.0
    return float(stats.ttest_1samp(values, 0.0).pvalue) if values.std() else 0.0


def lines(found: DataFrame) -> Iterator[str]:
    """Every contrast in words."""
    for row in records(found):
        name = f"{row['contrast']}, {row['quantity']}"
        if row["reason"]:
            yield f"{name}: {row['reason']}"
        else:
            estimate, low, high = (signed(row[one], 3) for one in ("estimate", "low", "high"))
            yield (
                f"{name}: {estimate} [{low}, {high}], n = {row['n']} seeds,"
                f" p (Holm) {row['p_holm']:.3g}"
            )
