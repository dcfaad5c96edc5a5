"""From rows of outcomes to means with intervals: what every figure and the report start from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from pandas import DataFrame

from scratchpad.errors import DataError
from scratchpad.statistics import bootstrap_means

# A verdict rests on the first of these that a run has; a contrast may only rank.
SCORERS: Final = ("payload", "sampled", "contrast")
SEED: Final = 0  # of the resamples: a figure is a function of its table alone
# What rows that are no outcomes lack, to be averaged as outcomes are.
UNFLAGGED: Final[dict[str, Any]] = {
    "invalid": False, "not_applicable": False, "unterminated": False,
}  # fmt: skip
INVALID_SHARE_WORTH_SHOWING: Final = 0.05


def scorers_of(table: DataFrame) -> list[str]:
    """Name the scorers of an outcomes table, the one for the headline first."""
    present = set(table["scorer"].unique())
    return [name for name in SCORERS if name in present] + sorted(present - set(SCORERS))


def headline_rows(table: DataFrame) -> DataFrame:
    """Keep the rows of the scorer that the headline rests on."""
    return table.loc[table["scorer"] == scorers_of(table)[0]] if len(table) else table


def made_rows(table: DataFrame) -> DataFrame:
    """Leave out variants that could not be made and scratchpads that never closed."""
    flags = table[["not_applicable", "unterminated"]]
    return table.loc[~flags.eq(True).any(axis=1)]


def native_rows(table: DataFrame) -> DataFrame:
    """Keep the unedited scratchpads: each under its own prompt."""
    own = table["prompt_state"] == table["scratchpad_state"]
    return table.loc[(table["intervention"] == "transplant") & own]


def mean_by_question(rows: DataFrame, by: Sequence[str], value: str = "value") -> DataFrame:
    """Average over the steps and draws of a question, so that every question weighs the same.

    Variants that could not be made are left out; invalid ones are left out of the mean and
    counted in `invalid`.

    Returns
    -------
    DataFrame
        Columns `by`, `group`, `question_id`, `value` (NaN where no row is valid), `invalid`
        (share of the question's rows).
    """
    made = made_rows(rows)
    made = made.assign(value=made[value], invalid=made["invalid"].eq(True).astype(float))
    question = [*by, "group", "question_id"]
    return made.groupby(question, dropna=False)[["value", "invalid"]].mean().reset_index()


def mean_by_group(
    rows: DataFrame, by: Sequence[str], value: str = "value", *, proportions: bool = True
) -> DataFrame:
    """Give the mean over questions for every combination of `by`, with its interval.

    Intervals are those of `scratchpad.statistics.bootstrap_means`: groups of questions are
    resampled, and the same draws serve every combination.

    Parameters
    ----------
    rows : DataFrame
        Outcomes.
    by : sequence of str
        Columns that tell the means apart.
    value : str
        The column to average.
    proportions : bool
        Whether its values are shares in [0, 1].

    Returns
    -------
    DataFrame
        Columns `by`, `estimate`, `low`, `high`, `n` (groups), `questions`, `invalid` (share).
        Combinations without a valid row have NaN estimates and n = 0.
    """
    columns = [*by, "estimate", "low", "high", "n", "questions", "invalid"]
    questions = mean_by_question(rows, by, value)
    if questions.empty:
        return DataFrame(columns=columns)
    wide = questions.pivot(index=["group", "question_id"], columns=list(by), values="value")
    groups = [str(group) for group in wide.index.get_level_values("group")]
    means = bootstrap_means(wide.to_numpy(float), groups, seed=SEED, proportions=proportions)
    intervals = (asdict(means.combine(column)) for column in np.eye(wide.shape[1]).tolist())
    estimates = DataFrame(intervals, index=wide.columns, columns=["estimate", "low", "high"])
    valid = questions.dropna(subset="value").groupby(list(by))
    counts = {"n": valid["group"].nunique(), "questions": valid.size()}
    counted = DataFrame(counts).reindex(wide.columns).fillna(0).astype(int)
    invalid = questions.groupby(list(by))["invalid"].mean()
    found = estimates.astype(float).join(counted).join(invalid)
    return found.reset_index()[columns]


def if_any_known(data: DataFrame) -> DataFrame:
    """Give the rows back if any of them has an estimate, else none: there is nothing to draw."""
    return data if data["estimate"].notna().any() else data.iloc[:0]


def require_rows(data: DataFrame, figure: str, what: str) -> None:
    """Refuse to draw an empty figure.

    Raises
    ------
    DataError
        If `data` has no rows.
    """
    if data.empty:
        raise DataError(
            f"Nothing to draw for the figure {figure!r}",
            f"the table has no rows of {what}",
            "Run the command that makes them, or leave this figure out.",
        )


def records(data: DataFrame) -> list[dict[str, Any]]:
    """Turn rows into dictionaries, to go through them one by one."""
    return [{str(key): value for key, value in row.items()} for row in data.to_dict("records")]


def spread(data: DataFrame, column: str = "n") -> str:
    """Write the range of a count, from the rows that have one.

    >>> spread(DataFrame({"n": [30, 28, 0]})), spread(DataFrame({"n": [4, 4]}))
    ('28-30', '4')
    """
    counts = data.loc[data[column] > 0, column]
    if counts.empty:
        return "0"
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low}-{high}"
