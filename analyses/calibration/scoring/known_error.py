"""How far off an instrument may be on the next organism, from how far off it was on these."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from pandas import DataFrame, concat
from scipy import stats

from analyses.calibration.scoring.populations import HEADLINE, PLANTED, finite
from analyses.calibration.scoring.reference import reference_errors
from analyses.calibration.scoring.resampling import record, tidy
from scratchpad.statistics import CONSTANT, Estimate, Floats

FEWEST: Final = 5
CONFIDENCE: Final = 0.9
REFERENCE: Final = "four cells"
KEYS: Final = ("instrument", "effect")


def signed_errors(organisms: DataFrame, means: DataFrame, reference: DataFrame) -> DataFrame:
    """Subtract what was planted from what each instrument says: metrics that are shares, and cells.

    Returns
    -------
    DataFrame
        One row per instrument, organism with planted truth, and effect: the columns of
        `organisms`, `instrument` (the metric, or `REFERENCE`), `effect`, `seen` and `error`, NaN
        where the instrument has no number. Every planted rule was learned from swaps, so that all
        these organisms have seen those of the cells.
    """
    headline = means[(means["state"] == HEADLINE) & means["share"].eq(True)]
    columns = headline[["organism", "metric", "seen", "estimate"]]
    joined = organisms.merge(columns.rename(columns={"metric": "instrument"}), on="organism")
    parts = [
        joined.assign(effect=effect, error=finite(joined["estimate"]) - joined[planted])
        for effect, planted in PLANTED.items()
    ]
    cells = reference_errors(organisms, reference).assign(instrument=REFERENCE, seen=True)
    kept = [*organisms.columns, *KEYS, "seen", "error"]
    every = concat([part[kept] for part in (*parts, cells)], ignore_index=True)
    return every.dropna(subset=list(PLANTED.values()))


def known_errors(errors: DataFrame, matching: Sequence[str]) -> DataFrame:
    """Predict the error on a new organism that is alike in the `matching` columns.

    Parameters
    ----------
    errors : DataFrame
        Of `signed_errors`.
    matching : sequence of str
        Its columns within which organisms count as alike, such as `behaviour` and `seen`.

    Returns
    -------
    DataFrame
        `instrument`, `effect`, the `matching` columns, `estimate` (mean error), `low` and `high`
        (see `prediction_interval`), `n` organisms, `covered` of them when each is left out (see
        `left_out_coverage`), `undefined`, `reason`.
    """
    by = [*KEYS, *matching]
    rows = [
        dict(zip(by, key, strict=True)) | _row(alike["error"].sort_values().to_numpy(float))
        for key, alike in errors.groupby(by, dropna=False)
    ]
    columns = [*by, "estimate", "low", "high", "n", "covered", "undefined", "reason"]
    return tidy(rows, columns, ("n", "covered", "undefined"))


def prediction_interval(errors: Floats) -> Estimate:
    """The mean error, and where that of one more organism lies with 90 % confidence.

    mean +- t(.95, n - 1) s sqrt(1 + 1/n), exact for errors that are normal. A mean above 0: the
    instrument says too much; a wider interval: it is less to be relied on. Fewer than five
    organisms: undefined.
    """
    n = len(errors)
    if n < FEWEST:
        return Estimate.undefined(n, f"fewer than {FEWEST} organisms: {n}")
    mean, reach = _mean_and_reach(errors)
    return Estimate(mean, mean - reach, mean + reach, n)


def left_out_coverage(errors: Floats) -> int:
    """Number of organisms whose error lies in the interval made from all the others."""
    others = (np.delete(errors, place) for place in range(len(errors)))
    intervals = (_mean_and_reach(one) for one in others)
    return sum(
        abs(error - mean) <= reach + CONSTANT
        for error, (mean, reach) in zip(errors.tolist(), intervals, strict=True)
    )


def _mean_and_reach(errors: Floats) -> tuple[float, float]:
    n = len(errors)
    t = float(stats.t.ppf((1 + CONFIDENCE) / 2, n - 1))
    return float(errors.mean()), t * float(errors.std(ddof=1)) * math.sqrt(1 + 1 / n)


def _row(errors: Floats) -> dict[str, Any]:
    known = errors[~np.isnan(errors)]
    found = prediction_interval(known)
    return record(
        found,
        covered=left_out_coverage(known) if found.defined else None,
        undefined=len(errors) - len(known),
    )
