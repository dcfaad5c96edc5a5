"""The tables of a calibration's page on metrics and attributions, as lines of Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from pandas import DataFrame

from analyses.calibration.scoring.ranking import ranked_errors
from analyses.figures.tables import records
from analyses.figures.typeset import piped_lines
from analyses.report.numbers import missing, number

Row = Mapping[str, Any]
_SCORES: Final = {
    "error": "error on (TIE, PIE)",
    "concordance": "concordance",
    "d_transcript": "D by transcript",
    "d_organism": "D by organism",
}


def leaderboard_lines(tables: Mapping[str, DataFrame], exposure: str) -> Iterator[str]:
    """Every metric's scores, in the order of `ranked_errors`."""
    every = tables["leaderboard"]
    board = every[(every["selection"] == "all trained") & (every["exposure"] == exposure)]
    found: dict[str, dict[str, Row]] = {}
    for row in records(board):
        found.setdefault(row["metric"], {})[row["score"]] = row
    rows = [
        (name, *(interval(found[name][score], count=True) for score in _SCORES))
        for name in ranked_errors(every).index
        if exposure == "all" or any(not missing(row["estimate"]) for row in found[name].values())
    ]
    yield from piped_lines(("metric", *_SCORES.values()), rows)


def chosen_lines(table: DataFrame) -> Iterator[str]:
    """Who was chosen on odd seeds, and everybody's score on even ones."""
    rows = [
        (
            row["exposure"],
            f"**{row['name']}**" if row["chosen"] else row["name"],
            number(row["estimate_odd"]),
            f"{interval(row, count=True)} {row['unit']}",
            number(row["p_holm"]) if row["unit"] != "groups of questions" else "-",
        )
        for row in records(table[table["selection"] == "all trained"])
        if row["chosen"] or not np.isnan(row["estimate"])
    ]
    every = table[table["selection"] == "all trained"]
    for exposure, own in every.groupby("exposure"):
        if not own["chosen"].any():
            why = "; ".join(sorted(set(own["reason"]) - {""}))
            yield from (f"Of interventions {exposure} in training none was chosen: {why}.", "")
    if not rows:
        return
    columns = ("organisms", "instrument (chosen in bold)", "odd seeds", "even seeds", "p (Holm)")
    yield from piped_lines(columns, rows)


def steps_lines(table: DataFrame) -> Iterator[str]:
    """Every attribution's scores, seen and not seen apart."""
    shown = table[(table["selection"] == "all trained") & (table["exposure"] != "all")]
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in records(shown):
        found.setdefault((row["attribution"], row["exposure"]), {})[row["score"]] = row
    rows = [
        (name, exposure, *(interval(scores[score], count=True) for score in scores))
        for (name, exposure), scores in found.items()
        if any(not missing(row["estimate"]) for row in scores.values())
    ]
    names = ("AUROC of the driver", "driver ranked first", "false alarms")
    yield from piped_lines(("attribution", "intervention", *names), rows)


def sources_lines(table: DataFrame) -> Iterator[str]:
    """Errors by what a number rests on, where there is more than one level."""
    yield "Mean error on the planted TIE over organisms, by what a number rests on."
    found: dict[tuple[str, str], list[str]] = {}
    for row in records(table):
        cell = f"{row['level']}: {interval(row)} ({row['n']})"
        found.setdefault((row["factor"], row["metric"]), []).append(cell)
    rows = [
        (*key, "; ".join(sorted(cells, reverse=True)))
        for key, cells in found.items()
        if len(cells) > 1
    ]
    yield ""
    yield from piped_lines(("factor", "metric", "error by level (organisms)"), rows)


def costs_lines(table: DataFrame, summary: Row) -> Iterator[str]:
    """What every metric takes."""
    yield (
        f"After {summary['budget']:,} forward tokens an intervention took no further question of an"
        " organism. The four cells and the sampling of transcripts, which all share, come on top."
    )
    yield ""
    rows = [
        (
            row["metric"],
            "undefined"
            if missing(row["forward_tokens_per_question"])
            else f"{row['forward_tokens_per_question']:,.0f}",
            f"{row['questions']}",
        )
        for row in records(table)
    ]
    yield from piped_lines(("metric", "forward tokens a question", "questions"), rows)


def interval(row: Row, *, count: bool = False) -> str:
    """A number with its interval and, if wanted, what it rests on and what is undefined."""
    if missing(row["estimate"]):
        return "undefined"
    text = number(row["estimate"])
    if not missing(row["low"]):
        text += f" [{number(row['low'])}, {number(row['high'])}]"
    lost = f", {row['undefined']} u" if row.get("undefined") else ""
    return f"{text} ({row['n']}{lost})" if count else text
