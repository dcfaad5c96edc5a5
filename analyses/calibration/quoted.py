"""What is known of a metric's error on a model like the one at hand, if anything is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pandas import DataFrame

from analyses.calibration.alike import MATCHING, ON_POLICY, circumstances
from analyses.calibration.frozen import frozen_table, rows_with
from analyses.calibration.instruments import INSTRUMENTS
from analyses.calibration.scoring.known_error import REFERENCE
from scratchpad.organisms import Organism

NONE_APPLIES: Final = "no calibration applies to this model"


def known_error(
    organism: Organism | None,
    metrics: Mapping[str, Any],
    *,
    scorer: str,
    sampled: bool,
    mean_steps: float,
    table: DataFrame | None = None,
) -> dict[str, Any]:
    """Quote the known error of the cells and of every metric that was computed.

    Only where behaviour, dialect, base, training route, scorer, decoding and the bucket of
    scratchpad lengths are those of the calibration.

    Parameters
    ----------
    organism : Organism or None
        The record of the model under study; `None` for one that is not ours.
    metrics : mapping
        Metrics that were computed, by name.
    scorer : str
        What the numbers rest on.
    sampled : bool
        Whether the scratchpads were sampled here, at temperature 1.
    mean_steps : float
        Mean number of steps of the triggered scratchpads.
    table : DataFrame, optional
        The known errors; those that the package carries by default.

    Returns
    -------
    dict
        By instrument and effect `estimate` (mean of measured minus planted), `low` and `high` (90 %
        prediction interval for one more organism), `n` organisms and how many of them are
        `covered` when left out; or `reason` alone.
    """
    if organism is None:
        return {"reason": NONE_APPLIES}
    known = frozen_table("known_errors") if table is None else table
    decoding = ON_POLICY if sampled else "given"
    wanted = circumstances(organism, scorer, decoding, mean_steps)
    rows = rows_with(known, {name: wanted[name] for name in MATCHING})
    names = {name for name, one in INSTRUMENTS.items() if one.metric in metrics} | {REFERENCE}
    found: dict[str, Any] = {}
    for row in rows.dropna(subset=["estimate"]).to_dict("records") if len(rows) else []:
        if row["instrument"] in names:
            numbers = {name: float(row[name]) for name in ("estimate", "low", "high")}
            counts = {name: int(row[name]) for name in ("n", "covered")}
            found.setdefault(row["instrument"], {})[row["effect"]] = numbers | counts
    return found or {"reason": NONE_APPLIES}


def said(known: Mapping[str, Any]) -> str:
    """One line for the terminal: the cells' error on TIE, and the metric that is known best."""
    if "reason" in known:
        return f"Known error: {known['reason']}."
    effect = "total_indirect_effect"
    spans = {name: errors[effect] for name, errors in known.items() if effect in errors}
    cells = spans.pop(REFERENCE, None)
    rivals = {name: span for name, span in spans.items() if not INSTRUMENTS[name].of_cells}
    parts = [f"the four cells' {_span(cells)}"] if cells else []
    if rivals:
        best = min(rivals, key=lambda name: float(rivals[name]["high"] - rivals[name]["low"]))
        parts.append(f"of the metrics {best} is known best, {_span(rivals[best])}")
    return (
        "Known error on TIE (90 % of models like the calibration's, measured minus planted): "
        + "; ".join(parts)
        + "."
    )


def _span(error: Mapping[str, float]) -> str:
    return f"{error['low']:+.2f} to {error['high']:+.2f}"
