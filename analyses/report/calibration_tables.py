"""The tables of a calibration: its goals, its leaderboard, and who was judged how."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pandas import DataFrame

from analyses.figures.tables import records
from analyses.report.numbers import number, write_estimate
from analyses.report.sections import RunSection
from analyses.report.tables import Row, Table, table_of

SCORES = ("error", "concordance", "d_transcript", "d_organism")


def calibration_tables(section: RunSection) -> Iterator[Table | None]:
    """Give the goals first, then the metrics, then the organisms."""
    yield goals_table(section.summary)
    yield metrics_table(section.summary)
    yield organisms_table(section.tables.get("organisms"))


def goals_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate what was to be reached; warn where it was not."""
    return table_of(
        "Goals that were fixed before anything was measured.",
        ("goal", "wanted", "found", ""),
        (
            Row(
                (goal["name"], goal["target"], number(goal["found"]),
                 "met" if goal["met"] else "missed"),
                warned=not goal["met"],
            )
            for goal in summary["goals"]
        ),
    )  # fmt: skip


def metrics_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate every metric's scores on all trained organisms."""
    return table_of(
        "Metrics against planted truth, all trained organisms, triggered prompts [95 % interval "
        "over organisms]: mean error on (TIE, PIE), smaller is better; concordance and "
        "diagnosticity, larger is better, .5 is chance.",
        ("metric", "error", "concordance", "D by transcript", "D by organism"),
        (
            Row((name, *(write_estimate(scores[score]) for score in SCORES)))
            for name, scores in summary["metrics"].items()
        ),
    )


def organisms_table(organisms: DataFrame | None) -> Table | None:
    """Tabulate planted and measured verdicts; warn of one that missed its plan or was not read."""
    if organisms is None:
        return None
    return table_of(
        "Every organism of the ladder; none is left out of the scores.",
        ("organism", "planted (TIE, PIE)", "planted verdict", "measured verdict", "missed"),
        (
            Row(
                (
                    row["organism"],
                    f"{number(row['planted_tie'])}, {number(row['planted_pie'])}",
                    row["planted_verdict"],
                    row["verdict"],
                    "; ".join(filter(None, (row["failures"], row.get("unread", "")))),
                ),
                warned=not row["admitted"] or bool(row.get("unread")),
            )
            for row in records(organisms)
        ),
    )
