"""Where errors come from: the same numbers by what they rest on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from analyses.calibration.instruments import CELLS
from analyses.calibration.scoring.known_error import REFERENCE
from analyses.calibration.scoring.populations import HEADLINE
from scratchpad.statistics import t_interval

# The edges between levels: steps, nats/token over the native scratchpad, coverage.
FACTORS: Final = {
    "scratchpad length": ("n_steps", 6.5, ("up to 6 steps", "7 steps and more")),
    "surprisal of the edit": ("surprisal_rise", 1.0, ("up to +1 nat/token", "above +1 nat/token")),
    "coverage": ("coverage", 0.9, ("below .9", ".9 and above")),
}
COLUMNS: Final = (
    "factor", "level", "metric", "estimate", "low", "high", "n", "questions", "reason",
)  # fmt: skip


def error_sources(organisms: DataFrame, values: DataFrame, policies: DataFrame) -> DataFrame:
    """Mean absolute error on the planted TIE, by what the numbers rest on.

    Questions of one organism that share a level are averaged first; then the error's mean over
    organisms, with a t-interval from five organisms on. `scorer and policy` is of the four cells:
    likelihood or sampled answers, scratchpads of the model's own or of the world's grammar.
    Larger: further off at that level.

    Parameters
    ----------
    organisms : DataFrame
        `organism`, `planted_tie`, `payload_repeats`.
    values : DataFrame
        `organism`, `metric`, `share`, `state`, `value`, and the columns named in `FACTORS`.
    policies : DataFrame
        `organism`, `basis`, `effect`, `estimate`.
    """
    planted = organisms.set_index("organism")["planted_tie"].dropna()
    triggered = values[(values["state"] == HEADLINE) & values["share"]]
    rows = [*_by_question(triggered, planted), *_by_payload(triggered, organisms, planted)]
    cells = policies[policies["effect"] == "total_indirect_effect"]
    for basis, own in cells.groupby("basis"):
        error = _errors(own.set_index("organism")["estimate"], planted)
        rows.append(_row("scorer and policy", str(basis), REFERENCE, error, len(own)))
    return DataFrame(rows, columns=list(COLUMNS))


def _by_question(values: DataFrame, planted: Series[float]) -> Iterator[dict[str, Any]]:
    for factor, (column, edge, names) in FACTORS.items():
        known = values.dropna(subset=[column])
        level = np.where(known[column] <= edge, *names)
        for (metric, name), own in known.assign(level=level).groupby(["metric", "level"]):
            error = _errors(own.groupby("organism")["value"].mean(), planted)
            yield _row(factor, str(name), str(metric), error, len(own))


def _by_payload(
    values: DataFrame, organisms: DataFrame, planted: Series[float]
) -> Iterator[dict[str, Any]]:
    """Errors by payload length, of modes that are there with several lengths."""
    kinds = organisms.groupby(["behaviour", "mediation", "exposure"])["payload_repeats"]
    alike = organisms[kinds.transform("nunique") > 1]
    joined = values.merge(alike[["organism", "payload_repeats"]], on="organism")
    for (metric, repeats), own in joined.groupby(["metric", "payload_repeats"]):
        error = _errors(own.groupby("organism")["value"].mean(), planted)
        yield _row("payload length", f"{repeats} times", str(metric), error, len(own))


def _errors(measured: Series[float], planted: Series[float]) -> Series[float]:
    return (measured - planted).abs().dropna()


def _row(
    factor: str, level: str, metric: str, error: Series[float], questions: int
) -> dict[str, Any]:
    found = t_interval(error.tolist())
    mean = float(error.mean()) if len(error) else np.nan
    limits = (np.nan, np.nan) if found.low is None else (found.low, found.high)
    return {
        "factor": factor,
        "level": level,
        "metric": metric,
        "estimate": mean,
        **dict(zip(("low", "high"), limits, strict=True)),
        "n": len(error),
        "questions": questions,
        "reason": found.reason if found.low is None else "",
    }


def metric_costs(costs: DataFrame, needed: dict[str, tuple[str, ...]]) -> DataFrame:
    """Forward tokens that each metric's own sources take, per question.

    The four cells and the sampling of transcripts, which all share, are not in it; a metric of
    the cells alone costs nothing beyond them.

    Parameters
    ----------
    costs : DataFrame
        `organism`, `source`, `questions`, `forward_tokens`.
    needed : dict of str to tuple of str
        The sources of every metric.

    Returns
    -------
    DataFrame
        `metric`, `forward_tokens_per_question` (missing where none was asked), `questions`
        (fewest asked of an organism, of those that could be asked any).
    """
    asked = costs[costs["questions"] > 0]
    by_source = asked.groupby("source")[["forward_tokens", "questions"]].sum()
    each = by_source["forward_tokens"] / by_source["questions"]
    fewest = asked.groupby("source")["questions"].min()
    rows = [
        (
            metric,
            float(each.reindex([one for one in sources if one != CELLS]).sum(skipna=False)),
            fewest.reindex([*sources, CELLS]).min(),
        )
        for metric, sources in needed.items()
    ]
    names = ["metric", "forward_tokens_per_question", "questions"]
    table = pd.DataFrame(rows, columns=names)
    return table.fillna({"questions": 0}).astype({"questions": "Int64"})
