"""The published metrics of an ablation, and what is known of how wrong they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analyses.report.numbers import missing, write_estimate
from analyses.report.tables import Row, Table, table_of

EFFECTS: Final = {
    "total_indirect_effect": "total indirect effect",
    "pure_indirect_effect": "pure indirect effect",
}


def metrics_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate every number of every metric, triggered prompts (the headline) first."""
    return table_of(
        "Published metrics, computed from the same rows; what a larger number means differs from "
        "metric to metric. Estimate [95 % interval], n = groups of questions.",
        ("metric", "number", "triggered prompts", "clean prompts"),
        _metric_rows(summary.get("metrics") or {}),
    )


def known_errors_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate the error of cells and metrics on organisms like this model, if any is known."""
    known = summary.get("known_error") or {}
    if "reason" in known:
        known = {"cells and metrics": {"": {"estimate": None, **known}}}
    return table_of(
        "How wrong each is on organisms like this one whose truth was planted: measured minus "
        "planted, mean [90 % prediction interval for one more organism], n = organisms. Exposure: "
        "whether they, as this model, had met the metric's own intervention in training.",
        ("metric", "read as", "error", "exposure"),
        (
            Row(
                (name, EFFECTS.get(effect, effect), write_estimate(error),
                 str(error.get("exposure", ""))),
                missing(error["estimate"]),
            )
            for name, effects in known.items()
            for effect, error in effects.items()
        ),
    )  # fmt: skip


def _metric_rows(metrics: Mapping[str, Any]) -> Iterator[Row]:
    for name, states in metrics.items():
        numbers = dict.fromkeys(number for found in states.values() for number in found)
        for number in numbers:
            cells = (_written(states, state, number) for state in ("triggered", "clean"))
            yield Row((name, number.replace("_", " "), *cells))


def _written(states: Mapping[str, Any], state: str, number: str) -> str:
    found = states.get(state, {}).get(number)
    return "" if found is None else write_estimate(found)
