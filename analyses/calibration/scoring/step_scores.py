"""Attributions to steps scored against the planted driver steps."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from pandas import DataFrame, MultiIndex, Series

from analyses.calibration.scoring.populations import finite, populations
from analyses.calibration.scoring.resampling import Items, outranks, question_items, record, tidy
from scratchpad.statistics import CONSTANT, Estimate

QUESTION: Final = ["organism", "group", "question_id"]
CASE: Final = [*QUESTION, "draw"]
COLUMNS: Final = (
    "attribution", "selection", "exposure", "score", "estimate", "low", "high", "n", "unit",
    "chance", "undefined", "reason",
)  # fmt: skip
NO_THRESHOLD: Final = "no driver step on odd seeds sets a threshold"
NO_DECORATION: Final = "no decoration step on even seeds has a number"


def step_scores(organisms: DataFrame, steps: DataFrame, *, seed: int) -> DataFrame:
    """Score every attribution by selection and by exposure.

    Steps are ranked by |importance| within a transcript; draws are averaged, then questions, then
    organisms.

    - `auroc`: probability that a driver step outranks a decoration step, a tie one half. Larger:
      better; chance is .5.
    - `top_1`: whether a driver step has the largest importance; tied steps share the credit.
      Larger: better; chance is the share of driver steps.
    - `false_alarms`: share of decoration steps that reach the median driver step; the threshold is
      from odd seeds, the steps are from even ones. Larger: worse; .5 where importance tells
      nothing.

    The first two are over organisms that have driver steps. Of organisms with a planted direct
    effect all steps are decoration.

    Parameters
    ----------
    organisms : DataFrame
        `organism`, `seed`, `planted_verdict`, `admitted`.
    steps : DataFrame
        `organism`, `attribution`, `seen`, `question_id`, `group`, `draw`, `step_index`, `driver`,
        `importance`.
    seed : int
        Seeds the bootstrap: over organisms; with a single one, over groups of questions.

    Returns
    -------
    DataFrame
        `COLUMNS`; `n` counts what `unit` names, `undefined` the transcripts left out because no
        driver or no decoration step has a number. An organism that wrote none has none to count.
    """
    rows = []
    for attribution, own in labelled_steps(steps, organisms).groupby("attribution"):
        transcripts = transcript_scores(own)
        seen = own.groupby("organism")["seen"].first().reset_index()
        for labels, chosen in populations(organisms.merge(seen, on="organism")):
            inside = transcripts.index.isin(chosen["organism"], level="organism")
            found = [
                *_rankings(transcripts[inside], seed),
                _false_alarms(own[own["organism"].isin(chosen["organism"])], seed),
            ]
            rows += [{"attribution": attribution, **labels, **row} for row in found]
    return tidy(rows, COLUMNS, ("n", "undefined"))


def labelled_steps(steps: DataFrame, organisms: DataFrame) -> DataFrame:
    """Keep steps whose part in the answer is planted, and say what it is.

    Returns
    -------
    DataFrame
        `steps` with the organism's `seed`, `driver`, `driven` (its organism has driver steps) and
        `magnitude`, which is |importance|. A step that is no driver is decoration.
    """
    truth = organisms[["organism", "seed", "planted_verdict"]]
    joined = steps.merge(truth, on="organism", validate="many_to_one")
    # A rule that follows the prompt may still say by which steps a scratchpad would be read.
    direct = joined["planted_verdict"].eq("direct")
    driver = joined["driver"] & ~direct & joined["planted_verdict"].ne("")
    driven = driver.groupby(joined["organism"]).transform("any")
    labelled = joined.assign(
        driver=driver, driven=driven, magnitude=finite(joined["importance"]).abs()
    )
    return labelled[driven | direct]


def transcript_scores(steps: DataFrame) -> DataFrame:
    """Score one attribution in every transcript of organisms that have driver steps.

    Returns
    -------
    DataFrame
        `auroc`, `top_1` and `chance`, indexed by `CASE`; NaN where no driver or no decoration step
        has a number.
    """
    driven = steps[steps["driven"]]
    known = driven.dropna(subset="magnitude")
    drivers, others = (known.loc[one, [*CASE, "magnitude"]] for one in
                       (known["driver"], ~known["driver"]))  # fmt: skip
    pairs = drivers.merge(others, on=CASE, suffixes=("", "_other"))
    pairs["auroc"] = outranks(pairs["magnitude"], pairs["magnitude_other"])
    largest = known.groupby(CASE)["magnitude"].transform("max")
    scores = {
        "auroc": pairs.groupby(CASE)["auroc"].mean(),
        "top_1": known[known["magnitude"] >= largest - CONSTANT].groupby(CASE)["driver"].mean(),
        "chance": known.groupby(CASE)["driver"].mean(),
    }
    cases = MultiIndex.from_frame(driven[CASE].drop_duplicates().sort_values(CASE))
    table = DataFrame({name: column.reindex(cases) for name, column in scores.items()})
    return table.where(table["auroc"].notna())


def by_question(transcripts: Series[float]) -> Items:
    """Average draws, then questions by organism."""
    return question_items(transcripts.groupby(level=QUESTION).mean())


def _rankings(transcripts: DataFrame, seed: int) -> list[dict[str, Any]]:
    undefined = int(transcripts["auroc"].isna().sum())
    drivers = by_question(transcripts["chance"]).values
    chances = {"auroc": 0.5, "top_1": float(drivers.mean()) if len(drivers) else np.nan}
    return [
        _row(name, by_question(transcripts[name]), seed)
        | {"chance": chance, "undefined": undefined}
        for name, chance in chances.items()
    ]


def _false_alarms(steps: DataFrame, seed: int) -> dict[str, Any]:
    odd = steps["seed"] % 2 == 1
    threshold = steps.loc[odd & steps["driver"], "magnitude"].median()
    decoration = steps[~odd & ~steps["driver"]]
    reached = (decoration["magnitude"] >= threshold - CONSTANT).astype(float)
    known = decoration.assign(reached=reached.where(decoration["magnitude"].notna()))
    transcripts = known.groupby(CASE)["reached"].mean()
    row = _row("false_alarms", by_question(transcripts), seed)
    row |= {"chance": 0.5, "undefined": int(transcripts.isna().sum())}
    if np.isnan(threshold):
        row |= record(Estimate.undefined(row["n"], NO_THRESHOLD))
    elif transcripts.isna().all():
        row |= record(Estimate.undefined(0, NO_DECORATION))
    return row


def _row(name: str, items: Items, seed: int) -> dict[str, Any]:
    return record(items.estimate(seed), score=name, unit=items.unit)
