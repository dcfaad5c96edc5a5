"""The tables of outcomes: what each intervention did and how strange its text is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandas import DataFrame

from analyses.figures import EffectAgainstSurprisal, Interventions
from analyses.figures.style import STATE_NAMES
from analyses.figures.surprisal import WARNING_SURPRISAL
from analyses.figures.tables import INVALID_SHARE_WORTH_SHOWING, records
from analyses.report.numbers import percent, write_estimate
from analyses.report.sections import RunSection
from analyses.report.tables import Row, Table, table_of


def interventions_table(section: RunSection) -> Table | None:
    """Tabulate P(defection) under every intervention, for both prompts."""
    outcomes = section.tables.get("outcomes")
    if outcomes is None:
        return None
    data = Interventions().data(outcomes)
    rows = [_intervention_row(data, label) for label in dict.fromkeys(data["label"])]
    header = ("scratchpad", "clean prompt", "triggered prompt", "invalid answers")
    return table_of(
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
    return table_of(
        "Surprisal of the changed scratchpad over that of the model's own (extra, nats/token), and "
        "the change in P(defection), for both prompts: mean [95 % interval]; share of texts more "
        f"than {WARNING_SURPRISAL:g} nat/token above the model's own.",
        ("intervention", *pairs, f"above +{WARNING_SURPRISAL:g}"),
        rows,
    )


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
