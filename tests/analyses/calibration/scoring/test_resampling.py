"""The bootstrap of items that rest on one unit or two, against resamples made one by one."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analyses.calibration.scoring.resampling import (
    DRAWS,
    Items,
    organism_items,
    outranks,
    pair_items,
    question_items,
)
from scratchpad.statistics import clopper_pearson


def pairs_of(values: dict[tuple[str, str], float]) -> Items:
    index = pd.MultiIndex.from_tuples(list(values), names=["above", "below"])
    return pair_items(pd.Series(list(values.values()), index=index))


def test_a_pair_weighs_the_product_of_its_organisms_multiplicities() -> None:
    values = {("a", "c"): 1.0, ("a", "d"): 0.0, ("b", "c"): 0.5, ("b", "d"): 0.25}
    counts = np.random.default_rng(7).multinomial(4, [0.25] * 4, size=DRAWS)
    expected = []
    for drawn in counts:
        copies = np.repeat(list("abcd"), drawn)
        won = [values[one, two] for one in copies for two in copies if (one, two) in values]
        expected += [np.mean(won)] if won else []
    assert len(expected) < DRAWS
    assert pairs_of(values).draws(seed=7) == pytest.approx(expected)


def test_the_interval_is_that_of_the_draws() -> None:
    items = organism_items(pd.Series(np.linspace(0, 1, 9), index=pd.Index(list("abcdefghi"))))
    found = items.estimate(seed=1)
    assert (found.estimate, found.n) == (0.5, 9)
    expected = tuple(np.quantile(items.draws(1), [0.025, 0.975]))
    assert (found.low, found.high) == pytest.approx(expected)


def test_a_score_that_is_always_right_is_not_certain() -> None:
    values = {(above, below): 1.0 for above in "abc" for below in "de"}
    found = pairs_of(values).estimate(seed=0)
    # Of six pairs no more than two share no organism.
    assert (found.low, found.high) == (clopper_pearson(2, 2)[0], 1.0)
    assert (found.estimate, found.n) == (1.0, 6)


def test_numbers_that_are_no_shares_keep_their_width_of_0() -> None:
    found = organism_items(pd.Series([2.0, 2.0], index=["a", "b"]), share=False).estimate(0)
    assert (found.estimate, found.low, found.high) == (2.0, 2.0, 2.0)


def test_one_organism_is_too_few_and_one_pair_is_not() -> None:
    alone = organism_items(pd.Series([0.5], index=["a"])).estimate(0)
    assert (alone.estimate, alone.n, alone.reason) == (None, 1, "too few organisms: 1")
    nothing = pairs_of({("a", "b"): float("nan")}).estimate(0)
    assert (nothing.estimate, nothing.n, nothing.reason) == (None, 0, "too few pairs: 0")
    single = pairs_of({("a", "b"): 1.0}).estimate(0)
    assert (single.estimate, single.low, single.n) == (1.0, clopper_pearson(1, 1)[0], 1)


def test_questions_of_one_organism_are_resampled_by_group() -> None:
    index = pd.MultiIndex.from_tuples(
        [("o", "g0", "q0"), ("o", "g0", "q1"), ("o", "g1", "q2")],
        names=["organism", "group", "question_id"],
    )
    values = pd.Series([1.0, 0.0, 0.0], index=index)
    items = question_items(values)
    assert (items.unit, items.n) == ("groups of questions", 2)
    assert items.estimate(0).estimate == pytest.approx(1 / 3)
    two = pd.concat([values, values.rename({"o": "p"}) * 0])
    found = question_items(two)
    assert (found.unit, found.n, found.values.tolist()) == ("organisms", 2, [1 / 3, 0])


def test_a_p_value_says_no_more_than_its_units_can() -> None:
    few = organism_items(pd.Series([0.3, 0.4, 0.5], index=list("abc")), share=False)
    assert few.p_value(0) == 0.25
    index = pd.Index([f"o{k}" for k in range(30)])
    many = organism_items(pd.Series(np.linspace(0.1, 0.5, 30), index=index), share=False)
    assert many.p_value(0) == pytest.approx(2 / (DRAWS + 1))
    equal = organism_items(pd.Series(np.zeros(30), index=index), share=False)
    assert equal.p_value(0) == 1.0


def test_p_values_of_no_difference_are_spread_evenly() -> None:
    rng = np.random.default_rng(0)
    index = pd.Index([f"o{k}" for k in range(25)])
    found = [
        organism_items(pd.Series(rng.normal(size=25), index=index), share=False).p_value(seed)
        for seed in range(200)
    ]
    assert np.mean(np.array(found) <= 0.2) == pytest.approx(0.2, abs=0.09)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(0, 1), min_size=2, max_size=6), st.randoms())
def test_the_order_of_rows_does_not_matter(values: list[float], rng: object) -> None:
    series = pd.Series(values, index=[f"o{k}" for k in range(len(values))])
    shuffled = series.sample(frac=1, random_state=len(values))
    assert organism_items(series).estimate(3) == organism_items(shuffled).estimate(3)


def test_ties_and_missing_numbers() -> None:
    first, second = [1.0, 0.1 + 0.2, 0.0, np.nan], [0.0, 0.3, 1.0, 0.0]
    assert outranks(first, second)[:3].tolist() == [1.0, 0.5, 0.0]
    assert np.isnan(outranks(first, second)[3])
