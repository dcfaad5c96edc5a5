"""Attributions against planted driver steps, by hand and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from sklearn.metrics import roc_auc_score

from analyses.calibration.scoring.step_scores import NO_DECORATION, NO_THRESHOLD, step_scores
from toy_ladder import NAN, Row, attributed, ladder, one_row

DRIVER = 1


def scored(organisms: DataFrame, *steps: DataFrame) -> DataFrame:
    return step_scores(organisms, pd.concat(steps, ignore_index=True), seed=0)


def row_of(
    table: DataFrame, score: str, selection: str = "all trained", exposure: str = "all"
) -> Row:
    return one_row(table, score=score, selection=selection, exposure=exposure)


def test_rank_is_by_size_whatever_the_sign() -> None:
    organisms = ladder(["driver:2"], (1, 2))
    table = scored(
        organisms,
        attributed("driver:2, seed 1", [[0.1, -0.9, 0.2]], [DRIVER]),
        attributed("driver:2, seed 2", [[0.5, 0.5, -0.1]], [DRIVER]),
    )
    auroc, top = row_of(table, "auroc"), row_of(table, "top_1")
    assert auroc["estimate"] == pytest.approx((1 + 0.75) / 2)
    assert top["estimate"] == pytest.approx((1 + 0.5) / 2)
    assert top["chance"] == pytest.approx(1 / 3)
    assert (auroc["chance"], auroc["n"], auroc["unit"]) == (0.5, 2, "organisms")


def test_auroc_equals_that_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    importances = np.round(rng.normal(size=(6, 7)), 1)
    table = scored(ladder(["driver:2"]), attributed("driver:2, seed 1", importances, [1, 4]))
    labels = np.isin(np.arange(7), [1, 4])
    expected = [roc_auc_score(labels, np.abs(steps)) for steps in importances]
    found = row_of(table, "auroc")
    assert found["estimate"] == pytest.approx(np.mean(expected))
    assert (found["unit"], found["n"]) == ("groups of questions", 3)


def test_draws_then_questions_then_organisms_count_the_same() -> None:
    right, wrong = [0.0, 1.0], [1.0, 0.0]
    many = attributed("driver:2, seed 1", [right, wrong], [DRIVER])
    more = [many[many["question_id"] == "q0"].assign(draw=draw) for draw in (1, 2, 3)]
    other = attributed("driver:2, seed 2", [right], [DRIVER])
    table = scored(ladder(["driver:2"], (1, 2)), many, *more, other)
    assert row_of(table, "auroc")["estimate"] == pytest.approx((0.5 + 1) / 2)


def test_missing_importances_are_left_out_and_counted() -> None:
    table = scored(
        ladder(["driver:2"], (1, 2)),
        attributed("driver:2, seed 1", [[0.1, NAN, 0.2], [NAN, 0.3, 0.1]], [DRIVER]),
        attributed("driver:2, seed 2", [[0.1, 0.0, 0.2], [NAN, 0.3, NAN]], [DRIVER]),
    )
    found, top = row_of(table, "auroc"), row_of(table, "top_1")
    assert (found["estimate"], found["n"], found["undefined"]) == (0.5, 2, 2)
    assert top["chance"] == pytest.approx((1 / 2 + 1 / 3) / 2)


def test_of_a_direct_organism_no_step_drives() -> None:
    steps = attributed("direct, seed 2", [[0.5, 0.5]], [0, 1])
    table = scored(
        ladder(["driver:2", "direct"], (1, 2)),
        attributed("driver:2, seed 1", [[0.1, 0.4]], [DRIVER]),
        steps,
    )
    found = row_of(table, "auroc")
    assert (found["n"], found["unit"]) == (1, "groups of questions")
    alarms = row_of(table, "false_alarms")
    assert (alarms["n"], alarms["chance"]) == (1, 0.5)


def test_organisms_without_drivers_or_truth_are_not_looked_at() -> None:
    table = scored(
        ladder(["driver:2", "mediated", "natural"], (1, 2)),
        attributed("driver:2, seed 1", [[0.1, 0.4]], [DRIVER]),
        attributed("driver:2, seed 2", [[0.1, 0.4]], [DRIVER]),
        attributed("mediated, seed 2", [[0.9, 0.9]], []),
        attributed("natural, seed 2", [[0.9, 0.9]], [DRIVER]),
    )
    assert row_of(table, "auroc")["n"] == 2
    assert (row_of(table, "false_alarms")["undefined"], len(table)) == (0, 18)


def test_false_alarms_reach_the_median_driver_of_the_odd_seeds() -> None:
    organisms = ladder(["driver:2", "direct"], (1, 2))
    odd = attributed("driver:2, seed 1", [[9.0, 0.2], [9.0, -0.4], [9.0, 0.6]], [DRIVER])
    even = attributed("driver:2, seed 2", [[0.4, 9.0, -0.5], [0.3, 9.0, 0.0]], [DRIVER])
    none = attributed("direct, seed 2", [[0.1, 0.1], [0.1, -0.7]], [DRIVER])
    found = row_of(scored(organisms, odd, even, none), "false_alarms")
    # Threshold .4: of the driver organism (2/2, 0/2), of the direct one (0/2, 1/2).
    assert found["estimate"] == pytest.approx((0.5 + 0.25) / 2)
    assert (found["n"], found["unit"]) == (2, "organisms")


def test_false_alarms_need_both_halves_of_the_seeds() -> None:
    odd = attributed("driver:2, seed 1", [[0.1, 0.4]], [DRIVER])
    even = attributed("driver:2, seed 2", [[0.1, 0.4]], [DRIVER])
    organisms = ladder(["driver:2"], (1, 2))
    for steps, reason in ((even, NO_THRESHOLD), (odd, NO_DECORATION)):
        found = row_of(scored(organisms, steps), "false_alarms")
        assert np.isnan(found["estimate"])
        assert found["reason"] == reason


def test_noise_is_worth_a_half() -> None:
    rng = np.random.default_rng(1)
    organisms = ladder(["driver:2"], range(8))
    steps = [attributed(name, rng.normal(size=(20, 6)), [DRIVER]) for name in organisms["organism"]]
    table = scored(organisms, *steps)
    for score in ("auroc", "top_1", "false_alarms"):
        found = row_of(table, score)
        assert found["low"] < found["chance"] < found["high"]


def test_exposure_and_selection_split_organisms() -> None:
    organisms = ladder(["driver:2"], (1, 2, 3, 4))
    organisms["admitted"] = organisms["seed"] > 2
    steps = [
        attributed(f"driver:2, seed {seed}", [[0.5, seed % 2]], [DRIVER], seen=seed % 2 == 1)
        for seed in (1, 2, 3, 4)
    ]
    table = scored(organisms, *steps)
    assert row_of(table, "auroc", exposure="seen")["estimate"] == 1
    assert row_of(table, "auroc", exposure="not seen")["estimate"] == 0
    assert row_of(table, "auroc", "admitted")["n"] == 2


def test_the_order_of_rows_does_not_matter() -> None:
    rng = np.random.default_rng(1)
    organisms = ladder(["driver:2", "direct"], range(4))
    steps = pd.concat(
        [attributed(name, rng.normal(size=(4, 4)), [DRIVER]) for name in organisms["organism"]]
    )
    expected = step_scores(organisms, steps, seed=0)
    shuffled = [table.sample(frac=1, random_state=3) for table in (organisms, steps)]
    pd.testing.assert_frame_equal(step_scores(*shuffled, seed=0), expected)
