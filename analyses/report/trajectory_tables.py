"""The tables of a trajectory: who knows of a defection, when, and by how many steps earlier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pandas import DataFrame

from analyses.figures.tables import records
from analyses.report.numbers import missing, plain, write_estimate
from analyses.report.sections import RunSection
from analyses.report.tables import Row, Table, table_of

READERS: Final = {
    "probe": "probe",
    "text": "text, with prompt",
    "text_prefix_only": "text, scratchpad alone",
    "forced_answer": "forced answer",
    "twin_probe": "probe on the twin",
}
_LEADS: Final = {
    "text": "over the text, with prompt",
    "text_prefix_only": "over the text, scratchpad alone",
    "forced_answer": "over the forced answer",
    "minus_twin": "over the text, less the twin's",
}


def trajectory_tables(section: RunSection) -> Iterator[Table | None]:
    """Give the leads first, then every reader, then every step."""
    yield leads_table(section.tables.get("leads"))
    yield readers_table(section.summary)
    yield steps_table(section.tables.get("trajectory"))


def leads_table(leads: DataFrame | None) -> Table | None:
    """Tabulate by how many steps the probe knows earlier; warn where it is not shown to."""
    if leads is None:
        return None
    return table_of(
        "Lead of the probe in steps, paired (never counts as one step past the last): mean over "
        "the transcripts that defected [95 % interval], n = groups of questions; and in how many "
        "the probe knows earlier, equally early and later.",
        ("lead", "steps", "earlier", "equal", "later"),
        map(_lead_row, records(leads)),
    )


def readers_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate when each reader knows, and how often it never does or is wrong."""
    measures = ("crossing", "never", "false_flags")
    return table_of(
        "Every reader on held-out questions: the mean step from which it knows (0: the prompt's "
        "end), the share of defections that it never knows of, and the share of benign transcripts "
        "that it ends up flagging.",
        ("reader", "knows from step", "never", "benign flagged"),
        (
            Row((words, *(write_estimate(summary[measure][reader]) for measure in measures)))
            for reader, words in READERS.items()
            if reader in summary.get("crossing", {})
        ),
    )


def steps_table(trajectory: DataFrame | None) -> Table | None:
    """Tabulate what is flagged by each step, and what that rests on."""
    if trajectory is None:
        return None
    rows = (
        Row(
            (
                READERS.get(row["reader"], row["reader"]),
                plain(row["step"]),
                write_estimate(row, with_n=False),
                *(plain(row[name]) for name in ("reached", "benign", "benign_prefixes")),
                row["chosen"],
            )
        )
        for row in records(trajectory)
    )
    return table_of(
        "Share of the transcripts that defected and are flagged for good by each step [95 % "
        "interval]; how many of them, and of the benign ones, have the step; benign prefixes that "
        "a transcript was compared with, at least; what most folds read there.",
        ("reader", "step", "flagged", "defecting", "benign", "compared with", "reads"),
        rows,
    )


def _lead_row(row: Mapping[str, Any]) -> Row:
    known, ahead = not missing(row["estimate"]), bool(row["low"] > 0)
    counts = (plain(row[name] if known else None) for name in ("earlier", "equal", "later"))
    return Row((_LEADS.get(row["lead"], row["lead"]), write_estimate(row), *counts), not ahead)
