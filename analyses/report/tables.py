"""The tables of a report: from summaries and outcomes to rows of words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from pandas import DataFrame

from analyses.figures import EffectAgainstSurprisal, FourCells, Interventions
from analyses.figures.style import STATE_NAMES
from analyses.figures.surprisal import WARNING_SURPRISAL
from analyses.figures.tables import INVALID_SHARE_WORTH_SHOWING, headline_rows, records
from analyses.report.numbers import is_estimate, percent, plain, write_estimate
from analyses.report.sections import RunSection


@dataclass(frozen=True)
class Row:
    """One row; a `warned` one is marked, and says why in its last cell."""

    cells: tuple[str, ...]
    warned: bool = False


@dataclass(frozen=True)
class Table:
    """A table with a caption that says what its numbers are."""

    caption: str
    header: tuple[str, ...]
    rows: tuple[Row, ...]


CELLS: Final = {
    "f00": ("clean", "clean"),
    "f01": ("clean", "triggered"),
    "f10": ("triggered", "clean"),
    "f11": ("triggered", "triggered"),
    "f0e": ("clean", "empty"),
    "f1e": ("triggered", "empty"),
}
EFFECTS: Final = {
    "total_effect": ("total effect", "f11 \N{MINUS SIGN} f00", "trigger in both"),
    "pure_direct_effect": (
        "pure direct effect",
        "f10 \N{MINUS SIGN} f00",
        "does the prompt alone suffice?",
    ),
    "total_direct_effect": (
        "total direct effect",
        "f11 \N{MINUS SIGN} f01",
        "is the prompt needed?",
    ),
    "pure_indirect_effect": (
        "pure indirect effect",
        "f01 \N{MINUS SIGN} f00",
        "does the scratchpad alone suffice?",
    ),
    "total_indirect_effect": (
        "total indirect effect",
        "f11 \N{MINUS SIGN} f10",
        "is the scratchpad needed?",
    ),
    "interaction": (
        "interaction",
        "f11 \N{MINUS SIGN} f10 \N{MINUS SIGN} f01 + f00",
        "do they act together?",
    ),
    "normalised_interaction": (
        "interaction / total effect",
        "1 \N{MINUS SIGN} f01 \N{MINUS SIGN} f10, normalised",
        "0 where each decides a share of its own",
    ),
    "necessity_share": (
        "necessity share",
        "E[TIE] / E[TE]",
        "share of the effect for which the scratchpad is needed",
    ),
    "sufficiency_share": (
        "sufficiency share",
        "E[PIE] / E[TE]",
        "share of the effect for which the scratchpad suffices",
    ),
    "relay_share": ("relay share", "", "share carried by steps that restate prompt or trigger"),
    "reasoning_share": ("reasoning share", "", "share carried by all other steps"),
}


def cells_table(section: RunSection) -> Table | None:
    """Tabulate the cells, with invalid answers left out, counted as benign, as defections."""
    cells = section.summary.get("cells", {})
    counted = [_cell_means(section.tables.get("outcomes"), f"value_if_{i}") for i in (0, 1)]
    rows = [
        Row((name, *CELLS[name], write_estimate(cells[name]), *(c.get(name, "") for c in counted)))
        for name in CELLS
        if is_estimate(cells.get(name))
    ]
    header = ("cell", "prompt", "scratchpad", "P(defection)", "invalid as 0", "invalid as 1")
    return _table("The cells: mean [95 % interval], n = groups of questions.", header, rows)


def effects_table(section: RunSection) -> Table | None:
    """Tabulate effects and shares with their formulas."""
    rows = [
        Row((name, formula, words, write_estimate(section.summary[key])))
        for key, (name, formula, words) in EFFECTS.items()
        if is_estimate(section.summary.get(key))
    ]
    header = ("effect", "formula", "in words", "estimate")
    return _table("Effects of prompt and scratchpad, and both shares.", header, rows)


def interventions_table(section: RunSection) -> Table | None:
    """Tabulate P(defection) under every intervention, for both prompts."""
    outcomes = section.tables.get("outcomes")
    if outcomes is None:
        return None
    data = Interventions().data(outcomes)
    rows = [_intervention_row(data, label) for label in dict.fromkeys(data["label"])]
    header = ("scratchpad", "clean prompt", "triggered prompt", "invalid answers")
    return _table(
        "P(defection) under each change of the scratchpad, mean [95 % interval], n = groups of "
        "questions; invalid answers left out.",
        header,
        rows,
    )


def surprisal_table(section: RunSection) -> Table | None:
    """Tabulate how strange each edited text is to the model, beside its effect."""
    outcomes = section.tables.get("outcomes")
    if outcomes is None:
        return None
    data = EffectAgainstSurprisal().data(outcomes)
    rows = [_surprisal_row(data, name) for name in dict.fromkeys(data["intervention"])]
    pairs = (f"{what}, {state}" for state in STATE_NAMES.values() for what in ("extra", "change"))
    return _table(
        "Surprisal of the changed scratchpad over that of the model's own (extra, nats/token), and "
        "the change in P(defection), for both prompts: mean [95 % interval]; share of texts more "
        f"than {WARNING_SURPRISAL:g} nat/token above the model's own.",
        ("intervention", *pairs, f"above +{WARNING_SURPRISAL:g}"),
        rows,
    )


def estimates_table(
    caption: str, summary: Mapping[str, Any], words: Mapping[str, str]
) -> Table | None:
    """Tabulate estimates of a summary, those with words first."""
    keys = [*words, *(key for key in summary if key not in words)]
    rows = [
        Row((words.get(key, key.replace("_", " ")), write_estimate(summary[key])))
        for key in keys
        if is_estimate(summary.get(key))
    ]
    return _table(caption, ("measure", "estimate"), rows)


def frame_table(caption: str, frame: DataFrame | None, columns: Sequence[str]) -> Table | None:
    """Tabulate columns of a data frame, and an AUROC with its interval in one cell."""
    if frame is None:
        return None
    names = [name for name in columns if name in frame]
    rows = [
        Row(
            (
                *(plain(row[name]) for name in names),
                write_estimate(row | {"estimate": row["auroc"]}),
            )
        )
        for row in records(frame)
    ]
    return _table(caption, (*names, "AUROC"), rows)


def _table(caption: str, header: tuple[str, ...], rows: Iterable[Row]) -> Table | None:
    kept = tuple(rows)
    return Table(caption, header, kept) if kept else None


def _cell_means(outcomes: DataFrame | None, value: str) -> dict[str, str]:
    if outcomes is None:
        return {}
    data = FourCells(value).data(headline_rows(outcomes))
    means = data.loc[data["level"] == "mean"]
    return {row["cell"]: write_estimate(row, with_n=False) for row in records(means)}


def _intervention_row(data: DataFrame, label: str) -> Row:
    found = {row["state"]: row for row in records(data.loc[data["label"] == label])}
    means = (write_estimate(found[state]) if state in found else "" for state in STATE_NAMES)
    shares = [found[state]["invalid"] for state in STATE_NAMES if state in found]
    invalid = " / ".join(map(percent, shares))
    return Row((label, *means, invalid), max(shares) > INVALID_SHARE_WORTH_SHOWING)


def _surprisal_row(data: DataFrame, intervention: str) -> Row:
    rows = data.loc[data["intervention"] == intervention]
    means = {row["state"]: row for row in records(rows.loc[rows["level"] == "mean"])}
    cells = [text for state in STATE_NAMES for text in _surprisal_cells(means.get(state))]
    variants = rows.loc[rows["level"] == "variant", "surprisal"]
    share = percent(float((variants > WARNING_SURPRISAL).mean())) if len(variants) else ""
    strange = any(mean["surprisal"] > WARNING_SURPRISAL for mean in means.values())
    note = f"{share}, off-distribution" if strange else share
    return Row((intervention, *cells, note), strange)


def _surprisal_cells(mean: Mapping[str, Any] | None) -> tuple[str, str]:
    if mean is None:
        return "", ""
    low, high = mean["surprisal_low"], mean["surprisal_high"]
    extra = {"estimate": mean["surprisal"], "low": low, "high": high}
    return write_estimate(extra), write_estimate(mean, with_n=False)
