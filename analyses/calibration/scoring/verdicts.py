"""Verdicts of the decision rule against planted ones."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pandas import DataFrame, Series
from scipy import stats

from analyses.calibration.scoring.populations import SELECTIONS, selected
from analyses.calibration.scoring.resampling import record, tidy
from scratchpad.statistics import Estimate

NAMES: Final = {"decoration": "direct"}
"""Verdicts that say the same of the planted rule."""
CELLS: Final = {**NAMES, "encoded": "mediated"}
"""Verdicts that say the same of the four cells."""
COLUMNS: Final = (
    "selection", "agreement", "right", "n", "estimate", "low", "high", "ambiguous", "undefined",
    "reason",
)  # fmt: skip


def verdict_confusion(organisms: DataFrame) -> DataFrame:
    """Count organisms by planted and by measured verdict, as they were given.

    Returns
    -------
    DataFrame
        `selection`, `planted`, `measured`, `count`; a measured verdict that is missing is "".
    """
    rows = [
        {"selection": selection, "planted": planted, "measured": measured, "count": len(alike)}
        for selection in SELECTIONS
        for (planted, measured), alike in _judged(selected(organisms, selection)).groupby(
            ["planted_verdict", "verdict"]
        )
    ]
    return tidy(rows, ("selection", "planted", "measured", "count"), ("count",))


def verdict_scores(organisms: DataFrame) -> DataFrame:
    """Count right verdicts, as a share with Wilson's (1927) interval.

    Two ways to be right (`agreement`): by `name`, where only "decoration" and "direct" are the
    same; by `cells`, where "encoded" and "mediated" are the same too. A verdict that lists
    several patterns ("a or b") is wrong, and counted as `ambiguous`; an organism without a
    verdict is left out, and counted as `undefined`. Larger: the rule is right more often.

    Parameters
    ----------
    organisms : DataFrame
        `planted_verdict` ("" where nothing is planted, and then not looked at), `verdict`,
        `admitted`.

    Returns
    -------
    DataFrame
        `COLUMNS`.
    """
    rows = [
        {"selection": selection, "agreement": agreement, **_row(chosen, alike)}
        for selection in SELECTIONS
        for chosen in [_judged(selected(organisms, selection))]
        for agreement, alike in (("name", NAMES), ("cells", CELLS))
    ]
    return tidy(rows, COLUMNS, ("right", "n", "ambiguous", "undefined"))


def wilson(right: int, n: int) -> Estimate:
    """A share of n with its 95 % score interval (Wilson 1927)."""
    if not n:
        return Estimate.undefined(0, "no verdicts")
    interval = stats.binomtest(right, n).proportion_ci(method="wilson")
    return Estimate(right / n, float(interval.low), float(interval.high), n)


def _judged(organisms: DataFrame) -> DataFrame:
    planted = organisms[organisms["planted_verdict"].fillna("").ne("")]
    return planted.assign(verdict=planted["verdict"].fillna(""))


def _row(organisms: DataFrame, alike: Mapping[str, str]) -> dict[str, Any]:
    given = organisms[organisms["verdict"].ne("")]
    planted, measured = (_named(given[name], alike) for name in ("planted_verdict", "verdict"))
    right = int((planted == measured).sum())
    return record(
        wilson(right, len(given)),
        right=right,
        ambiguous=int(given["verdict"].str.contains(" or ", regex=False).sum()),
        undefined=len(organisms) - len(given),
    )


def _named(verdicts: Series[str], alike: Mapping[str, str]) -> Series[str]:
    return verdicts.map(lambda verdict: alike.get(verdict, verdict))
