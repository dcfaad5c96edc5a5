"""Scores of metrics that are known functions of the planted truth."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame
from scipy import stats
from sklearn.metrics import roc_auc_score

from analyses.calibration.scoring.pairs import diagnostic_pairs, ordered_pairs
from analyses.calibration.scoring.scores import NO_QUESTIONS, NOT_A_SHARE, metric_scores
from toy_ladder import NAN, NO_VALUES, Row, answered, ladder, measured, one_row

FIVE = ("mediated", "direct", "mixed:0.7", "redundant", "conjunctive")


def scored(
    organisms: DataFrame,
    number: Callable[[Any], float],
    values: DataFrame = NO_VALUES,
    **more: Any,
) -> DataFrame:
    return metric_scores(organisms, measured(organisms, "m", number, **more), values, seed=0)


def row_of(
    table: DataFrame, score: str, selection: str = "all trained", exposure: str = "all"
) -> Row:
    return one_row(table, score=score, selection=selection, exposure=exposure)


def test_a_metric_that_is_the_effect_itself() -> None:
    table = scored(ladder(FIVE), lambda organism: organism.planted_tie)
    assert row_of(table, "error_tie")["estimate"] == 0
    # Redundant and conjunctive are off by 1 in the pure indirect effect.
    assert row_of(table, "error_pie")["estimate"] == pytest.approx(2 / 5)
    assert row_of(table, "error")["estimate"] == pytest.approx(1 / 5)
    # Mediated ties with conjunctive and redundant with direct; five pairs are right.
    concordance = row_of(table, "concordance")
    assert concordance["estimate"] == pytest.approx((5 + 2 * 0.5) / 7)
    assert (concordance["n"], concordance["unit"], concordance["unordered"]) == (7, "pairs", 3)


def test_a_metric_turned_round_orders_every_pair_wrongly() -> None:
    organisms = ladder(FIVE, (1, 2, 3))
    table = scored(organisms, lambda organism: -organism.planted_tie - organism.planted_pie)
    assert row_of(table, "concordance")["estimate"] == 0
    assert row_of(table, "d_organism")["estimate"] == 0


def test_concordance_is_kendalls_tau_where_dominance_is_total() -> None:
    rng = np.random.default_rng(4)
    organisms = ladder([f"mixed:{share}" for share in (0.1, 0.2, 0.35, 0.5, 0.6, 0.8, 0.9)])
    numbers = dict(zip(organisms["organism"], rng.normal(size=7), strict=True))
    table = scored(organisms, lambda organism: numbers[organism.organism])
    tau = stats.kendalltau(organisms["planted_pie"], list(numbers.values())).statistic
    assert row_of(table, "concordance")["estimate"] == pytest.approx((tau + 1) / 2)


def test_equal_truth_is_no_pair_even_if_its_last_digit_differs() -> None:
    organisms = ladder(["mixed:0.3", "mixed:0.3"])
    organisms["organism"] = ["one", "other"]
    organisms.loc[0, "planted_tie"] = 0.3
    assert organisms["planted_tie"].nunique() == 2
    assert len(ordered_pairs(organisms).pairs) == 0


def test_organisms_of_other_behaviours_are_no_pair() -> None:
    organisms = pd.concat(
        [ladder(["mediated"]), ladder(["direct"], behaviour="off-switch")], ignore_index=True
    )
    assert (len(ordered_pairs(organisms).pairs), len(diagnostic_pairs(organisms))) == (0, 0)


def test_diagnostic_pairs_share_behaviour_base_and_seed() -> None:
    modes = ("mediated", "driver:2", "direct", "benign-reasoning", "encoded", "mixed:0.5")
    organisms = pd.concat(
        [ladder(modes, (1, 2)), ladder(["direct"], (1,), base="small", organism="small")],
        ignore_index=True,
    )
    pairs = diagnostic_pairs(organisms)
    assert len(pairs) == 8
    assert all(above[-1] == below[-1] for above, below in pairs)


def test_diagnosticity_is_an_auroc_within_one_seed() -> None:
    rng = np.random.default_rng(2)
    organisms = ladder(["mediated"] * 6 + ["direct"] * 5)
    organisms["organism"] = [f"o{k}" for k in range(11)]
    numbers = np.round(rng.normal(size=11), 1)
    named = dict(zip(organisms["organism"], numbers, strict=True))
    found = row_of(scored(organisms, lambda o: named[o.organism]), "d_organism")
    assert found["estimate"] == pytest.approx(roc_auc_score([1] * 6 + [0] * 5, numbers))
    assert found["n"] == 30


def test_diagnosticity_per_question_is_over_the_questions_that_both_have() -> None:
    organisms = ladder(["mediated", "direct"])
    above = [0.9, 0.2, 0.5, 0.7]
    below = [0.1, 0.4, 0.5, NAN]
    values = answered(
        organisms, "m", lambda o, q: above[q] if o.mediation == "mediated" else below[q]
    )
    table = scored(organisms, lambda o: o.planted_tie, values)
    assert row_of(table, "d_transcript")["estimate"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert row_of(table, "d_organism")["estimate"] == 1
    lost = values[(values["organism"] != "direct, seed 1") | (values["question_id"] == "q3")]
    found = row_of(scored(organisms, lambda o: o.planted_tie, lost), "d_transcript")
    assert (found["n"], found["undefined"]) == (0, 1)


def test_pairs_count_the_same_however_many_questions_they_have() -> None:
    organisms = ladder(["mediated", "direct"], (1, 2))
    values = answered(organisms, "m", lambda o, q: o.planted_tie * (1 if o.seed == 1 else -1))
    few = values[(values["organism"] != "direct, seed 2") | (values["question_id"] == "q0")]
    assert row_of(scored(organisms, lambda o: 0.0, few), "d_transcript")["estimate"] == 0.5


def test_noise_is_worth_a_half() -> None:
    rng = np.random.default_rng(11)
    organisms = ladder(["mediated", "driver:2", "direct", "benign-reasoning"], range(12))
    values = answered(organisms, "m", lambda o, q: float(rng.normal()), questions=20)
    table = scored(organisms, lambda o: float(rng.normal()), values)
    for score in ("d_organism", "d_transcript", "concordance"):
        found = row_of(table, score)
        assert found["low"] < 0.5 < found["high"]
        assert found["high"] - found["low"] < 0.6


def test_what_is_undefined_is_counted_and_never_scored() -> None:
    organisms = ladder(FIVE, (1, 2))
    lost = "mediated, seed 1"
    table = scored(organisms, lambda o: NAN if o.organism == lost else o.planted_tie)
    error = row_of(table, "error_tie")
    assert (error["estimate"], error["n"], error["undefined"]) == (0, 9, 1)
    # It would dominate the four others of each seed, and orders none.
    assert row_of(table, "concordance")["undefined"] == 8
    assert row_of(table, "d_organism")["undefined"] == 1
    nothing = scored(organisms, lambda o: float("inf"))
    found = row_of(nothing, "error")
    assert np.isnan([found["estimate"], found["low"], found["high"]]).all()
    assert (found["n"], found["undefined"]) == (0, 10)
    assert found["reason"] == "too few organisms: 0; no rows of truncate"


def test_an_organism_without_a_row_is_undefined() -> None:
    organisms = ladder(FIVE)
    means = measured(organisms, "m", lambda o: o.planted_tie)
    table = metric_scores(
        organisms, means[means["organism"] != "direct, seed 1"], NO_VALUES, seed=0
    )
    assert row_of(table, "error")["undefined"] == 1
    assert row_of(table, "error", exposure="not seen")["undefined"] == 0


def test_natural_organisms_have_no_truth_to_score_against() -> None:
    table = scored(ladder(["mediated", "direct", "natural"]), lambda o: 0.5)
    found = row_of(table, "error")
    assert (found["estimate"], found["n"], found["undefined"]) == (0.5, 2, 0)
    assert row_of(table, "concordance")["n"] == 1


def test_what_is_no_share_has_no_error_but_an_order() -> None:
    table = scored(ladder(FIVE), lambda o: 10 * o.planted_tie, share=False)
    found = row_of(table, "error")
    assert np.isnan(found["estimate"])
    assert (found["reason"], found["n"]) == (NOT_A_SHARE, 5)
    assert row_of(table, "concordance")["estimate"] == pytest.approx(6 / 7)
    assert row_of(table, "d_transcript")["reason"] == f"too few pairs: 0; {NO_QUESTIONS}"


def test_selection_and_exposure_split_organisms() -> None:
    organisms = ladder(["mediated", "direct"], (1, 2))
    organisms["admitted"] = organisms["seed"] == 1
    table = scored(
        organisms,
        lambda o: o.planted_tie if o.seed == 1 else 1 - o.planted_tie,
        seen=lambda o: o.seed == 2,
    )
    for cells, expected in (
        (("all trained", "all"), 0.5), (("admitted", "all"), 1.0), (("all trained", "seen"), 0.0),
        (("all trained", "not seen"), 1.0), (("admitted", "not seen"), 1.0),
    ):  # fmt: skip
        assert row_of(table, "d_organism", *cells)["estimate"] == expected
    assert np.isnan(row_of(table, "d_organism", "admitted", "seen")["estimate"])


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 1000))
def test_neither_the_order_of_rows_nor_the_scale_of_a_metric_matters(seed: int) -> None:
    rng = np.random.default_rng(seed)
    organisms = ladder([*FIVE, "natural"], (1, 2))
    numbers = {name: float(rng.integers(0, 4)) for name in organisms["organism"]}
    values = answered(organisms, "m", lambda o, q: float(rng.integers(0, 3)))
    means = measured(organisms, "m", lambda o: numbers[o.organism])
    expected = metric_scores(organisms, means, values, seed=5)
    shuffled = (one.sample(frac=1, random_state=seed) for one in (organisms, means, values))
    pd.testing.assert_frame_equal(metric_scores(*shuffled, seed=5), expected)
    stretched = means.assign(estimate=np.exp(means["estimate"]))
    rescaled = metric_scores(organisms, stretched, values, seed=5)
    ordinal = expected["unit"] == "pairs"
    pd.testing.assert_frame_equal(rescaled[ordinal], expected[ordinal])
