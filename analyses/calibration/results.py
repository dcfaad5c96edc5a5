"""From the rows of an organism to the tidy tables that scores are computed from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

from analyses.calibration.instruments import (
    ATTRIBUTION,
    CELLS,
    INSTRUMENTS,
    MONITOR,
    REPEAT,
    SALIENCE,
    SAMPLED,
    Instrument,
)
from analyses.calibration.ladder import Rung
from analyses.calibration.stacking import stacked
from analyses.judgement import cell_table
from analyses.metrics import METRICS
from analyses.metrics.attribution import SelfConsistency
from analyses.metrics.base import Metric, OutcomeMetric
from analyses.metrics.rows import STATES, scored_rows
from scratchpad.mediation import EFFECTS as CELLS_OF
from scratchpad.mediation import Mediation
from scratchpad.organisms import Organism
from scratchpad.statistics import Estimate

SCORER: Final = "payload"
EFFECTS: Final = ("total_indirect_effect", "pure_indirect_effect")
CIRCUMSTANCES: Final = ["n_steps", "surprisal_rise", "coverage"]
VALUES: Final = ["question_id", "group", "value", *CIRCUMSTANCES, "metric", "share", "state"]
_NONE: Final = DataFrame({"question_id": [], "group": [], "value": []})
_APART: Final = (REPEAT, SAMPLED, ATTRIBUTION, MONITOR, SALIENCE)


@dataclass(frozen=True)
class Sources:
    """All rows of one organism, by source.

    Parameters
    ----------
    by_name : mapping of str to DataFrame
        What every source left.
    seed : int
        Seeds the bootstrap.
    unread : str
        Why nothing of the organism could be read; empty where something could.
    """

    by_name: Mapping[str, DataFrame]
    seed: int
    unread: str = ""

    def emptied(self, why: str) -> Sources:
        """The same sources without rows, since nothing could be read."""
        return Sources(dict.fromkeys(self.by_name, DataFrame()), self.seed, why)

    @property
    def outcomes(self) -> DataFrame:
        """The rows of every intervention as one outcomes table."""
        return stacked(rows for name, rows in self.by_name.items() if name not in _APART)

    def table(self, metric: Metric) -> DataFrame:
        """The table that a metric reads."""
        own = {"attributions": ATTRIBUTION, "monitored": MONITOR}
        return self.by_name[own[metric.table]] if metric.table in own else self.outcomes

    def plain(self, estimate: Estimate) -> dict[str, Any]:
        """An estimate as columns of a row, NaN where it is undefined."""
        told = Estimate.undefined(0, self.unread) if self.unread else estimate
        found = {"reason": ""} | told.to_json()
        numbers = ("estimate", "low", "high")
        return found | {name: np.nan if found[name] is None else found[name] for name in numbers}


def reference(sources: Sources) -> DataFrame:
    """TIE and PIE of the four cells, of both samplings: `repeat`, `effect` and an estimate."""
    rows = []
    for repeat, source in enumerate((CELLS, REPEAT)):
        cells = cell_table(sources.by_name[source], scorer=SCORER)
        mediation = Mediation.of(*cells, sources.seed)
        rows += [
            {"repeat": repeat, "effect": name, **sources.plain(mediation.effect(name))}
            for name in EFFECTS
        ]
    return DataFrame(rows)


def policies(sources: Sources, organism: Organism) -> DataFrame:
    """TIE and PIE of the cells by what they rest on: how scored, and who wrote the scratchpads.

    `template`: scratchpads written by the world's grammar on the questions of the admission, as
    the organism's record has them; no interval of a difference is known there.
    """
    rows = []
    for scorer in (SCORER, SAMPLED):
        cells = cell_table(sources.by_name[SAMPLED], scorer=scorer)
        mediation = Mediation.of(*cells, sources.seed)
        rows += [
            {
                "basis": f"on-policy, {scorer}",
                "effect": name,
                **sources.plain(mediation.effect(name)),
            }
            for name in EFFECTS
        ]
    for effect in EFFECTS:
        parts = [
            np.nan if (cell := organism.measured.cells[name].estimate) is None else weight * cell
            for name, weight in CELLS_OF[effect].items()
        ]
        rows.append({"basis": "template, payload", "effect": effect, "estimate": sum(parts)})
    return DataFrame(rows)


def means(sources: Sources, rung: Rung) -> DataFrame:
    """Every instrument's number after either prompt."""
    rows = []
    for name, instrument in INSTRUMENTS.items():
        metric = METRICS[instrument.metric]
        found = metric(sources.table(metric), SCORER, sources.seed)
        rows += [
            {
                "metric": name,
                "state": state,
                "share": instrument.share,
                "seen": instrument.meets(rung.config),
                **sources.plain(_rising(found[state][instrument.number], instrument)),
            }
            for state in STATES
            if instrument.number in found[state]
        ]
    return DataFrame(rows)


def values(sources: Sources) -> DataFrame:
    """The same numbers question by question, of the metrics that have any.

    Beside each stand means over the rows that it rests on: `n_steps` of the scratchpads,
    `surprisal_rise` (nats/token over the native one) and `coverage`.
    """
    tables = [
        found.merge(
            _circumstances(sources, instrument, state), on="question_id", how="left"
        ).assign(metric=name, share=instrument.share, state=label)
        for name, instrument in INSTRUMENTS.items()
        for state, label in enumerate(STATES)
        for found in [_by_question(METRICS[instrument.metric], instrument, sources, state)]
        if len(found)
    ]
    return stacked([DataFrame(columns=VALUES), *tables])


def _circumstances(sources: Sources, instrument: Instrument, state: int) -> DataFrame:
    """What may explain an instrument's errors, by question."""
    names = [one for one in instrument.sources if one not in _APART] or [CELLS]
    rows = scored_rows(pd.concat([sources.by_name[name] for name in names]), SCORER)
    own = rows.loc[rows["prompt_state"] == state]
    rise = own["surprisal"] - own["native_surprisal"]
    by_question = own.assign(surprisal_rise=rise).groupby("question_id")[CIRCUMSTANCES].mean()
    return by_question.reset_index()


def _rising(estimate: Estimate, instrument: Instrument) -> Estimate:
    if instrument.rising or estimate.estimate is None:
        return estimate
    assert estimate.low is not None
    assert estimate.high is not None
    return Estimate(1 - estimate.estimate, 1 - estimate.high, 1 - estimate.low, estimate.n)


def _by_question(metric: Metric, instrument: Instrument, sources: Sources, state: int) -> DataFrame:
    table = sources.table(metric)
    if metric.lacks(table, SCORER):
        return _NONE
    if isinstance(metric, OutcomeMetric):
        found = metric.questions(scored_rows(table, SCORER), state)
    elif isinstance(metric, SelfConsistency):
        found = metric.questions(table, state)
    else:  # a rate over arms of transcripts: a single question has none
        return _NONE
    measure = metric.measures(state)[instrument.number]
    with np.errstate(divide="ignore", invalid="ignore"):
        value = measure.compute(*(found[name] for name in measure.columns))
    value = value if instrument.rising else 1 - value
    return Series(value, index=found.index, name="value").dropna().reset_index()
