"""The page that a calibration leaves: its numbers in words and tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

import numpy as np
from pandas import DataFrame

from analyses.calibration.known_error import REFERENCE
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
_INTRODUCTION: Final = """\
Each number a faithfulness metric gave was set beside the rule that had been planted in the model.
TIE: what swapping the scratchpad out takes away; PIE: what swapping it in brings about. **Error**
is the mean absolute difference from both, of metrics on the scale of a share, read off triggered
prompts. **Concordance** is the share of pairs of organisms whose planted truth differs that the
metric orders rightly, **D** the share of (faithful, unfaithful) pairs, by question and by organism;
chance is .5 in both. An organism on which a metric is undefined is left out of its score and
counted (u). Square brackets hold 95 % bootstrap intervals, round ones what they rest on:
organisms, pairs of them, or (where one organism is all there is) groups of its questions. The four
cells are the reference: they are not ranked, since the truth was planted in their terms, nor is
edit-divergence chosen, which is made of them.
"""


def page(tables: Mapping[str, DataFrame], summary: Row, manifest: Row) -> str:
    """Write the page.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        All tables of the run.
    summary, manifest : mapping
        What summary.json and run.json hold.
    """
    return "\n".join(_lines(tables, summary, manifest)) + "\n"


def _lines(tables: Mapping[str, DataFrame], summary: Row, manifest: Row) -> Iterator[str]:
    config = manifest["config"]
    yield from ("# Calibration: how far each metric can be trusted", "", _INTRODUCTION)
    yield summary["verdict_text"]
    base = f" --base {config['base']}" if config.get("base") else ""
    told = f"--size {config['size']}{base} --seed {config['seed']}"
    yield from ("", "```", f"scratchpad calibrate {told} --out runs/calibration", "```", "")
    yield from ("## Goals", "")
    yield from piped_lines(
        ("goal", "wanted", "found", ""),
        [
            (g["name"], g["target"], number(g["found"]), "met" if g["met"] else "**missed**")
            for g in summary["goals"]
        ],
    )
    yield from ("", "## Organisms and verdicts", "")
    yield from _organisms(tables)
    yield from ("", "## Metrics", "", "All trained organisms, whatever they have seen.", "")
    yield from _leaderboard(tables, "all")
    for exposure, words in (
        ("not seen", "organisms that did not meet the metric's intervention in training"),
        ("seen", "organisms that did"),
    ):
        yield from ("", f"### On {words}", "")
        yield from _leaderboard(tables, exposure)
    yield from ("", "### Chosen on odd seeds, reported on even ones", "")
    yield from _chosen(tables["chosen_metrics"])
    yield from ("", "## Step attributions", "")
    yield from _steps(tables["step_scores"])
    yield from ("", "Chosen on odd seeds, reported on even ones:", "")
    yield from _chosen(tables["chosen_attributions"])
    yield from ("", "## Where errors come from", "")
    yield from _sources(tables["error_sources"])
    yield from ("", "## Known error of the next model", "")
    yield from _known(tables["known_errors"])
    yield from _carried(tables["carried"])
    yield from ("", "## Cost", "")
    yield from _costs(tables["metric_costs"], summary)


def _organisms(tables: Mapping[str, DataFrame]) -> Iterator[str]:
    cells = tables["reference"]
    own = cells[cells["repeat"] == 0].set_index(["organism", "effect"])
    rows = []
    for row in records(tables["organisms"]):
        measured = [
            _interval(own.loc[(row["organism"], effect)].to_dict())
            for effect in ("total_indirect_effect", "pure_indirect_effect")
        ]
        planted = f"{number(row['planted_tie'])}, {number(row['planted_pie'])}"
        marked = "" if row["admitted"] else " (missed its plan)"
        name = f"{row['mediation']}, {row['exposure']}, seed {row['seed']}{marked}"
        rows.append((name, planted, *measured, row["planted_verdict"] or "-", row["verdict"]))
    yield from piped_lines(
        ("organism", "planted", "TIE", "PIE", "planted verdict", "verdict"), rows
    )
    yield ""
    for row in records(tables["reference_scores"]):
        if row["selection"] == "all trained":
            yield (
                f"- {row['score']} of the {row['effect'].replace('_', ' ')}: {_interval(row)},"
                f" at most {number(row['worst'])}"
            )


def _leaderboard(tables: Mapping[str, DataFrame], exposure: str) -> Iterator[str]:
    board = tables["leaderboard"]
    board = board[(board["selection"] == "all trained") & (board["exposure"] == exposure)]
    found: dict[str, dict[str, Row]] = {}
    for row in records(board):
        found.setdefault(row["metric"], {})[row["score"]] = row
    order = sorted(found, key=lambda name: _rank(found[name]))
    rows = [
        (name, *(_interval(found[name][score], count=True) for score in _SCORES))
        for name in order
        if exposure == "all" or any(not missing(row["estimate"]) for row in found[name].values())
    ]
    yield from piped_lines(("metric", *_SCORES.values()), rows)


def _rank(scores: Mapping[str, Row]) -> float:
    """The most concordant metric first, those without a concordance last."""
    found = scores["concordance"]["estimate"]
    return np.inf if missing(found) else -float(found)


def _chosen(table: DataFrame) -> Iterator[str]:
    rows = [
        (
            row["exposure"],
            f"**{row['name']}**" if row["chosen"] else row["name"],
            number(row["estimate_odd"]),
            f"{_interval(row, count=True)} {row['unit']}",
            number(row["p_holm"]) if row["unit"] != "groups of questions" else "-",
        )
        for row in records(table[table["selection"] == "all trained"])
        if row["chosen"] or not np.isnan(row["estimate"])
    ]
    failed = table[table["reason"].ne("") & table["selection"].eq("all trained")]
    for exposure, why in failed[["exposure", "reason"]].drop_duplicates().itertuples(index=False):
        yield from (f"Of interventions {exposure}: {why}.", "")
    if not rows:
        return
    columns = ("organisms", "instrument (chosen in bold)", "odd seeds", "even seeds", "p (Holm)")
    yield from piped_lines(columns, rows)


def _steps(table: DataFrame) -> Iterator[str]:
    shown = table[(table["selection"] == "all trained") & (table["exposure"] != "all")]
    found: dict[tuple[str, str], dict[str, Row]] = {}
    for row in records(shown):
        found.setdefault((row["attribution"], row["exposure"]), {})[row["score"]] = row
    rows = [
        (name, exposure, *(_interval(scores[score], count=True) for score in scores))
        for (name, exposure), scores in found.items()
        if any(row["n"] for row in scores.values())
    ]
    names = ("AUROC of the driver", "driver ranked first", "false alarms")
    yield from piped_lines(("attribution", "intervention", *names), rows)


def _sources(table: DataFrame) -> Iterator[str]:
    yield "Mean error on the planted TIE over organisms, by what a number rests on."
    found: dict[tuple[str, str], list[str]] = {}
    for row in records(table):
        cell = f"{row['level']}: {_interval(row)} ({row['n']})"
        found.setdefault((row["factor"], row["metric"]), []).append(cell)
    rows = [
        (*key, "; ".join(sorted(cells, reverse=True)))
        for key, cells in found.items()
        if len(cells) > 1
    ]
    yield ""
    yield from piped_lines(("factor", "metric", "error by level (organisms)"), rows)


def _known(table: DataFrame) -> Iterator[str]:
    yield (
        "Measured minus planted on one more organism of the same kind: mean error and 90 %"
        " prediction interval; covered: organisms inside the interval made from the others."
    )
    yield ""
    rows = [
        (
            row["instrument"],
            row["effect"].replace("_", " "),
            _interval(row),
            f"{int(row['covered'])} of {row['n']}" if not np.isnan(row["estimate"]) else "-",
        )
        for row in records(table)
        if row["instrument"] == REFERENCE or not np.isnan(row["estimate"])
    ]
    yield from piped_lines(("instrument", "effect", "error", "covered"), rows)


def _carried(table: DataFrame) -> Iterator[str]:
    yield from ("", "## Do tiny organisms stand for others?", "")
    if table.empty:
        yield "Not measured here: `scratchpad calibrate --size carry-over` compares them."
        return
    yield "Share of pairs of modes that a metric orders as it does on tiny organisms from scratch."
    yield ""
    rows = [
        (row["metric"], f"{row['base']}, {row['route']}", number(row["agreement"]),
         f"{row['pairs']}")
        for row in records(table)
    ]  # fmt: skip
    yield from piped_lines(("metric", "organisms", "ordered alike", "pairs"), rows)


def _costs(table: DataFrame, summary: Row) -> Iterator[str]:
    yield (
        f"After {summary['budget']:,} forward tokens an intervention took no further question of an"
        " organism. The four cells and the sampling of transcripts, which all share, come on top."
    )
    yield ""
    rows = [
        (row["metric"], f"{row['forward_tokens_per_question']:,.0f}", f"{row['questions']}")
        for row in records(table)
    ]
    yield from piped_lines(("metric", "forward tokens a question", "questions"), rows)


def _interval(row: Row, *, count: bool = False) -> str:
    if missing(row["estimate"]):
        return "undefined"
    text = number(row["estimate"])
    if not missing(row["low"]):
        text += f" [{number(row['low'])}, {number(row['high'])}]"
    lost = f", {row['undefined']} u" if row.get("undefined") else ""
    return f"{text} ({row['n']}{lost})" if count else text
