"""From the tables of a ladder to scores, and from scores to a summary with its goals."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from pandas import DataFrame

from analyses.calibration.alike import MATCHING
from analyses.calibration.frozen import rank_agreements
from analyses.calibration.instruments import INSTRUMENTS
from analyses.calibration.scoring.carrying import rank_agreement
from analyses.calibration.scoring.error_sources import error_sources, metric_costs
from analyses.calibration.scoring.known_error import known_errors, signed_errors
from analyses.calibration.scoring.ranking import ranked_errors
from analyses.calibration.scoring.reference import reference_scores
from analyses.calibration.scoring.scores import metric_scores
from analyses.calibration.scoring.selection import best_attribution, best_metric
from analyses.calibration.scoring.step_scores import step_scores
from analyses.calibration.scoring.verdicts import NAMES, verdict_confusion, verdict_scores
from scratchpad.estimates import Estimate, rounded, short

Tables = Mapping[str, DataFrame]
ALL: Final = "all trained"
ADMITTED: Final = "admitted"
# Goals fixed before anything was measured.
ERROR_OF_ADMITTED, ERROR_OF_ALL, RIGHT_SHARE, DRIVER_AUROC = 0.05, 0.08, 0.9, 0.95


class Goal(NamedTuple):
    """A number that was to be reached, and what was found (`None`: undefined)."""

    name: str
    found: float | None
    target: str
    met: bool


def score_tables(found: Tables, seed: int) -> dict[str, DataFrame]:
    """Score everything that was found of a ladder's organisms."""
    organisms, means, reference = found["organisms"], found["means"], found["reference"]
    errors = signed_errors(organisms, means, reference)
    needed = {name: one.sources for name, one in INSTRUMENTS.items()}
    return {
        "leaderboard": metric_scores(organisms, means, found["values"], seed=seed),
        "step_scores": step_scores(organisms, found["steps"], seed=seed),
        "chosen_metrics": best_metric(organisms, _rivals(means), seed=seed),
        "chosen_attributions": best_attribution(organisms, found["steps"], seed=seed),
        "known_errors": known_errors(errors, (*MATCHING, "seen")),
        "confusion": verdict_confusion(organisms),
        "verdict_scores": verdict_scores(organisms),
        "reference_scores": reference_scores(organisms, reference, seed=seed),
        "error_sources": error_sources(organisms, found["values"], found["policies"]),
        "metric_costs": metric_costs(found["costs"], needed),
        "carried": rank_agreement(organisms, means),
    }


def _rivals(means: DataFrame) -> DataFrame:
    """Metrics that are not the four cells in other terms."""
    rivals = [name for name, one in INSTRUMENTS.items() if not one.of_cells]
    return means[means["metric"].isin(rivals)]


def goals(tables: Tables) -> list[Goal]:
    """The goals of a ladder, met or not."""
    verdicts = _verdicts(tables)
    return [
        *(
            _at_most(
                f"largest error of the four cells, {selection}",
                _worst(tables["reference_scores"], selection),
                most,
            )
            for selection, most in ((ADMITTED, ERROR_OF_ADMITTED), (ALL, ERROR_OF_ALL))
        ),
        _right_verdicts(int(verdicts["right"]), int(verdicts["n"]), verdicts["low"]),
        _best_attribution(tables["chosen_attributions"]),
    ]


def summarise(tables: Tables, *, budget: int) -> dict[str, Any]:
    """What summary.json holds.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        Those of `score_tables`, `organisms`, and `compared` with the calibration that the package
        carries.
    budget : int
        Forward tokens after which an intervention takes no further question of an organism.
    """
    organisms, wanted = tables["organisms"], goals(tables)
    unread = [row for row in _rows(organisms) if row["unread"]]
    verdicts = _verdicts(tables)
    return {
        "verdict_text": _text(tables, wanted),
        "organisms": len(organisms),
        "unread": [row["organism"] for row in unread],
        "metrics": _metrics(tables["leaderboard"]),
        "verdicts": {
            "right": int(verdicts["right"]),
            "share": _estimate(verdicts),
            "wrong": [_wrongly(row) for row in _rows(organisms) if _wrongly(row)],
        },
        "goals": [goal._asdict() for goal in wanted],
        "rank_agreement": _agreement(rank_agreements(tables["carried"])),
        "budget": budget,
        "warnings": [
            *(f"nothing of {row['organism']} could be read: {row['unread']}; its metrics are"
              " undefined, its verdict counts as not right" for row in unread),
            *(f"{row['organism']} missed its plan: {row['failures']}"
              for row in _rows(organisms, admitted=False)),
            *(f"missed: {goal.name} {_number(goal.found)}, not {goal.target}"
              for goal in wanted if not goal.met),
            *_differing(tables["compared"]),
        ],
    }  # fmt: skip


def _metrics(leaderboard: DataFrame) -> dict[str, dict[str, Any]]:
    """Every score of every metric, in the order of `ranked_errors`."""
    found: dict[str, dict[str, Any]] = {str(name): {} for name in ranked_errors(leaderboard).index}
    for row in _rows(leaderboard, selection=ALL, exposure="all"):
        found[row["metric"]][row["score"]] = _estimate(row)
    return found


def _agreement(table: DataFrame) -> dict[str, float | None]:
    """Mean over metrics of how far each kind of organism ranks as tiny ones do."""
    if table.empty:
        return {}
    kinds = table["base"] + ", " + table["route"]
    means = table["agreement"].groupby(kinds, sort=False).mean()
    return {str(kind): _plain(float(mean)) for kind, mean in means.items()}


def _differing(compared: DataFrame) -> list[str]:
    """Scores that are not those of the calibration that the package carries."""
    rows = _rows(compared, apart=True, selection=ALL, exposure="all")
    return [
        f"{row['score']} of {row['metric']} is {short(row['now'])}; the calibration that the"
        f" package carries has {short(row['then'])}"
        for row in rows
    ]


def _rows(table: DataFrame, **wanted: Any) -> list[dict[str, Any]]:
    """The rows in which columns have certain values."""
    for column, value in wanted.items():
        table = table[table[column] == value]
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _verdicts(tables: Tables) -> dict[str, Any]:
    (row,) = _rows(tables["verdict_scores"], selection=ALL, agreement="name")
    return row


def _wrongly(row: Mapping[str, Any]) -> str:
    """What was planted and measured, if they differ."""
    planted, measured = row["planted_verdict"], row["verdict"]
    if planted in ("", NAMES.get(measured, measured)):
        return ""
    return f"{row['organism']}: planted {planted}, measured {measured}"


def _worst(reference: DataFrame, selection: str) -> float:
    """The largest error on either effect; NaN where an organism has none, or there is none."""
    rows = _rows(reference, selection=selection, score="error")
    if not rows or any(row["undefined"] for row in rows):
        return np.nan
    return float(max(row["worst"] for row in rows))


def _at_most(name: str, found: float, most: float) -> Goal:
    known = None if np.isnan(found) else found
    return Goal(name, known, f"<= {rounded(most)}", known is not None and known <= most)


def _right_verdicts(right: int, n: int, low: float) -> Goal:
    if not n:
        return Goal("verdicts right", None, f">= {rounded(RIGHT_SHARE)} of all", met=False)
    if n <= 10:
        least = math.ceil(RIGHT_SHARE * n)
        return Goal(f"verdicts right of {n}", right, f">= {least}", right >= least)
    name = f"low end of the share of right verdicts ({right} of {n})"
    return Goal(name, low, f">= {rounded(RIGHT_SHARE)}", low >= RIGHT_SHARE)


def _best_attribution(chosen: DataFrame) -> Goal:
    """The best that can be claimed: of candidates that were chosen on odd seeds, on even ones."""
    picked = _rows(chosen, selection=ALL, chosen=True)
    known = [row for row in picked if not np.isnan(row["estimate"])]
    name = "driver AUROC of the attribution chosen on odd seeds, on even ones"
    if not known:
        return Goal(name, None, f">= {rounded(DRIVER_AUROC)}", met=False)
    best = max(known, key=lambda row: float(row["estimate_odd"]))
    found = float(best["estimate"])
    label = f"{name} ({best['name']}, {best['exposure']}; n = {best['n']} {best['unit']})"
    return Goal(label, found, f">= {rounded(DRIVER_AUROC)}", found >= DRIVER_AUROC)


def _text(tables: Tables, wanted: Sequence[Goal]) -> str:
    verdicts, met = _verdicts(tables), sum(goal.met for goal in wanted)
    chosen = [
        f"{row['name']} ({row['exposure']} in training) orders "
        f"{Estimate.from_json(row).with_interval()} of the pairs rightly on even ones"
        for row in _rows(tables["chosen_metrics"], selection=ALL, chosen=True)
        if not np.isnan(row["estimate"])
    ]
    found = "No metric could be chosen on odd seeds and tried on even ones."
    if chosen:
        found = f"Chosen on odd seeds, {'; '.join(chosen)}."
    cells = f"the four cells are off by at most {_number(wanted[1].found)} on any organism"
    if wanted[1].found is None:
        cells = "how far the four cells are off is not known of every organism"
    return (
        f"{int(verdicts['right'])} of {int(verdicts['n'])} verdicts are as planted; {cells}. "
        f"{found} {met} of {len(wanted)} goals are met."
    )


def _estimate(row: Mapping[str, Any]) -> dict[str, Any]:
    numbers = {name: _plain(row[name]) for name in ("estimate", "low", "high")}
    reason = {"reason": str(row.get("reason", ""))} if numbers["estimate"] is None else {}
    return {**numbers, "n": int(row["n"]), **reason}


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _number(value: float | None) -> str:
    return "undefined" if value is None else rounded(value)
