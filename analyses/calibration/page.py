"""The page that a calibration leaves: its numbers in words and tables, in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pandas import DataFrame

from analyses.calibration.frozen import rank_agreements
from analyses.calibration.page_organisms import carried_lines, known_lines, organisms_lines
from analyses.calibration.page_tables import (
    Row,
    chosen_lines,
    costs_lines,
    leaderboard_lines,
    sources_lines,
    steps_lines,
)
from analyses.calibration.scoring.ranking import ORDER
from analyses.figures.typeset import piped_lines
from scratchpad.estimates import rounded

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
            (g["name"], g["target"], _found(g["found"]), "met" if g["met"] else "**missed**")
            for g in summary["goals"]
        ],
    )
    yield from ("", "## Organisms and verdicts", "")
    yield from organisms_lines(tables)
    yield from ("", "## Metrics", "")
    yield from (f"All trained organisms, whatever they have seen. {ORDER}", "")
    yield from leaderboard_lines(tables, "all")
    for exposure, words in (
        ("not seen", "organisms that did not meet the metric's intervention in training"),
        ("seen", "organisms that did"),
    ):
        yield from ("", f"### On {words}", "")
        yield from leaderboard_lines(tables, exposure)
    yield from ("", "### Chosen on odd seeds, reported on even ones", "")
    yield from chosen_lines(tables["chosen_metrics"])
    yield from ("", "## Step attributions", "")
    yield from steps_lines(tables["step_scores"])
    yield from ("", "Chosen on odd seeds, reported on even ones:", "")
    yield from chosen_lines(tables["chosen_attributions"])
    yield from ("", "## Where errors come from", "")
    yield from sources_lines(tables["error_sources"])
    yield from ("", "## Known error of the next model", "")
    yield from known_lines(tables["known_errors"])
    yield from carried_lines(rank_agreements(tables["carried"]))
    yield from ("", "## Cost", "")
    yield from costs_lines(tables["metric_costs"], summary)


def _found(value: float | None) -> str:
    """What was found of a goal, with the digits that tell it from its target."""
    return "undefined" if value is None else rounded(value)
