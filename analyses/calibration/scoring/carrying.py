"""Do tiny organisms rank as larger and fine-tuned ones do?"""

from __future__ import annotations

from itertools import combinations
from typing import Any, Final

import numpy as np
from pandas import DataFrame, Series

from analyses.calibration.scoring.populations import HEADLINE

TINY: Final = ("tiny", "scratch")
COLUMNS: Final = ("metric", "base", "route", "agreement", "pairs", "undefined")


def rank_agreement(organisms: DataFrame, means: DataFrame) -> DataFrame:
    """Share of pairs of modes that a metric orders on other organisms as it does on tiny ones.

    Organisms of one behaviour, exposure and seed are compared mode by mode. A pair that ties on
    one side counts one half. Larger: what is found on tiny organisms carries over; .5 is chance.

    Parameters
    ----------
    organisms : DataFrame
        `organism`, `behaviour`, `mediation`, `exposure`, `seed`, `base`, `route`.
    means : DataFrame
        `organism`, `metric`, `state`, `estimate`.

    Returns
    -------
    DataFrame
        A row per metric, base and route that tiny organisms can be compared with; `undefined`
        counts pairs in which either side has no number. Empty where all organisms are tiny.
    """
    joined = means[means["state"] == HEADLINE].merge(organisms, on="organism")
    rows = []
    for metric, own in joined.groupby("metric"):
        keys = ["behaviour", "exposure", "seed", "mediation"]
        kinds = {kind: part.set_index(keys)["estimate"] for kind, part in
                 own.groupby(["base", "route"])}  # fmt: skip
        tiny = kinds.pop(TINY, None)
        if tiny is not None:
            rows += [_row(str(metric), kind, tiny, other) for kind, other in kinds.items()]
    return DataFrame(rows, columns=list(COLUMNS))


def _row(
    metric: str, kind: tuple[Any, ...], tiny: Series[float], other: Series[float]
) -> dict[str, Any]:
    both = DataFrame({"tiny": tiny, "other": other}).loc[tiny.index.intersection(other.index)]
    alike = [
        _alike(one, two)
        for _, group in both.groupby(level=["behaviour", "exposure", "seed"])
        for one, two in combinations(group.to_numpy(float), 2)
    ]
    known = [value for value in alike if not np.isnan(value)]
    return {
        "metric": metric,
        "base": kind[0],
        "route": kind[1],
        "agreement": float(np.mean(known)) if known else np.nan,
        "pairs": len(known),
        "undefined": len(alike) - len(known),
    }


def _alike(one: np.ndarray, two: np.ndarray) -> float:
    """1 if a pair of modes is ordered alike on both sides, 0 if the other way, a tie one half."""
    steps = np.sign(two - one)
    return float((1 + steps[0] * steps[1]) / 2)
