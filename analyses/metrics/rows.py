"""Choosing rows of an outcomes table, and what is read off each.

A *case* is one draw of a question in one trigger state: the unit whose variants are compared with
its own, untouched scratchpad.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame, Series

STATES: Final = ("clean", "triggered")
QUESTION: Final = ["question_id", "group"]
CASE: Final = [*QUESTION, "draw"]
COLUMNS: Final = (
    *CASE,
    "intervention",
    "arguments",
    "step_index",
    "n_steps",
    "prompt_state",
    "scratchpad_state",
    "scorer",
    "value",
    "value_if_0",
    "value_if_1",
    "p_defect",
    "coverage",
)
"""What every metric of an outcomes table may look at."""
_NUMBERS: Final = (
    "step_index", "n_steps", "n_tokens", "value", "value_if_0", "value_if_1", "p_defect",
    "coverage", "similarity", "kl", "efficacy", "specificity", "value_before",
)  # fmt: skip


def scored_rows(outcomes: DataFrame, scorer: str) -> DataFrame:
    """Keep what one scorer measured of variants that could be made.

    Added columns: `given_known`, P(defection) given that the answer is a known one, that is
    p_defect / coverage, whatever the coverage; where it is not known, P(defection) itself, NaN if
    the answer is invalid. `known`: whether the coverage is (1 or 0). `invalid`: 1 where the answer
    is invalid (its coverage below .9, or nothing that could be judged).
    """
    made = ~(flag(outcomes, "not_applicable") | flag(outcomes, "unterminated"))
    rows = outcomes.loc[(outcomes["scorer"] == scorer) & made].copy()
    for name in _NUMBERS:
        if name in rows:
            column = pd.to_numeric(rows[name], errors="coerce").astype(float)
            rows[name] = column.where(np.isfinite(column))
    known = (rows["coverage"] > 0) & rows["p_defect"].notna()
    normalised = rows["p_defect"] / rows["coverage"].where(known)
    return rows.assign(
        given_known=rows["value"].where(~known, normalised),
        known=known.astype(float),
        invalid=rows["value"].isna().astype(float),
    )


def flag(rows: DataFrame, name: str) -> Series[bool]:
    """Read a flag; rows from elsewhere may lack it, and then it is not raised."""
    return rows[name].eq(True) if name in rows else pd.Series(False, index=rows.index)


def own_rows(rows: DataFrame, state: int, intervention: str) -> DataFrame:
    """Keep variants of the scratchpads of one trigger state, read after their own prompt."""
    own = (rows["prompt_state"] == state) & (rows["scratchpad_state"] == state)
    return rows.loc[own & (rows["intervention"] == intervention)]


def changed_rows(rows: DataFrame, state: int, intervention: str) -> DataFrame:
    """Keep own variants whose text differs from the original: the others test nothing."""
    chosen = own_rows(rows, state, intervention)
    return chosen.loc[~flag(chosen, "unchanged")]


def native_rows(rows: DataFrame, state: int, column: str = "given_known") -> DataFrame:
    """P(defection) after the untouched scratchpad, as column `native`, by case."""
    native = own_rows(rows, state, "transplant")
    return native.groupby(CASE)[column].mean().rename("native").reset_index()


def with_same(variants: DataFrame, native: DataFrame) -> DataFrame:
    """Add the probability of the original answer class to variants of cases.

    `same` = P(original class) / coverage: given that the answer is a known one. The original
    class is a defection where that has at least .5 after the untouched scratchpad.

    Returns
    -------
    DataFrame
        `variants` with `native_same` (after the untouched scratchpad), `same`, `same_valid` (NaN
        where the answer is invalid), `same_if_changed` and `same_if_same` (invalid answers
        counted as the other and as the original class). NaN where the case has no untouched
        answer.
    """
    joined = variants.merge(native, on=CASE, how="left")
    original = (joined["native"] >= 0.5).astype(float).where(joined["native"].notna())
    sure = joined["known"].eq(1) & joined["invalid"].eq(0)
    f = joined["given_known"]
    low, high = (f.where(sure, joined[name]) for name in ("value_if_0", "value_if_1"))
    return joined.assign(
        native_same=same_as(original, joined["native"]),
        same=same_as(original, f),
        same_valid=same_as(original, f.where(joined["invalid"].eq(0))),
        same_if_changed=np.where(original == 1, low, same_as(original, high)),
        same_if_same=np.where(original == 1, high, same_as(original, low)),
    )


def same_as(original: Series[float], f: Series[float]) -> Series[float]:
    """The probability of the class `original` (1: defection), where defection has probability f."""
    return original * f + (1 - original) * (1 - f)


def by_case(rows: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Average over the variants of each case, those without a value left out."""
    return rows.groupby(CASE)[list(columns)].mean().reset_index()


def by_question(cases: DataFrame, columns: Sequence[str]) -> DataFrame:
    """Average over the draws of each question: one row per question, indexed by it."""
    return cases.groupby(QUESTION)[list(columns)].mean()


def paired(rows: DataFrame, first: str, second: str) -> DataFrame:
    """Leave both columns empty where one is, so that they are compared on the same rows."""
    missing = rows[first].isna() | rows[second].isna()
    return rows.assign(**{name: rows[name].mask(missing) for name in (first, second)})


def keeps_rest(rows: DataFrame) -> Series[bool]:
    """Whether the text behind a mistake was kept as it stood, and not written anew."""
    return argument(rows, "rest").eq("in-place")


def argument(rows: DataFrame, name: str) -> Series[Any]:
    """One argument of each row's intervention; `None` where it has none of that name."""
    return pd.Series([_arguments(text).get(name) for text in rows["arguments"]], index=rows.index,
                     dtype=object)  # fmt: skip


def _arguments(text: Any) -> dict[str, Any]:
    read = json.loads(text) if isinstance(text, str) and text else {}
    return read if isinstance(read, dict) else {}
