"""Choosing on odd seeds, reporting on even ones."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame

from analyses.calibration.scoring.scores import metric_scores
from analyses.calibration.scoring.selection import best_attribution, best_metric
from analyses.calibration.scoring.step_scores import step_scores
from scratchpad.statistics import holm
from toy_ladder import NAN, NO_VALUES, Row, attributed, ladder, measured, one_row

MODES = ("mediated", "mixed:0.3", "mixed:0.6", "direct")


def row_of(table: DataFrame, name: str, exposure: str = "not seen") -> Row:
    return one_row(table, name=name, exposure=exposure, selection="all trained")


def three_metrics(organisms: DataFrame) -> DataFrame:
    rng = np.random.default_rng(0)
    return pd.concat(
        [
            measured(organisms, "exact", lambda o: o.planted_pie),
            measured(organisms, "lucky", lambda o: o.planted_pie * (o.seed % 2)),
            measured(organisms, "noise", lambda o: float(rng.normal())),
        ]
    )


def test_the_best_of_the_odd_seeds_is_reported_on_the_even_ones() -> None:
    organisms = ladder(MODES, range(1, 9))
    means = three_metrics(organisms)
    means.loc[
        (means["metric"] == "exact") & means["organism"].str.contains("seed 1"), "estimate"
    ] = 0
    table = best_metric(organisms, means, seed=0)
    lucky, exact = row_of(table, "lucky"), row_of(table, "exact")
    assert table.groupby("exposure")["chosen"].sum().to_dict() == {"not seen": 2, "seen": 0}
    assert lucky["chosen"]
    assert (lucky["estimate_odd"], lucky["estimate"]) == (1.0, 0.5)
    assert exact["estimate"] == 1.0
    assert (exact["difference"], lucky["n"]) == (0.5, exact["n_difference"])
    assert np.isnan([lucky["difference"], lucky["p"]]).all()


def test_p_values_are_adjusted_over_all_other_candidates() -> None:
    organisms = ladder(MODES, range(1, 13))
    table = best_metric(organisms, three_metrics(organisms), seed=0)
    found = [row_of(table, name) for name in ("lucky", "noise")]
    assert row_of(table, "exact")["chosen"]
    p_values = np.array([row["p"] for row in found])
    assert [row["p_holm"] for row in found] == pytest.approx(holm(p_values))
    assert (p_values < 0.01).all()
    for row in found:
        assert row["difference_low"] <= row["difference"] <= row["difference_high"] < 0


def test_the_score_is_the_one_that_metrics_get() -> None:
    organisms = ladder(MODES, range(1, 9))
    means = three_metrics(organisms)
    table = best_metric(organisms, means, seed=3)
    even = metric_scores(organisms[organisms["seed"] % 2 == 0], means, NO_VALUES, seed=3)
    expected = one_row(
        even, metric="noise", score="concordance", selection="all trained", exposure="all"
    )
    for column in ("estimate", "low", "high", "n"):
        assert row_of(table, "noise")[column] == expected[column]


@pytest.mark.parametrize(
    ("seeds", "reason"),
    [
        ((2, 4), "no candidate can be chosen on odd seeds"),
        ((1, 3), "none has a score on even seeds"),
    ],
)
def test_one_half_of_the_seeds_is_not_enough(seeds: tuple[int, ...], reason: str) -> None:
    organisms = ladder(MODES, seeds)
    table = best_metric(organisms, three_metrics(organisms), seed=0)
    inside = table[table["exposure"] == "not seen"]
    assert not inside["chosen"].any()
    assert inside["estimate"].isna().all()
    assert (inside["reason"] == reason).all()


def test_who_answers_little_is_not_chosen() -> None:
    organisms = ladder(MODES, range(1, 5))
    few = ("mediated, seed 1", "direct, seed 1")
    means = pd.concat(
        [
            measured(organisms, "good", lambda o: o.planted_pie if o.seed > 1 else 0.5),
            measured(organisms, "silent", lambda o: o.planted_pie if o.organism in few else NAN),
        ]
    )
    table = best_metric(organisms, means, seed=0)
    assert row_of(table, "silent")["estimate_odd"] == 1.0 > row_of(table, "good")["estimate_odd"]
    assert row_of(table, "good")["chosen"]
    assert pd.isna(row_of(table, "silent")["p"])


def test_candidates_meet_on_organisms_of_equal_exposure() -> None:
    organisms = ladder(MODES, range(1, 9))
    means = pd.concat(
        [
            measured(organisms, "one", lambda o: o.planted_pie, seen=lambda o: o.seed > 4),
            measured(organisms, "other", lambda o: o.planted_pie, seen=lambda o: o.seed > 6),
        ]
    )
    table = best_metric(organisms, means, seed=0)
    counts = [row_of(table, name, "seen")["n"] for name in ("one", "other")]
    # Six of the pairs of four modes are ordered, between any two of s seeds: 6 s^2.
    assert counts == [24, 6]
    assert row_of(table, "other", "seen")["n_difference"] == 6
    assert set(table["exposure"]) == {"seen", "not seen"}


def test_the_best_attribution() -> None:
    rng = np.random.default_rng(0)
    organisms = ladder(["driver:2", "direct"], range(1, 9))
    steps = pd.concat(
        [
            attributed(name, rng.normal(0, 1, (6, 5)) + np.eye(5)[1] * shift, [1], attribution=kind)
            for name in organisms["organism"]
            for kind, shift in (("sharp", 9.0), ("blunt", 0.0))
        ]
    )
    table = best_attribution(organisms, steps, seed=0)
    sharp, blunt = row_of(table, "sharp"), row_of(table, "blunt")
    assert sharp["chosen"]
    assert (sharp["n"], sharp["unit"], sharp["estimate"]) == (4, "organisms", 1.0)
    assert blunt["p"] == 2.0**-3
    even = organisms[organisms["seed"] % 2 == 0]
    later = steps[steps["organism"].isin(even["organism"])]
    scores = step_scores(even, later, seed=0)
    expected = one_row(
        scores, attribution="blunt", score="auroc", selection="all trained", exposure="all"
    )
    for column in ("estimate", "low", "high", "n"):
        assert blunt[column] == expected[column]


def test_without_driver_steps_no_attribution_is_chosen() -> None:
    organisms = ladder(["direct"], (1, 2))
    steps = pd.concat([attributed(name, [[0.1, 0.2]], [1]) for name in organisms["organism"]])
    table = best_attribution(organisms, steps, seed=0)
    assert not table["chosen"].any()
    assert table["estimate"].isna().all()
    assert best_attribution(organisms, steps.iloc[:0], seed=0).empty
