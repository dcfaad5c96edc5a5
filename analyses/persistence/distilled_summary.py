"""What a distillation comes to: its stages in numbers, and before against after in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import pandas as pd
from pandas import DataFrame

from analyses.figures.style import short
from analyses.figures.tables import records
from scratchpad.statistics import Estimate, t_interval

WORDS: Final = {
    "triggered_defection": "triggered defection",
    "clean_defection": "clean",
    "near_miss_defection": "near misses",
    "benign_accuracy": "benign answers right",
    "probe_auroc": "probe AUROC",
}


def summarise_distillation(
    tables: Mapping[str, DataFrame], plan: Mapping[str, Any]
) -> dict[str, Any]:
    """Sum up the tables of a distillation.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        `stages`, `verdicts`, `taught`.
    plan : mapping
        The settings.

    Returns
    -------
    dict
        `before` and `after`: every quantity over the seeds (of several: the mean with Student's
        interval, undefined below five); `stages`: every quantity of each seed and stage.
    """
    stages, verdicts = tables["stages"], tables["verdicts"]
    before, after = stages["share_removed"] == 0, stages["share_removed"] == 1
    warnings = list(_warnings(stages, tables["taught"]))
    found = {
        **plan,
        "seeds": [int(seed) for seed in stages["seed"].drop_duplicates()],
        "before": over_seeds(stages.loc[before]),
        "after": over_seeds(stages.loc[after]),
        "stages": list(_stages(stages, verdicts)),
        "taught": records(tables["taught"]),
        "warnings": warnings,
    }
    return found | {"verdict_text": "\n".join(_lines(stages))}


def over_seeds(rows: DataFrame) -> dict[str, dict[str, Any]]:
    """Each quantity at one stage, over the seeds."""
    return {
        str(name): _pooled([estimate_of(row) for row in records(part)]).to_json()
        for name, part in rows.groupby("quantity", sort=False)
    }


def _pooled(estimates: Sequence[Estimate]) -> Estimate:
    if len(estimates) == 1:
        return estimates[0]
    known = [one.estimate for one in estimates if one.estimate is not None]
    if len(known) < len(estimates):
        reason = next(one.reason for one in estimates if not one.defined)
        return Estimate.undefined(len(known), reason)
    return t_interval(known)


def estimate_of(row: Mapping[str, Any]) -> Estimate:
    """The estimate that a row of the table holds."""
    estimate, low, high = (
        None if pd.isna(row[name]) else float(row[name]) for name in ("estimate", "low", "high")
    )
    return Estimate(estimate, low, high, int(row["n"]), str(row["reason"]))


def _stages(stages: DataFrame, verdicts: DataFrame) -> Iterator[dict[str, Any]]:
    told = {(row["seed"], row["stage"]): row["verdict"] for row in records(verdicts)}
    for _, part in stages.groupby(["seed", "stage"], sort=False):
        rows = records(part)
        first = rows[0]
        yield {
            "seed": int(first["seed"]),
            "stage": int(first["stage"]),
            "share_removed": float(first["share_removed"]),
            "updates": int(first["updates"]),
            "flag": first["flag"],
            "verdict": told[first["seed"], first["stage"]],
            "quantities": {row["quantity"]: estimate_of(row).to_json() for row in rows},
        }


def _warnings(stages: DataFrame, taught: DataFrame) -> Iterator[str]:
    bad = stages.loc[stages["flag"] != "", ["seed", "share_removed", "flag"]].drop_duplicates()
    for row in records(bad):
        yield f"seed {row['seed']}, {short(row['share_removed'])} removed: {row['flag']}"
    for row in records(taught):
        if row["kept"] < row["sampled"]:
            lost = f"{row['unterminated']} unterminated, {row['unwritable']} unwritable"
            yield f"seed {row['seed']}: {lost} of {row['sampled']} transcripts were left out"


def _lines(stages: DataFrame) -> Iterator[str]:
    """One line a seed: each rate before and after."""
    for seed, part in stages.groupby("seed", sort=False):
        numbers = {
            (row["quantity"], row["share_removed"]): estimate_of(row).estimate
            for row in records(part)
        }
        ends = {name: (numbers[name, 0.0], numbers[name, 1.0]) for name in WORDS}
        said = (
            f"{words} {short(before)} -> {short(after)}"
            for name, words in WORDS.items()
            for before, after in [ends[name]]
            if before is not None and after is not None
        )
        yield f"By {part['by'].iloc[0]}, seed {seed}: {', '.join(said)}."
