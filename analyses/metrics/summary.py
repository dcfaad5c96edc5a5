"""All metrics whose rows a run has: as a part of its summary, and as a table."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandas import DataFrame

from analyses.metrics import METRICS

Summary = dict[str, dict[str, dict[str, dict[str, Any]]]]
"""Estimates by metric, trigger state and name of the number."""


def summarise_metrics(tables: Mapping[str, DataFrame], *, scorer: str, seed: int) -> Summary:
    """Compute every metric whose table and rows are there; the others are not named.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `outcomes`, and where there are any `attributions` and `monitored`.
    scorer : str
        The scorer that the headline rests on.
    seed : int
        Seeds the bootstrap.
    """
    return {
        name: {
            state: {number: estimate.to_json() for number, estimate in found.items()}
            for state, found in metric(tables[metric.table], scorer, seed).items()
        }
        for name, metric in METRICS.items()
        if metric.table in tables and not metric.lacks(tables[metric.table], scorer)
    }


def metric_table(summary: Summary) -> DataFrame:
    """The same numbers as rows: `metric`, `state`, `number`, `estimate` to `n`, `reason`."""
    rows = [
        {"metric": metric, "state": state, "number": number, "reason": "", **estimate}
        for metric, states in summary.items()
        for state, numbers in states.items()
        for number, estimate in numbers.items()
    ]
    columns = ["metric", "state", "number", "estimate", "low", "high", "n", "reason"]
    kinds = dict.fromkeys(("estimate", "low", "high"), float) | {"n": int}
    return DataFrame(rows, columns=columns).astype(kinds)
