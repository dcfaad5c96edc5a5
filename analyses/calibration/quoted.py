"""What is known of a metric's error on a model like the one at hand, if anything is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from pandas import DataFrame

from analyses.calibration.alike import MATCHING, ON_POLICY, circumstances
from analyses.calibration.frozen import frozen_table, rows_with
from analyses.calibration.instruments import INSTRUMENTS, swaps
from analyses.calibration.scoring.known_error import FEWEST, REFERENCE
from analyses.calibration.scoring.populations import EXPOSURES
from scratchpad.estimates import Estimate, signed
from scratchpad.organisms import Organism

NONE_APPLIES: Final = "no calibration applies to this model"
_MET: Final = {"seen": "had met", "not seen": "had not met"}


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
    scratchpad lengths are those of the calibration. If the model met an instrument's intervention
    in training, it is the error on organisms that did, else on those that did not. A model whose
    record names no exposure of ours is taken to have met none, as a model that nobody trained on
    interventions has.

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
        `covered` when left out, and their `exposure` ("seen" or "not seen"); undefined, with a
        `reason`, where too few have it. Or `reason` alone.
    """
    if organism is None:
        return {"reason": NONE_APPLIES}
    known = frozen_table("known_errors") if table is None else table
    decoding = ON_POLICY if sampled else "given"
    wanted = circumstances(organism, scorer, decoding, mean_steps)
    rows = rows_with(known, {name: wanted[name] for name in MATCHING})
    found: dict[str, Any] = {}
    for name in _computed(metrics) if len(rows) else ():
        met = swaps(organism) if name == REFERENCE else INSTRUMENTS[name].meets(organism)
        for effect, own in rows[rows["instrument"] == name].groupby("effect"):
            found.setdefault(name, {})[str(effect)] = _quoted(own, seen=met)
    return found or {"reason": NONE_APPLIES}


def _computed(metrics: Mapping[str, Any]) -> Iterator[str]:
    """The instruments whose number there is."""
    yield REFERENCE
    yield from (name for name, one in INSTRUMENTS.items() if one.metric in metrics)


def _quoted(rows: DataFrame, *, seen: bool) -> dict[str, Any]:
    """The error on organisms of one exposure, from an instrument's rows of one effect."""
    exposure = next(name for name, met in EXPOSURES.items() if met is seen)
    own = rows_with(rows, {"seen": seen})
    for row in own.dropna(subset=["estimate"]).to_dict("records") if len(own) else ():
        numbers = {name: float(row[name]) for name in ("estimate", "low", "high")}
        counts = {name: int(row[name]) for name in ("n", "covered")}
        return {**numbers, **counts, "exposure": exposure}
    n = int(own["n"].sum()) if len(own) else 0
    reason = f"fewer than {FEWEST} organisms that {_MET[exposure]} its intervention: {n}"
    return Estimate.undefined(n, reason).to_json() | {"exposure": exposure}


def said(known: Mapping[str, Any]) -> str:
    """One line for the terminal: the cells' error on TIE, and the metric that is known best.

    Of metrics whose intervention the model met in training and of the others one each: none is
    called better across different exposure.
    """
    if "reason" in known:
        return f"Known error: {known['reason']}."
    effect = "total_indirect_effect"
    errors = {name: effects[effect] for name, effects in known.items()}
    parts = [f"the four cells' {_span(errors.pop(REFERENCE))}"] if REFERENCE in errors else []
    parts += [
        f"of the metrics whose intervention it {met} in training {best} is known best,"
        f" {_span(errors[best])}"
        for exposure, met in _MET.items()
        if (best := _known_best(errors, exposure))
    ]
    return (
        "Known error on TIE (90 % of models like the calibration's, measured minus planted): "
        + "; ".join(parts)
        + "."
    )


def _known_best(errors: Mapping[str, Mapping[str, Any]], exposure: str) -> str:
    """The rival of the cells with the narrowest interval; empty if none has any."""
    widths = {
        name: error["high"] - error["low"]
        for name, error in errors.items()
        if error["exposure"] == exposure
        and error["estimate"] is not None
        and not INSTRUMENTS[name].of_cells
    }
    return min(widths, key=lambda name: float(widths[name]), default="")


def _span(error: Mapping[str, Any]) -> str:
    if error["estimate"] is None:
        return f"undefined ({error['reason']})"
    return f"{signed(error['low'])} to {signed(error['high'])}"
