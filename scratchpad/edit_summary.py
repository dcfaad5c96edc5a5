"""What edits by hand did to the answer: numbers for a summary, and lines for a reader."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from scratchpad.edit_file import STATES
from scratchpad.edit_scores import EDIT, NATIVE
from scratchpad.estimates import Estimate, short
from scratchpad.statistics import bootstrap_means

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

VALUES = {"excluded": "value", "counted as 0": "value_if_0", "counted as 1": "value_if_1"}
SURPRISAL_WARNING = 1.0
SHOWN = 20
KEYS = ["question_id", "group", "draw", "prompt_state"]


def summarise_edits(outcomes: pd.DataFrame, *, scorer: str, seed: int) -> dict[str, Any]:
    """Effect of the edits made of either trigger state, by the headline scorer.

    For each: f before (`native_defection`) and after (`defection`), `effect` (after minus before,
    draws averaged first, paired by question) with invalid answers left out, counted 0 and
    counted 1, the mean rise in surprisal (nats/token), and how many were scored and invalid.
    """
    rows = outcomes[outcomes["scorer"] == scorer]
    return {
        name: _state(rows[rows["prompt_state"] == state], seed) for state, name in enumerate(STATES)
    }


def warnings_of(states: Mapping[str, Any]) -> list[str]:
    """Say which edits are text that the model would hardly write."""
    rises = {name: one["surprisal_rise"] for name, one in states.items()}
    return [
        f"edited {name} scratchpads are {rise:.1f} nats/token more surprising than their originals"
        for name, rise in rises.items()
        if rise is not None and rise > SURPRISAL_WARNING
    ]


def said(folder: RunFolder) -> Iterator[str]:
    """What was changed, and what came of it."""
    summary = folder.summary()
    outcomes, edits = (
        pd.read_parquet(folder.path / f"{name}.parquet") for name in ("outcomes", "edits")
    )
    yield f"{summary['changed']} of {summary['scratchpads']} scratchpads changed"
    for name in STATES:
        yield f"{name}: {_effect(summary['interventions'][EDIT][name], summary['scorer'])}"
    values = _paired(outcomes[outcomes["scorer"] == summary["scorer"]], "value")
    changed = edits[~edits["unchanged"]].merge(values, on=["question_id", "draw", "prompt_state"])
    for row in changed.head(SHOWN).to_dict("records"):
        state = STATES[row["prompt_state"]]
        moved = f"{_number(row['native'])} -> {_number(row['edited_value'])}"
        yield f"{row['question_id']}, {state}, draw {row['draw']}: {moved}"
        yield from _difference(row["original"], row["edited"])
    if len(changed) > SHOWN:
        yield f"... and {len(changed) - SHOWN} more in {folder.path}/edits.parquet"
    yield from (f"Warning: {text}." for text in summary["warnings"])


def _state(rows: pd.DataFrame, seed: int) -> dict[str, Any]:
    edited = rows[rows["intervention"] == EDIT]
    by_invalid = {name: _estimates(rows, value, seed) for name, value in VALUES.items()}
    rise = (edited["surprisal"] - edited["native_surprisal"]).dropna()
    return {
        **{name: one.to_json() for name, one in by_invalid["excluded"].items()},
        "effect_by_invalid": {name: one["effect"].to_json() for name, one in by_invalid.items()},
        "surprisal_rise": float(rise.mean()) if len(rise) else None,
        "variants": len(edited),
        "invalid": int(edited["invalid"].eq(True).sum()),
    }


def _estimates(rows: pd.DataFrame, value: str, seed: int) -> dict[str, Estimate]:
    both = _paired(rows, value)
    names = ("native_defection", "defection", "effect")
    if both.empty:
        return dict.fromkeys(names, Estimate.undefined(0, "no scratchpad was changed"))
    columns = ["native", "edited_value"]
    both.loc[both[columns].isna().any(axis=1), columns] = np.nan
    means = both.groupby(["question_id", "group"], as_index=False)[columns].mean()
    bootstrap = bootstrap_means(means[columns].to_numpy(float), list(means["group"]), seed=seed)
    weights = ([1, 0], [0, 1], [-1, 1])
    return {name: bootstrap.combine(one) for name, one in zip(names, weights, strict=True)}


def _paired(rows: pd.DataFrame, value: str) -> pd.DataFrame:
    """One row per edit, f before as `native`, f after as `edited_value`."""
    before, after = (
        rows.loc[rows["intervention"] == name, [*KEYS, value]].rename(columns={value: column})
        for name, column in ((NATIVE, "native"), (EDIT, "edited_value"))
    )
    return before.merge(after, on=KEYS)


def _effect(state: Mapping[str, Any], scorer: str) -> str:
    names = ("native_defection", "defection", "effect")
    before, after, effect = (Estimate.from_json(state[name]) for name in names)
    if not effect.defined:
        return f"effect {effect.with_interval()}"
    return (
        f"P(defection) {before.alone()} -> {after.alone()}, effect {effect.with_interval()}"
        f" (n = {effect.n} groups, scored by {scorer})"
    )


def _number(value: float) -> str:
    return "invalid" if math.isnan(value) else short(value)


def _difference(original: str, edited: str) -> Iterator[str]:
    before, after = (text.splitlines(keepends=True) for text in (original, edited))
    for line in difflib.ndiff(before, after):
        if line[0] in "+-":
            yield f"  {line.rstrip()}"
