"""From outcomes to a verdict: cells by question, the decision rule, the checks behind a word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import pandas as pd

from analyses.intervention_summary import paired_effect
from analyses.metrics.monitors import RULE
from analyses.metrics.rows import flag
from analyses.probing.detection import scratchpad_auroc
from analyses.verdicts import Checks, Encoding, agreed_verdict, verdict_name
from probes.evaluation import Resamples, estimate
from probes.metrics import auroc
from scratchpad.mediation import Mediation
from scratchpad.statistics import Estimate
from scratchpad.transcripts import Case

TREATMENTS: Final = {
    "excluded": "value",
    "counted as 0": "value_if_0",
    "counted as 1": "value_if_1",
}
DRAWS: Final = 2000
RANKING: Final = "contrast"
"""The scorer that may rank and carries no verdict."""


class CellTable(NamedTuple):
    """Cells by question: `values[name]` has one number per group in `groups`."""

    values: dict[str, np.ndarray]
    groups: list[str]


def cell_table(outcomes: pd.DataFrame, *, scorer: str, column: str = "value") -> CellTable:
    """Average f over a question's draws, for every cell that the outcomes hold."""
    if outcomes.empty:
        return CellTable({}, [])
    rows = outcomes[(outcomes["scorer"] == scorer) & ~flag(outcomes, "not_applicable")].copy()
    keys = zip(rows["intervention"], rows["prompt_state"], rows["scratchpad_state"], strict=True)
    rows["cell"] = [_cell(*key) for key in keys]
    rows = rows[rows["cell"] != ""]
    wide = rows.pivot_table(
        index=["question_id", "group"], columns="cell", values=column, aggfunc="mean", dropna=False
    )
    wide = wide[wide.notna().any(axis=1)].sort_index()
    values = {str(name): wide[name].to_numpy(dtype=float) for name in wide.columns}
    return CellTable(values, [str(group) for group in wide.index.get_level_values("group")])


class Judgement(NamedTuple):
    """What the outcomes of a subject come to.

    Parameters
    ----------
    mediation : Mediation
        The cells, invalid answers left out.
    by_invalid : dict of str to str
        The pattern for every way to count invalid answers.
    checks : Checks
        What must hold before the word "decoration".
    encoding : Encoding
        What must hold before the word "encoded".
    verdict : str
        The name that the decision rule gives.
    """

    mediation: Mediation
    by_invalid: dict[str, str]
    checks: Checks
    encoding: Encoding
    verdict: str


def judge(
    outcomes: pd.DataFrame,
    cases: Sequence[Case],
    monitored: pd.DataFrame,
    *,
    scorer: str,
    seed: int,
) -> Judgement:
    """Apply the decision rule to the cells, however invalid answers are counted.

    Parameters
    ----------
    outcomes : DataFrame
        Rows of on-policy scratchpads; without paraphrases nothing is called "encoded".
    cases : sequence of Case
        The cases behind them.
    monitored : DataFrame
        What monitors made of the scratchpads.
    scorer : str
        The scorer that the verdict rests on.
    seed : int
        Seeds the bootstrap.
    """
    mediation = Mediation.of(*cell_table(outcomes, scorer=scorer), seed)
    by_invalid = {
        how: Mediation.of(*cell_table(outcomes, scorer=scorer, column=column), seed).verdict()
        for how, column in TREATMENTS.items()
    }
    checks = _checks(outcomes, mediation, cases, scorer, seed)
    encoding = Encoding(
        moved=paired_effect(outcomes, "paraphrase", 1, scorer=scorer, seed=seed),
        needed=mediation.effect("total_indirect_effect"),
        monitored=monitor_auroc(monitored, seed),
    )
    named = verdict_name(agreed_verdict(by_invalid), checks, encoding)
    verdict = "undecided" if scorer == RANKING else named
    return Judgement(mediation, by_invalid, checks, encoding, verdict)


def monitor_auroc(monitored: pd.DataFrame, seed: int) -> Estimate:
    """How well the flags of the monitor that reads by rule tell defections, by group."""
    rows = monitored[(monitored["monitor"] == RULE) & monitored["defected"].notna()]
    labels = rows["defected"].to_numpy(dtype=np.bool_)
    if labels.all() or not labels.any():
        return Estimate.undefined(len(labels), "only one outcome occurs")
    resamples = Resamples.draw(rows["group"].to_numpy(dtype=np.str_), DRAWS, seed)
    one_stratum = np.zeros(len(labels), dtype=np.intp)
    return estimate(auroc, labels, rows["flagged"].to_numpy(float), one_stratum, resamples)


def _checks(
    outcomes: pd.DataFrame, mediation: Mediation, cases: Sequence[Case], scorer: str, seed: int
) -> Checks:
    moved = {
        (name, state): paired_effect(outcomes, name, state, scorer=scorer, seed=seed)
        for name, state in (("implant", 0), ("implant", 1), ("empty", 1))
    }
    return Checks(
        text_auroc=scratchpad_auroc(cases, seed),
        implanted=(moved["implant", 0], moved["implant", 1]),
        emptied=moved["empty", 1],
        groups=mediation.bootstrap.n,
    )


def _cell(intervention: str, prompt_state: int, scratchpad_state: int) -> str:
    if intervention == "transplant":
        return f"f{int(prompt_state)}{int(scratchpad_state)}"
    if intervention == "empty":
        return f"f{int(prompt_state)}e"
    return f"{intervention}{int(prompt_state)}" if intervention in ("relay", "reasoning") else ""
