"""The leaderboard of metrics as a table to print: Markdown, LaTeX and CSV."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame

from analyses.calibration.scoring.populations import EXPOSURES, SELECTIONS
from analyses.calibration.scoring.ranking import ORDER, ranked_errors
from analyses.figures.style import short
from analyses.figures.tables import records
from analyses.figures.typeset import latex_table, markdown_table
from scratchpad.files import atomic_write

SCORES: Final = {
    "error": "error on (TIE, PIE)",
    "concordance": "concordance",
    "d_transcript": "D by transcript",
    "d_organism": "D by organism",
}
UNDEFINED: Final = "undefined"
_HEADINGS: Final = {
    "all": "all organisms",
    "seen": "organisms that met the metric's intervention in training",
    "not seen": "organisms that did not",
}
_KEYS: Final = ["metric", "selection", "exposure"]
_COST: Final = "forward_tokens_per_question"
_NUMBERS: Final = ("estimate", "low", "high", "n", "undefined")
_CAPTION: Final = (
    "Metrics against planted truth, {selection}. Mean absolute error on the planted (TIE, PIE), "
    "lower is better; concordance with their order and diagnosticity D of single transcripts and "
    "of whole organisms, higher is better, chance .50. In brackets 95 % intervals, bootstrapped "
    "over organisms (Clopper and Pearson's where all agree); in parentheses n (organisms; of the "
    "other scores, pairs of them) and, where the metric has no number for some, of how many. Cost: "
    f"forward tokens a question. {ORDER}"
)


def leaderboard_values(leaderboard: DataFrame, metric_costs: DataFrame) -> DataFrame:
    """Give one row per metric, selection and exposure, with every number of every score.

    Parameters
    ----------
    leaderboard : DataFrame
        `metric`, `selection`, `exposure`, `score`, `estimate`, `low`, `high`, `n`, `undefined`.
    metric_costs : DataFrame
        `metric`, `forward_tokens_per_question`, `questions`.

    Returns
    -------
    DataFrame
        `metric`, `selection`, `exposure`; of every score of `SCORES` `SCORE`, `SCORE_low`,
        `SCORE_high`, `SCORE_n` and `SCORE_undefined`; `forward_tokens_per_question`, `questions`.
    """
    wide = leaderboard.pivot(index=_KEYS, columns="score", values=list(_NUMBERS))
    columns = {
        score if number == "estimate" else f"{score}_{number}": (number, score)
        for score in SCORES
        for number in _NUMBERS
    }
    values = DataFrame(
        {name: wide.get(column, np.nan) for name, column in columns.items()},
        index=wide.index,
        dtype=float,
    ).reset_index()
    order = [
        {name: place for place, name in enumerate(names)}
        for names in (ranked_errors(leaderboard).index, SELECTIONS, EXPOSURES)
    ]
    places = DataFrame({key: values[key].map(own) for key, own in zip(_KEYS, order, strict=True)})
    ordered = values.loc[places.sort_values(["selection", "exposure", "metric"]).index]
    return ordered.merge(metric_costs, on="metric", how="left")


def leaderboard_rows(
    leaderboard: DataFrame,
    metric_costs: DataFrame,
    *,
    exposure: str = "all",
    selection: str = SELECTIONS[0],
) -> DataFrame:
    """Write one row of words per metric, in the order of `ranked_errors`.

    Parameters
    ----------
    leaderboard, metric_costs : DataFrame
        As `leaderboard_values` takes them.
    exposure : str
        "all", "seen" or "not seen".
    selection : str
        "all trained" or "admitted".

    Returns
    -------
    DataFrame
        `metric`, a column per score such as ".32 [.25, .41] (8 of 10)", and the cost. What is not
        defined says so.
    """
    values = _chosen(leaderboard_values(leaderboard, metric_costs), selection, exposure)
    written = [
        {
            "metric": row["metric"],
            **{words: _cell(row, score) for score, words in SCORES.items()},
            "cost": UNDEFINED if pd.isna(row[_COST]) else f"{row[_COST]:,.0f}",
        }
        for row in records(values)
    ]
    return DataFrame(written, columns=["metric", *SCORES.values(), "cost"])


def save_leaderboard(
    leaderboard: DataFrame, metric_costs: DataFrame, folder: Path
) -> tuple[Path, ...]:
    """Write leaderboard.md and leaderboard.tex, to read, and leaderboard.csv, to compute with.

    The first two hold a table for each selection, with a block for each exposure.

    Returns
    -------
    tuple of Path
        The files written; none for an empty leaderboard.
    """
    if leaderboard.empty:
        return ()
    tables = list(_tables(leaderboard, metric_costs))
    values = leaderboard_values(leaderboard, metric_costs)
    contents = {
        "md": "\n".join(markdown_table(blocks, caption) for caption, blocks in tables),
        "tex": "\n".join(latex_table(blocks, caption) for caption, blocks in tables),
        "csv": values.to_csv(index=False, float_format="%.6g", lineterminator="\n"),
    }
    paths = {folder / f"leaderboard.{kind}": text.encode() for kind, text in contents.items()}
    for path, content in paths.items():
        atomic_write(path, content)
    return tuple(paths)


def _tables(
    leaderboard: DataFrame, metric_costs: DataFrame
) -> Iterator[tuple[str, dict[str, DataFrame]]]:
    words = {"all trained": "all trained organisms", "admitted": "admitted organisms only"}
    for selection in SELECTIONS:
        blocks = {
            heading: leaderboard_rows(
                leaderboard, metric_costs, exposure=exposure, selection=selection
            )
            for exposure, heading in _HEADINGS.items()
        }
        kept = {heading: rows for heading, rows in blocks.items() if len(rows)}
        if kept:
            yield _CAPTION.format(selection=words[selection]), kept


def _chosen(table: DataFrame, selection: str, exposure: str) -> DataFrame:
    return table.loc[(table["selection"] == selection) & (table["exposure"] == exposure)]


def _cell(row: dict[str, Any], score: str) -> str:
    estimate, low, high, n, undefined = (
        row[score if number == "estimate" else f"{score}_{number}"] for number in _NUMBERS
    )
    if pd.isna(estimate):
        return UNDEFINED
    count = f"{n:.0f} of {n + undefined:.0f}" if undefined > 0 else f"{n:.0f}"
    return f"{short(estimate)} [{short(low)}, {short(high)}] ({count})"
