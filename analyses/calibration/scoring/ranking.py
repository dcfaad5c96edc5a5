"""The one order in which metrics stand wherever their scores are listed."""

from __future__ import annotations

from typing import Final

from pandas import DataFrame, Series

from analyses.calibration.scoring.populations import SELECTIONS

ORDER: Final = (
    "Metrics stand in the order of their error on all trained organisms, those without one by their"
    " concordance; numbers of different exposure do not rank them."
)


def ranked_errors(leaderboard: DataFrame) -> Series[float]:
    """Give every metric's error on all trained organisms, in the order of every leaderboard.

    The smallest error first; metrics that have none, such as those that are no shares, follow by
    their concordance, the largest first; others as they come.

    Parameters
    ----------
    leaderboard : DataFrame
        `metric`, `selection`, `exposure`, `score`, `estimate`.

    Returns
    -------
    Series
        Indexed by metric; NaN where the error is undefined.
    """
    every = (leaderboard["selection"] == SELECTIONS[0]) & (leaderboard["exposure"] == "all")
    wide = leaderboard.loc[every].pivot(index="metric", columns="score", values="estimate")
    scores = wide.reindex(
        index=leaderboard["metric"].drop_duplicates(), columns=["error", "concordance"]
    ).astype(float)
    ordered = scores.sort_values(["error", "concordance"], ascending=[True, False], kind="stable")
    errors: Series[float] = ordered["error"]
    return errors
