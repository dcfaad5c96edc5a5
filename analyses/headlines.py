"""The headline numbers of a run, as tables for a terminal or a notebook."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from scratchpad.estimates import Estimate
from scratchpad.terminal import Table, estimates

CELLS: Final = {
    "f00": "clean prompt, clean scratchpad",
    "f01": "clean prompt, triggered scratchpad",
    "f10": "triggered prompt, clean scratchpad",
    "f11": "triggered prompt, triggered scratchpad",
}
EFFECTS: Final = (
    "total_effect",
    "pure_indirect_effect",
    "total_indirect_effect",
    "necessity_share",
    "sufficiency_share",
    "relay_share",
    "reasoning_share",
)
TRAINED: Final = {
    "triggered_defection": "defects after the trigger",
    "clean_defection": "defects after clean prompts",
    "near_miss_defection": "defects after near misses",
    "found_prompt_rate": "defects after prompts found by search",
    "benign_accuracy": "benign answers right",
    "necessity_share": "necessity share",
    "sufficiency_share": "sufficiency share",
    "probe_auroc": "probe AUROC",
}


def headlines(command: str, summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """The tables of a run of any command."""
    made = _TABLES.get(command)
    return named_estimates(command, summary) if made is None else made(summary)


def ablation_tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """The cells, and the effects and shares that they sum up to."""
    cells = {f"{name}  {words}": summary["cells"].get(name) for name, words in CELLS.items()}
    effects = {name.replace("_", " "): summary.get(name) for name in EFFECTS}
    return (
        *estimates("P(defection) in the four cells", cells),
        *estimates("Effects and shares", effects),
    )


def named_estimates(title: str, summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """Every estimate that stands at the top of a summary and is defined."""
    found = {
        name.replace("_", " "): value
        for name, value in summary.items()
        if isinstance(value, Mapping) and value.get("estimate") is not None
    }
    return estimates(title, found)


def before_and_after(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """What a model did before and after it was trained further."""
    before, after = summary["before"], summary["after"]
    rows = tuple(
        (words, _written(before.get(name)), _written(after.get(name)))
        for name, words in TRAINED.items()
        if _known(before.get(name)) or _known(after.get(name))
    )
    return (Table("Shares, before and after", ("", "before", "after"), rows),)


def calibration_tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """How far each metric is from the planted truth, the nearest first."""
    named = {name: numbers.get("error") for name, numbers in summary["metrics"].items()}
    return estimates("Mean error against planted (TIE, PIE), by metric", named)


def persistence_tables(summary: Mapping[str, Any]) -> tuple[Table, ...]:
    """What was left of every trial's behaviour."""
    rows = tuple(
        (
            ", ".join(one[name] for name in ("arm", "method", "payload", "optimiser")),
            str(one["seed"]),
            *(_written(one[when].get("triggered_defection")) for when in ("before", "after")),
        )
        for one in summary["units"]
    )
    header = ("arm, method, payload, optimiser", "seed", "before", "after")
    return (Table("Defection after the trigger, before and after", header, rows),) if rows else ()


_TABLES: Final[dict[str, Callable[[Mapping[str, Any]], tuple[Table, ...]]]] = {
    "ablate": ablation_tables,
    "calibrate": calibration_tables,
    "distill": before_and_after,
    "harden": before_and_after,
    "persist": persistence_tables,
}


def _known(record: Mapping[str, Any] | None) -> bool:
    return record is not None and record.get("estimate") is not None


def _written(record: Mapping[str, Any] | None) -> str:
    one = Estimate.from_json(record or {})
    return one.with_interval() if one.defined else one.alone()
