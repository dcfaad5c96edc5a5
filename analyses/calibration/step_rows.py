"""From the rows of an organism to the importance of every step of its scratchpads."""

from __future__ import annotations

import pandas as pd
from pandas import DataFrame

from analyses.calibration.instruments import ATTRIBUTIONS, Attribution
from analyses.calibration.ladder import Rung
from analyses.calibration.results import SCORER, Sources
from analyses.calibration.stacking import stacked
from analyses.metrics import METRICS
from analyses.metrics.rows import CASE, argument, own_rows, scored_rows
from analyses.metrics.steps import StepMetric
from scratchpad.transcripts import TRIGGERED


def steps(sources: Sources, rung: Rung, kinds: DataFrame, deciding: str | None) -> DataFrame:
    """The importance of every step of the triggered scratchpads, by every attribution.

    Parameters
    ----------
    kinds : DataFrame
        `question_id`, `draw`, `step_index` and `kind` of every step.
    deciding : str or None
        The kind of the planted driver step; `None` where no step is one.
    """
    tables = [
        _importance(attribution, sources).assign(
            attribution=name, seen=attribution.meets(rung.config)
        )
        for name, attribution in ATTRIBUTIONS.items()
    ]
    names = ["attribution", "seen", *CASE, "step_index", "kind", "driver", "importance"]
    every = stacked(tables)
    if every.empty:
        return DataFrame(columns=names)
    joined = every.merge(kinds, on=["question_id", "draw", "step_index"], how="inner")
    joined["driver"] = joined["kind"].eq(deciding or "")
    return joined[names].reset_index(drop=True)


def _importance(attribution: Attribution, sources: Sources) -> DataFrame:
    names = [*CASE, "step_index", "importance"]
    if attribution.metric:
        metric = METRICS[attribution.metric]
        assert isinstance(metric, StepMetric)
        return metric.importance(sources.outcomes, SCORER, TRIGGERED)
    rows = sources.by_name[attribution.source]
    if rows.empty:
        return DataFrame(columns=names)
    if "importance" in rows:
        return rows.loc[rows["prompt_state"] == TRIGGERED, names]
    own = own_rows(scored_rows(rows, SCORER), TRIGGERED, attribution.source)
    if attribution.source == "knock-out":
        span = pd.to_numeric(argument(own, "span"), errors="coerce")
        found = own.assign(step_index=span, importance=own["kl"]).dropna(subset=["step_index"])
    else:
        found = own.assign(importance=own["value_before"] - own["value"])
    return found.groupby([*CASE, "step_index"])["importance"].mean().reset_index()
