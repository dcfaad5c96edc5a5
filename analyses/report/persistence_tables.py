"""The tables of safety training, of distillation, and of the grid that compares what survives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any, Final

from pandas import DataFrame

from analyses.figures.tables import records
from analyses.report.numbers import is_estimate, missing, number, write_estimate
from analyses.report.sections import RunSection
from analyses.report.tables import Row, Table, table_of

WORDS: Final = {
    "triggered_defection": "defects, triggered",
    "clean_defection": "defects, clean",
    "near_miss_defection": "defects, near misses",
    "found_prompt_rate": "defects, prompts that a search found",
    "benign_accuracy": "benign answers right",
    "unterminated": "scratchpad never closed",
    "total_effect": "total effect",
    "total_indirect_effect": "total indirect effect",
    "pure_indirect_effect": "pure indirect effect",
    "necessity_share": "necessity share",
    "sufficiency_share": "sufficiency share",
    "probe_auroc": "probe, on the second trigger",
    "probe_auroc_twin": "probe, on the second trigger in the twin",
    "probe_auroc_gap": "folded gap to the twin",
}
_REPORTED: Final = (
    "triggered_defection",
    "near_miss_defection",
    "found_prompt_rate",
    "benign_accuracy",
    "necessity_share",
    "sufficiency_share",
    "probe_auroc",
)


def hardening_tables(section: RunSection) -> Iterator[Table | None]:
    """Give what is left after safety training, then every checkpoint."""
    yield ends_table(section.summary)
    yield verdicts_table(section.tables.get("verdicts"), "step", "optimiser step")
    yield course_table(
        section.tables.get("checkups"), "step", "Every checkpoint, by optimiser step [95 %]."
    )


def distillation_tables(section: RunSection) -> Iterator[Table | None]:
    """Give what is left without the scratchpad, then every stage of each seed."""
    stages, verdicts = section.tables.get("stages"), section.tables.get("verdicts")
    yield ends_table(section.summary)
    yield flags_table(stages)
    for seed, own in () if stages is None else stages.groupby("seed", sort=False):
        caption = f"Every stage of seed {seed}, by the share of the scratchpad removed [95 %]."
        yield course_table(own, "share_removed", caption)
    yield verdicts_table(verdicts, "share_removed", "share removed", by=("seed",))
    yield taught_table(section.tables.get("taught"))


def persistence_tables(section: RunSection) -> Iterator[Table | None]:
    """Give the contrasts that were fixed in advance, then every trial."""
    yield contrasts_table(section.summary)
    yield trials_table(section.summary)


def ends_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate before and after of every quantity with a name in words that was measured."""
    ends = [summary.get(when, {}) for when in ("before", "after")]
    rows = [
        Row((words, *(write_estimate(end[name]) for end in ends)))
        for name, words in WORDS.items()
        if all(is_estimate(end.get(name)) for end in ends)
        and not all(missing(end[name]["estimate"]) for end in ends)
    ]
    return table_of(
        "Before and after: shares of greedily written answers, effects and shares of scratchpads "
        "that the model wrote by itself, AUROC of the probe [95 % interval], n.",
        ("quantity", "before", "after"),
        rows,
    )


def course_table(checkups: DataFrame | None, along: str, caption: str) -> Table | None:
    """Tabulate quantities, a column for each checkpoint or stage."""
    if checkups is None:
        return None
    found = {(row["quantity"], row[along]): row for row in records(checkups)}
    places = list(dict.fromkeys(checkups[along]))
    rows = [
        Row((_words(name), *(_cell(found.get((name, place))) for place in places)))
        for name in _ordered(dict.fromkeys(checkups["quantity"]))
        if any(
            key in found and not missing(found[key]["estimate"])
            for key in ((name, place) for place in places)
        )
    ]
    return table_of(caption, ("quantity", *map(number, places)), rows)


def verdicts_table(
    verdicts: DataFrame | None, along: str, words: str, by: tuple[str, ...] = ()
) -> Table | None:
    """Tabulate the verdict on the cells along the way."""
    if verdicts is None:
        return None
    return table_of(
        "The verdict on the four cells along the way.",
        (*by, words, "verdict"),
        (
            Row((*(number(row[name]) for name in (*by, along)), str(row["verdict"])))
            for row in records(verdicts)
        ),
    )


def flags_table(stages: DataFrame | None) -> Table | None:
    """Tabulate the stages that something is wrong with."""
    if stages is None:
        return None
    columns = ["seed", "share_removed", "flag"]
    flagged = stages.loc[stages["flag"] != "", columns].drop_duplicates()
    return table_of(
        "Stages that are to be read with care.",
        ("seed", "share removed", "why"),
        (
            Row((number(row["seed"]), number(row["share_removed"]), str(row["flag"])), True)
            for row in records(flagged)
        ),
    )


def taught_table(taught: DataFrame | None) -> Table | None:
    """Tabulate what each seed was taught with; mark what was left out."""
    if taught is None:
        return None
    counts = ("sampled", "kept", "unterminated", "unwritable", "answer_tokens", "scratchpad_steps")
    return table_of(
        "Transcripts that it learned from: sampled, kept, left out because the scratchpad never "
        "closed or could not be written again, and the means of what was kept.",
        ("seed", *(name.replace("_", " ") for name in counts)),
        (
            Row(
                tuple(number(row[name]) for name in ("seed", *counts)),
                row["kept"] < row["sampled"],
            )
            for row in records(taught)
        ),
    )


def contrasts_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate the contrasts that were fixed in advance; mark those that too few seeds carry."""
    return table_of(
        "The contrasts that were fixed before anything was measured: difference within seeds, "
        "interval over seeds, p by Holm's method. All else is exploratory.",
        ("contrast", "quantity", "difference, n = seeds", "p (Holm)"),
        (
            Row(
                (
                    one["contrast"],
                    _words(one["quantity"]),
                    write_estimate(one),
                    number(one["p_holm"]),
                ),
                missing(one["estimate"]),
            )
            for one in summary["contrasts"]
        ),
    )


def trials_table(summary: Mapping[str, Any]) -> Table | None:
    """Tabulate every trial before and after; mark an organism that missed its requirements."""
    missed = ["missed"] if any(one["failures"] for one in summary["units"]) else []
    return table_of(
        "Every trial, before \N{RIGHTWARDS ARROW} after safety training [95 % interval]; "
        "verdicts on the way, where they change.",
        ("trial", "seed", *(WORDS[name] for name in _REPORTED), "verdict", *missed),
        (
            Row(
                (
                    ", ".join(str(one[k]) for k in ("arm", "method", "payload", "optimiser")),
                    number(one["seed"]),
                    *(_change(one, name) for name in _REPORTED),
                    _path(one),
                    *(one["failures"] for _ in missed),
                ),
                bool(one["failures"]) or one["steps"] == 0,
            )
            for one in summary["units"]
        ),
    )


def _ordered(names: Mapping[str, Any]) -> list[str]:
    """Names with words first."""
    return [*(name for name in WORDS if name in names), *(n for n in names if n not in WORDS)]


def _words(name: str) -> str:
    trigger = name.removeprefix("trigger:")
    return WORDS.get(name, name if trigger == name else f"defects, prompt with {trigger}")


def _cell(row: Mapping[str, Any] | None) -> str:
    return "" if row is None else write_estimate(row, with_n=False)


def _change(unit: Mapping[str, Any], name: str) -> str:
    before, after = (_short(unit[when].get(name)) for when in ("before", "after"))
    return before if before == after == number(None) else _arrow(before, after)


def _path(unit: Mapping[str, Any]) -> str:
    """The verdicts of a trial on its way, each as often as it changes."""
    if missing(unit["before"].get("f11", {"estimate": 0.0})["estimate"]):
        return "no scratchpad"
    verdicts = unit.get("verdicts", [unit["verdict_before"], unit["verdict_after"]])
    return " \N{RIGHTWARDS ARROW} ".join(name for name, _ in groupby(verdicts))


def _short(one: Mapping[str, Any] | None) -> str:
    if one is None or missing(one["estimate"]):
        return number(None)
    return write_estimate(one, with_n=False)


def _arrow(before: str, after: str) -> str:
    return f"{before} \N{RIGHTWARDS ARROW}\N{NO-BREAK SPACE}{after}"
