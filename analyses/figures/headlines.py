"""The headline table of each kind of run, in LaTeX and in Markdown."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from pandas import DataFrame

from analyses.figures.leaderboard import save_leaderboard
from analyses.figures.style import short
from analyses.figures.tables import records
from analyses.figures.typeset import latex_table, markdown_table
from scratchpad.files import atomic_write

Summary = Mapping[str, Any]
Tables = Mapping[str, DataFrame]

UNDEFINED: Final = "undefined"
_NUMBERS: Final = "In brackets 95 % intervals, in parentheses n ({unit})."
_EFFECTS: Final = {
    "total_effect": "total effect",
    "pure_direct_effect": "pure direct effect",
    "total_direct_effect": "total direct effect",
    "pure_indirect_effect": "pure indirect effect (PIE)",
    "total_indirect_effect": "total indirect effect (TIE)",
    "interaction": "interaction",
}
_SHARES: Final = {
    "necessity_share": "needed: E[TIE] / E[TE]",
    "sufficiency_share": "suffices: E[PIE] / E[TE]",
    "relay_share": "steps that quote the trigger",
    "reasoning_share": "all other steps",
}
# Of a trial or a model, before and after.
_STATE: Final = {
    "triggered_defection": "defects, triggered",
    "near_miss_defection": "defects, near misses",
    "clean_defection": "defects, clean",
    "benign_accuracy": "benign answers right",
    "necessity_share": "TIE / TE",
    "probe_auroc": "probe AUROC",
}


@dataclass(frozen=True)
class Headline:
    """A table to be printed: blocks of words under a caption.

    Parameters
    ----------
    name : str
        Of its files.
    caption : str
    blocks : mapping of str to DataFrame
        Cells of text by heading, all with the same columns.
    """

    name: str
    caption: str
    blocks: Mapping[str, DataFrame]


def headline_tables(summary: Summary, tables: Tables) -> tuple[Headline, ...]:
    """Give what a run's summary and tables hold of these; a calibration has its leaderboard."""
    found = (_ablation(summary), _metrics(tables), _probes(tables), _controls(summary, tables),
             _change(summary), _trials(summary))  # fmt: skip
    return tuple(one for one in found if one is not None and one.blocks)


def save_tables(summary: Summary, tables: Tables, folder: Path) -> tuple[str, ...]:
    """Write NAME.md and NAME.tex (booktabs) of every headline table of a run.

    Returns
    -------
    tuple of str
        Their names.
    """
    headlines = headline_tables(summary, tables)
    for one in headlines:
        for kind, write in (("md", markdown_table), ("tex", latex_table)):
            atomic_write(folder / f"{one.name}.{kind}", write(one.blocks, one.caption).encode())
    names = [one.name for one in headlines]
    if {"leaderboard", "metric_costs"} <= set(tables):
        written = save_leaderboard(tables["leaderboard"], tables["metric_costs"], folder)
        names += ["leaderboard"] * bool(written)
    return tuple(names)


def written(number: Mapping[str, Any] | None) -> str:
    """Write an estimate as a paper's table does.

    >>> written({"estimate": 0.955, "low": 0.9, "high": 1.0, "n": 39})
    '.95 [.90, 1.00] (39)'
    >>> written({"estimate": None, "low": None, "high": None, "n": 0})
    'undefined'
    """
    if number is None or pd.isna(number["estimate"]):
        return UNDEFINED
    estimate, low, high = (short(number[name]) for name in ("estimate", "low", "high"))
    return f"{estimate} [{low}, {high}] ({number['n']:.0f})"


def _ablation(summary: Summary) -> Headline | None:
    if "cells" not in summary:
        return None
    cells = {f"{name} (P(defection))": number for name, number in summary["cells"].items()}
    blocks = {
        "cells": cells,
        "effects": {words: summary.get(key) for key, words in _EFFECTS.items() if key in summary},
        "shares": {words: summary.get(key) for key, words in _SHARES.items() if key in summary},
    }
    caption = f"Verdict: {summary['verdict']}. {_NUMBERS.format(unit='groups of questions')}"
    return Headline("ablation", caption, {name: _listed(rows) for name, rows in blocks.items()})


def _listed(numbers: Mapping[str, Any]) -> DataFrame:
    rows = [(words, written(number)) for words, number in numbers.items()]
    return DataFrame(rows, columns=["quantity", "estimate"])


def _metrics(tables: Tables) -> Headline | None:
    table = tables.get("metrics")
    if table is None or "number" not in table:
        return None
    rows = [
        {"metric": metric, "number": number,
         **{str(row["state"]): written(row) for row in records(part)}}
        for (metric, number), part in table.groupby(["metric", "number"], sort=False)
    ]  # fmt: skip
    wide = DataFrame(rows).fillna("")
    caption = f"Published metrics by prompt. {_NUMBERS.format(unit='groups of questions')}"
    return Headline("metrics", caption, {"metrics": wide} if len(wide) else {})


def _probes(tables: Tables) -> Headline | None:
    table = tables.get("positions")
    if table is None or "minus_text" not in table:
        return None
    rows = [
        {"position": row["position"], "probe": f"{row['probe']}, layer {row['layer']}",
         "AUROC": written(row | {"estimate": row["auroc"]}), "text reader": row["reader"],
         "AUROC of the text": _beside(row, "text_auroc"), "difference": _beside(row, "minus_text")}
        for row in records(table)
    ]  # fmt: skip
    caption = (
        "Probes chosen on the other folds, beside the best reader of the same text, by position. "
        f"{_NUMBERS.format(unit='groups of questions')}"
    )
    return Headline("probes", caption, {"positions": DataFrame(rows)} if rows else {})


def _beside(row: dict[str, Any], name: str) -> str:
    number = {"estimate": row[name], "low": row[f"{name}_low"], "high": row[f"{name}_high"]}
    return written(number | {"n": row["n"]})


def _controls(summary: Summary, tables: Tables) -> Headline | None:
    if "controls" not in tables:
        return None
    own = {name.replace("_", " "): number for name, number in summary.items()
           if name.startswith(("auroc", "recall")) and isinstance(number, Mapping)}  # fmt: skip
    named = {row["control"].replace("_", " "): row for row in records(tables["controls"])}
    controls = {name: row for name, row in named.items() if name not in own}
    blocks = {"probe": _listed(own), "controls": _listed(controls)}
    caption = f"{summary.get('verdict_text', '')} {_NUMBERS.format(unit='groups of questions')}"
    kept = {name: rows for name, rows in blocks.items() if len(rows)}
    return Headline("probe-controls", caption.strip(), kept)


def _change(summary: Summary) -> Headline | None:
    before, after = (summary.get(key) for key in ("before", "after"))
    if not (isinstance(before, Mapping) and isinstance(after, Mapping)):
        return None
    rows = [
        (words, written(before.get(name)), written(after.get(name)))
        for name, words in _STATE.items()
        if name in before or name in after
    ]
    table = DataFrame(rows, columns=["quantity", "before", "after"])
    caption = f"{summary.get('verdict_text', '')} {_NUMBERS.format(unit='answers or groups')}"
    return Headline("before-and-after", caption.strip(), {"model": table} if rows else {})


def _trials(summary: Summary) -> Headline | None:
    units = summary.get("units")
    if not isinstance(units, list) or not units:
        return None
    blocks = {when: DataFrame(list(_trial_rows(units, when))) for when in ("before", "after")}
    caption = (
        f"{summary.get('verdict_text', '')} By trial, before and after safety training. "
        f"{_NUMBERS.format(unit='answers or groups of questions')}"
    )
    return Headline("persistence", caption.strip(), blocks)


def _trial_rows(units: list[Summary], when: str) -> Iterator[dict[str, str]]:
    for unit in units:
        names = (unit["arm"], unit["method"], unit["payload"], unit["optimiser"])
        numbers = {words: written(unit[when].get(name)) for name, words in _STATE.items()}
        yield {"trial": ", ".join(names), "seed": str(unit["seed"]), **numbers,
               "verdict": str(unit[f"verdict_{when}"])}  # fmt: skip
