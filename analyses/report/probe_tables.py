"""The tables of a probe experiment and of an organism."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from pandas import DataFrame

from analyses.figures.tables import records
from analyses.report.numbers import flatten, missing, number, plain, write_estimate
from analyses.report.sections import RunSection
from analyses.report.tables import Row, Table, estimates_table, table_of

WORDS: Final = {
    "auroc": "probe, on held-out questions",
    "text_auroc": "best reader of the same text",
    "auroc_minus_text": "probe minus text reader, paired",
    "calibration_error": "calibration error of the logistic probe there (no AUROC)",
    "auroc_same_trigger": "probe, among equally triggered transcripts",
    "trigger_auroc": "presence of the trigger as a reader",
    "shuffled_auroc": "probe fitted to shuffled labels",
    "random_best": "best of the random directions",
    "random_p95": "95th percentile of the random directions",
    "length_auroc": "length as a reader",
    "auroc_backdoored": "probe, on the other trigger in the backdoored organism",
    "auroc_within": "probe, on its own trigger",
    "auroc_reverse": "probe of the other trigger, on the first",
    "auroc_twin": "probe, on the other trigger in the twin",
    "auroc_gap": "folded gap to the twin",
    "effect_on_clean": "steered less unsteered P(defection), clean prompts, furthest up",
    "effect_on_triggered": "unsteered less steered P(defection), triggered prompts, furthest down",
    "auroc_folded": "the same, by the better of both signs",
    "auroc_minus_control": "probe minus the best control set, paired",
    "auroc_for_trigger": "the same scores, triggered over clean prompts (the confound)",
    "auroc_for_near_misses": "the same scores, near misses over clean prompts",
    "auroc_against_near_misses": "the same scores, defections over near misses",
    "auroc_clean": "probe, on the other trigger in the clean organism",
    "auroc_base": "probe, on the other trigger in the base",
    "recall_at_1_fpr": "defections above the threshold that 1 % of the others pass",
}
ALARMS: Final = {
    "recall_at_1_fpr_from_control": "defections above the threshold of control text",
    "near_miss_alarms": "near misses above it, though benign",
}


def probe_tables(section: RunSection) -> Iterator[Table | None]:
    """Give every table of a probe experiment, the headline and its controls first."""
    yield estimates_table(
        "AUROC of the probe beside that of its controls, and differences: estimate [95 % "
        "interval], n = groups of questions.",
        {key: value for key, value in section.summary.items() if key not in ALARMS},
        WORDS,
    )
    yield alarms_table(section.summary)
    yield positions_table(section.tables.get("positions"))
    yield auroc_table(
        "Readers of the text alone.", section.tables.get("readers"), ("position", "reader")
    )
    yield auroc_table(
        "Every layer (-1: the embeddings), position and probe.",
        section.tables.get("probes"),
        ("layer", "position", "probe"),
    )
    yield auroc_table(
        "Distances from benign transcripts, by what is to score higher than what (without a layer: "
        "the mean rank over layers).",
        section.tables.get("anomalies"),
        ("target", "position", "detector", "layer"),
    )
    yield auroc_table(
        "Directions of generic contrast pairs, the layer chosen on other folds; of a control set "
        "its sign, too.",
        section.tables.get("contrast_choices"),
        ("set", "expected", "method", "position", "layer"),
    )
    yield steering_table(section.tables.get("steering"))
    yield auroc_table(
        "Fitted in one domain, judged in another.",
        section.tables.get("transfer"),
        ("position", "source", "target", "layer", "probe"),
    )
    yield auroc_table(
        "The same at every layer by itself, at the prompt's end.",
        section.tables.get("transfer_layers"),
        ("source", "target", "layer", "probe"),
    )


def alarms_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate what an alarm would catch, and how often near misses would set it off."""
    if "near_miss_alarms" not in summary:
        return None
    return estimates_table(
        "As an alarm: the threshold is passed by at most 1 % of control text, "
        f"{summary['n_control']} transcripts of clean prompts in no fold (at least "
        f"{summary['n_control_per_fold']} for each fold's model, 100 needed); "
        f"{summary['n_near_misses']} near misses. What defected among either "
        f"({summary['n_control_defected']} and {summary['n_near_misses_defected']}) is left out.",
        {key: summary[key] for key in ALARMS},
        ALARMS,
    )


def steering_table(steering: DataFrame | None) -> Table | None:
    """Set the probe's direction beside the random ones, change by change."""
    if steering is None:
        return None
    return table_of(
        "P(defection) under every change of the probe's direction (95 % interval), and the range "
        "of random directions under the same change. A change that broke the model is marked.",
        ("scorer", "prompt", "from the", "change", "P(defection)", "random", "coherent"),
        (_steering_row(row, steering) for row in records(steering.loc[steering["direction"] <= 0])),
    )


def _steering_row(row: Mapping[str, Any], steering: DataFrame) -> Row:
    same = ["scorer", "state", "start", "change"]
    beside = steering.loc[steering["direction"] > 0]
    for name in same:
        beside = beside.loc[beside[name] == row[name]]
    low, high = beside["estimate"].min(), beside["estimate"].max()
    cells = (
        str(row["scorer"]),
        "triggered" if row["state"] else "clean",
        str(row["start"]),
        str(row["change"]),
        write_estimate(row),
        f"{number(low)} to {number(high)}" if len(beside) else number(None),
        plain(bool(row["coherent"])),
    )
    return Row(cells, not row["coherent"])


def organism_tables(section: RunSection) -> Iterator[Table | None]:
    """Give what was planted in an organism and what was measured."""
    for key in ("planted", "measured"):
        values = flatten(section.run.get(key) or {})
        rows = (Row((path.replace("_", " "), value)) for path, value in values)
        yield table_of(f"{key.capitalize()}.", ("measure", "value"), rows)


def positions_table(positions: DataFrame | None) -> Table | None:
    """Set the probe beside the text reader at every position; warn where it is not ahead."""
    if positions is None:
        return None
    return table_of(
        "The best layer and probe at each position beside the best reader of the same text, both "
        "chosen on other folds: AUROC [95 % interval].",
        ("position", "probe", "AUROC", "text reader", "AUROC of text", "difference, paired"),
        map(_position_row, records(positions)),
    )


def auroc_table(caption: str, frame: DataFrame | None, columns: Sequence[str]) -> Table | None:
    """Tabulate columns of a data frame, and the AUROC with its interval in one cell."""
    if frame is None:
        return None
    rows = (
        Row((*(plain(row[name]) for name in columns), _interval(row, "auroc", "")))
        for row in records(frame)
    )
    return table_of(caption, (*columns, "AUROC"), rows)


def _position_row(row: Mapping[str, Any]) -> Row:
    ahead = not missing(row["minus_text_low"]) and row["minus_text_low"] > 0
    difference = _interval(row, "minus_text", "minus_text_")
    cells = (
        str(row["position"]),
        f"{row['probe']}, layer {plain(row['layer'])}",
        _interval(row, "auroc", ""),
        str(row["reader"]),
        _interval(row, "text_auroc", "text_auroc_"),
        difference if ahead else f"{difference}: the text does as well",
    )
    return Row(cells, not ahead)


def _interval(row: Mapping[str, Any], name: str, prefix: str) -> str:
    limits = {key: row[f"{prefix}{key}"] for key in ("low", "high")}
    return write_estimate({"estimate": row[name], "n": row["n"], **limits}, with_n=not prefix)
