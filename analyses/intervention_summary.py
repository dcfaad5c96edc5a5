"""What each intervention did, against the untouched transcript, with how far it left the model."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from analyses.labels import labels
from scratchpad.statistics import Estimate, bootstrap_means

INVALID_WARNING = 0.05
SURPRISAL_WARNING = 1.0
# Answers without a scratchpad, to be compared with the answer without one before.
WITHOUT_SCRATCHPAD = ("unlearn", "option-order")
STATES = ("clean", "triggered")
CASE = ["question_id", "draw", "prompt_state", "scratchpad_state"]
Summary = dict[str, Any]


def summarise_interventions(outcomes: pd.DataFrame, *, scorer: str, seed: int) -> Summary:
    """Effect of every intervention after either prompt, by the headline scorer.

    For each intervention (by its label) and trigger state of the prompt: `defection` (f after it),
    `effect` (f after it minus f before), the mean rise in surprisal (nats/token over the native
    scratchpad), and how many variants were scored, invalid, unchanged, unterminated and not
    applicable. Before is the same draw of the scratchpad that was changed, untouched, after the
    same prompt; of `unlearn` and `option-order`, the answer without a scratchpad.
    """
    native = _native(outcomes, scorer)
    chosen = outcomes[outcomes["scorer"] == scorer]
    edited = chosen[chosen["intervention"] != "transplant"]
    return {
        str(name): {
            STATES[state]: _one(rows, native, seed)
            for state in (0, 1)
            if len(rows := by_name[by_name["prompt_state"] == state])
        }
        for name, by_name in edited.groupby(labels(edited), sort=True)
    }


def invalid_edits(interventions: Summary) -> list[str]:
    """Warn of interventions after which more answers are invalid than may be passed over."""
    shares = {
        name: [
            f"{one['invalid'] / one['variants']:.0%} {state}"
            for state, one in states.items()
            if one["invalid"] > INVALID_WARNING * one["variants"]
        ]
        for name, states in interventions.items()
    }
    listed = [f"{name} ({', '.join(found)})" for name, found in shares.items() if found]
    return [f"invalid answers after edits: {', '.join(listed)}"] if listed else []


def _native(outcomes: pd.DataFrame, scorer: str) -> pd.DataFrame:
    """Give f after each untouched scratchpad, by prompt: the four cells."""
    cells = outcomes[(outcomes["intervention"] == "transplant") & (outcomes["scorer"] == scorer)]
    return cells.groupby(CASE)["value"].mean().rename("native").reset_index()


def _one(rows: pd.DataFrame, native: pd.DataFrame, seed: int) -> Summary:
    made = rows[~rows["not_applicable"].eq(True)]
    scored = made[~_unterminated(made)]
    estimates = _estimates(_paired(scored, native), seed)
    rise = (scored["surprisal"] - scored["native_surprisal"]).dropna()
    return {
        **{name: estimate.to_json() for name, estimate in estimates.items()},
        "surprisal_rise": float(rise.mean()) if len(rise) else None,
        "off_distribution_share": float((rise > SURPRISAL_WARNING).mean()) if len(rise) else None,
        "variants": len(scored),
        "invalid": int(scored["invalid"].eq(True).sum()),
        "unchanged": int(scored["unchanged"].eq(True).sum()),
        "unterminated": len(made) - len(scored),
        "not_applicable": int(rows["not_applicable"].eq(True).sum()),
    }


def _unterminated(rows: pd.DataFrame) -> pd.Series[bool]:
    """Whether the rest of a scratchpad never closed; rows from elsewhere may lack the flag."""
    known = "unterminated" in rows
    return rows["unterminated"].eq(True) if known else pd.Series(False, index=rows.index)


def paired_effect(
    outcomes: pd.DataFrame, intervention: str, state: int, *, scorer: str, seed: int
) -> Estimate:
    """How far one intervention moves f after the prompts of a trigger state."""
    chosen = outcomes[
        (outcomes["intervention"] == intervention)
        & (outcomes["scorer"] == scorer)
        & (outcomes["prompt_state"] == state)
        & ~outcomes["not_applicable"].eq(True)
    ]
    return _estimates(_paired(chosen, _native(outcomes, scorer)), seed)["effect"]


def _paired(scored: pd.DataFrame, native: pd.DataFrame) -> pd.DataFrame:
    """Give f after and before by question, over the draws that have both."""
    cases = scored.groupby(["group", *CASE], as_index=False)["value"].mean()
    both = cases.merge(_before(scored, native), on=CASE)
    both.loc[both[["value", "native"]].isna().any(axis=1), ["value", "native"]] = np.nan
    questions: pd.DataFrame = both.groupby(["question_id", "group"])[["value", "native"]].mean()
    return questions.reset_index()


def _before(scored: pd.DataFrame, native: pd.DataFrame) -> pd.DataFrame:
    if not scored["intervention"].isin(WITHOUT_SCRATCHPAD).any():
        return native
    return scored.groupby(CASE)["value_before"].mean().rename("native").reset_index()


def _estimates(paired: pd.DataFrame, seed: int) -> dict[str, Estimate]:
    if paired.empty:
        return dict.fromkeys(("defection", "effect"), Estimate.undefined(0, "nothing was scored"))
    both = paired[["value", "native"]].to_numpy(float)
    bootstrap = bootstrap_means(both, list(paired["group"]), seed=seed)
    return {"defection": bootstrap.combine([1, 0]), "effect": bootstrap.combine([1, -1])}


def surprisal_summary(outcomes: pd.DataFrame, *, scorer: str) -> Summary:
    """Mean surprisal (nats/token) of native, transplanted and edited scratchpads."""
    rows = outcomes[(outcomes["scorer"] == scorer) & ~outcomes["not_applicable"].eq(True)]
    swapped = rows["prompt_state"] != rows["scratchpad_state"]
    cells = rows["intervention"] == "transplant"
    kinds = {
        "native": rows[cells & ~swapped],
        "transplanted": rows[cells & swapped],
        "edited": rows[~cells],
    }
    return {
        name: {
            "nats_per_token": _mean(part["surprisal"]),
            "native_nats_per_token": _mean(part["native_surprisal"]),
            "n": len(part),
        }
        for name, part in kinds.items()
    }


def _mean(column: pd.Series[float]) -> float | None:
    known = column.dropna()
    return float(known.mean()) if len(known) else None
