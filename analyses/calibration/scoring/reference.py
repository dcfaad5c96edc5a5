"""The four cells as the reference: how far off they are, and how well they repeat themselves."""

from __future__ import annotations

from typing import Any, Final

from pandas import DataFrame, concat

from analyses.calibration.scoring.populations import PLANTED, SELECTIONS, finite, selected
from analyses.calibration.scoring.resampling import organism_items, record, tidy

REPEATS: Final = [0, 1]
COLUMNS: Final = (
    "selection", "effect", "score", "estimate", "low", "high", "n", "worst", "worst_organism",
    "undefined", "reason",
)  # fmt: skip


def reference_errors(organisms: DataFrame, reference: DataFrame) -> DataFrame:
    """Set the cells of each organism beside what was planted, and beside themselves.

    Parameters
    ----------
    organisms : DataFrame
    reference : DataFrame
        `organism`, `repeat` (0 or 1: two independent samplings), `effect`, `estimate`.

    Returns
    -------
    DataFrame
        One row per organism and effect: the columns of `organisms`, `effect`, `estimate` (of
        repeat 0, since one sampling is what is quoted), `planted`, `error` (estimate - planted;
        above 0: the cells say too much) and `repeatability` (|repeat 0 - repeat 1|; larger: worse).
    """
    wide = reference.assign(estimate=finite(reference["estimate"])).pivot(
        index=["effect", "organism"], columns="repeat", values="estimate"
    )
    both = wide.reindex(columns=REPEATS)
    repeats = DataFrame(
        {"estimate": both[0], "repeatability": (both[0] - both[1]).abs()}
    ).reset_index()
    parts = [
        organisms.assign(effect=effect, planted=organisms[column]).merge(
            repeats, on=["organism", "effect"], how="left", validate="one_to_one"
        )
        for effect, column in PLANTED.items()
    ]
    joined = concat(parts, ignore_index=True)
    return joined.assign(error=joined["estimate"] - joined["planted"])


def reference_scores(organisms: DataFrame, reference: DataFrame, *, seed: int) -> DataFrame:
    """Average the cells' absolute error and repeatability over organisms, and name the worst.

    `error` is over organisms with planted truth, `repeatability` over all; larger is worse in
    both. The mean has a bootstrap interval over organisms; a largest value has none.

    Returns
    -------
    DataFrame
        `COLUMNS`; `undefined` counts organisms left out for want of a number.
    """
    errors = reference_errors(organisms, reference)
    rows = [
        {"selection": selection, "effect": effect, **_row(rows, score, seed)}
        for selection in SELECTIONS
        for effect, rows in selected(errors, selection).groupby("effect", sort=False)
        for score in ("error", "repeatability")
    ]
    return tidy(rows, COLUMNS, ("n", "undefined"))


def _row(errors: DataFrame, score: str, seed: int) -> dict[str, Any]:
    asked = errors.dropna(subset="planted") if score == "error" else errors
    sizes = asked.set_index("organism")[score].abs()
    found = organism_items(sizes, share=False).estimate(seed)
    known = sizes.dropna().sort_index()
    return record(
        found,
        score=score,
        worst=known.max(),
        worst_organism=known.idxmax() if len(known) else "",
        undefined=len(sizes) - len(known),
    )
