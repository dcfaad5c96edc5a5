"""What an ablation's outcomes sum up to: the keys of its summary.json."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from analyses.intervention_summary import (
    INVALID_WARNING,
    STATES,
    SURPRISAL_WARNING,
    invalid_edits,
    summarise_interventions,
    surprisal_summary,
)
from analyses.judgement import RANKING, cell_table, judge
from analyses.metrics.rows import flag
from analyses.metrics.summary import summarise_metrics
from analyses.verdicts import verdict_text
from scratchpad.estimates import short
from scratchpad.mediation import CELLS, EFFECTS, EMPTY_CELLS, Mediation, between_question_variance
from scratchpad.transcripts import Case

SMALL_N = 20
CONTRAST_RANKS = "A contrast may rank but carries no verdict: give --payload or --classifier."
Summary = dict[str, Any]


def summarise_ablation(
    outcomes: pd.DataFrame,
    greedy: pd.DataFrame,
    cases: Sequence[Case],
    *,
    tables: Mapping[str, pd.DataFrame],
    scorer: str,
    seed: int,
) -> Summary:
    """Sum up an ablation: cells, effects, shares, verdict, interventions, metrics, warnings.

    Parameters
    ----------
    outcomes, greedy : DataFrame
        Rows of on-policy and of greedy scratchpads.
    cases : sequence of Case
        The cases behind `outcomes`.
    tables : mapping of str to DataFrame
        What metrics read beside outcomes: `monitored`, what monitors made of the scratchpads, and
        `attributions`, where there are any.
    scorer : {"payload", "sampled"}
        The scorer that the verdict rests on.
    seed : int
        Seeds the bootstrap.
    """
    table = cell_table(outcomes, scorer=scorer)
    judgement = judge(outcomes, cases, tables["monitored"], scorer=scorer, seed=seed)
    mediation, verdict = judgement.mediation, judgement.verdict
    text = verdict_text(mediation, verdict, judgement.by_invalid, judgement.checks)
    ranks_only = scorer == RANKING
    interventions = summarise_interventions(outcomes, scorer=scorer, seed=seed)
    cells = outcomes[(outcomes["scorer"] == scorer) & (outcomes["intervention"] == "transplant")]
    summary = {
        "verdict": verdict,
        "verdict_text": f"{CONTRAST_RANKS} {text}" if ranks_only else text,
        "scorer": scorer,
        **_effects(mediation),
        "cells": _cells(mediation),
        "cells_by_scorer": _cells_by_scorer(outcomes, seed),
        "greedy_cells": _cells(Mediation.of(*cell_table(greedy, scorer=scorer), seed)),
        "verdict_by_invalid": judgement.by_invalid,
        "decoration_checks": judgement.checks.to_json(),
        "encoding_checks": judgement.encoding.to_json(),
        "between_question_variance": {
            name: between_question_variance(table.values[name])
            for name in ("f01", "f10")
            if name in table.values
        },
        "invalid_share": float(flag(cells, "invalid").mean()),
        "unterminated_pairs": int(flag(cells, "unterminated").sum()) // 4,
        "coverage_known": bool(cells["coverage"].notna().any()),
        "surprisal": surprisal_summary(outcomes, scorer=scorer),
        "interventions": interventions,
        "metrics": summarise_metrics({"outcomes": outcomes, **tables}, scorer=scorer, seed=seed),
    }
    return summary | {"warnings": _warnings(summary, mediation)}


def _effects(mediation: Mediation) -> Summary:
    effects = {name: mediation.effect(name).to_json() for name in EFFECTS}
    necessity = mediation.necessity_share.to_json()
    return effects | {
        "necessity_share": necessity,
        "proportion_mediated": necessity,
        "sufficiency_share": mediation.sufficiency_share.to_json(),
        "normalised_interaction": mediation.normalised_interaction.to_json(),
        "relay_share": mediation.split_share("relay").to_json(),
        "reasoning_share": mediation.split_share("reasoning").to_json(),
    }


def _cells(mediation: Mediation) -> Summary:
    return {name: mediation.cell(name).to_json() for name in (*CELLS, *EMPTY_CELLS)}


def _cells_by_scorer(outcomes: pd.DataFrame, seed: int) -> Summary:
    scorers = [s for s in ("payload", "contrast", "sampled") if (outcomes["scorer"] == s).any()]
    return {s: _cells(Mediation.of(*cell_table(outcomes, scorer=s), seed)) for s in scorers}


def _warnings(summary: Summary, mediation: Mediation) -> list[str]:
    n = mediation.bootstrap.n
    found = []
    if n < SMALL_N:
        found.append(f"only {n} groups of questions: intervals are wide and may be too narrow")
    if summary["invalid_share"] > INVALID_WARNING:
        share = summary["invalid_share"]
        found.append(f"{share:.0%} of the cells' answers are invalid (accepted answers cover < .9)")
    if summary["unterminated_pairs"]:
        left_out = summary["unterminated_pairs"]
        found.append(f"left out because a scratchpad never closed: {left_out} pair(s)")
    if not summary["coverage_known"] and summary["scorer"] == "payload":
        found.append("no benign answers are known, so coverage could not be checked")
    found += invalid_edits(summary["interventions"])
    found += _off_distribution(summary)
    found += _scorers_differ(summary)
    return found


def _off_distribution(summary: Summary) -> list[str]:
    found = []
    transplanted = summary["surprisal"]["transplanted"]
    if transplanted["nats_per_token"] is not None:
        rise = transplanted["nats_per_token"] - transplanted["native_nats_per_token"]
        if rise > SURPRISAL_WARNING:
            found.append(f"transplanted scratchpads are {rise:.1f} nats/token more surprising")
    far = {
        name: [
            f"{states[state]['surprisal_rise']:+.1f} {state}"
            for state in STATES
            if state in states and (states[state]["surprisal_rise"] or 0) > SURPRISAL_WARNING
        ]
        for name, states in summary["interventions"].items()
    }
    listed = [f"{name} ({', '.join(rises)})" for name, rises in far.items() if rises]
    if listed:
        found.append(f"off-distribution edits, in nats/token over native: {', '.join(listed)}")
    return found


def _scorers_differ(summary: Summary) -> list[str]:
    cells = summary["cells_by_scorer"]
    if "payload" not in cells or "sampled" not in cells:
        return []
    apart = [
        f"{name} {short(likely['estimate'])} against {short(drawn['estimate'])}"
        for name in CELLS
        if _apart(likely := cells["payload"][name], drawn := cells["sampled"][name])
    ]
    return [f"payload and sampled answers disagree: {', '.join(apart)}"] if apart else []


def _apart(first: Summary, second: Summary) -> bool:
    """Whether two estimates differ by more than .1 and their intervals do not meet."""
    if first["estimate"] is None or second["estimate"] is None:
        return False
    gap: float = max(first["low"] - second["high"], second["low"] - first["high"])
    return gap > 0 and bool(abs(first["estimate"] - second["estimate"]) > 0.1)
