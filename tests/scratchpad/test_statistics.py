"""Intervals against closed forms, scipy and simulation."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from scratchpad.statistics import (
    Estimate,
    Ratio,
    bootstrap_means,
    clopper_pearson,
    fieller,
    holm,
    t_interval,
)


@pytest.mark.parametrize(("successes", "n"), [(0, 20), (7, 20), (20, 20), (1, 3)])
def test_clopper_pearson_equals_scipy(successes: int, n: int) -> None:
    expected = stats.binomtest(successes, n).proportion_ci(method="exact")
    assert clopper_pearson(successes, n) == pytest.approx((expected.low, expected.high))


def test_constant_columns_get_clopper_pearson_limits_that_propagate() -> None:
    values = np.tile([0.0, 1.0], (20, 1))
    bootstrap = bootstrap_means(values, [str(k) for k in range(20)], seed=0, draws=40_000)
    zero, one, both = (bootstrap.combine(w) for w in ([1, 0], [0, 1], [-1, 1]))
    low, high = clopper_pearson(0, 20)
    assert (zero.low, zero.high) == (low, pytest.approx(high, abs=0.003))
    assert (one.low, one.high) == (pytest.approx(1 - high, abs=0.003), 1.0)
    assert both.estimate == 1.0
    # The lower end of 1 - (Beta(1, 20) mixture twice) by an independent simulation.
    rng = np.random.default_rng(1)
    sides = [np.where((u := rng.random(200_000)) < 0.5, 0, stats.beta.ppf(u, 1, 20)) for _ in "ab"]
    assert both.low == pytest.approx(1 - np.quantile(sides[0] + sides[1], 0.975), abs=0.01)


def test_groups_are_resampled_whole() -> None:
    rng = np.random.default_rng(0)
    effect = rng.normal(0.5, 0.1, 30)
    values = np.repeat(effect, 10)[:, None]
    groups = np.repeat([str(k) for k in range(30)], 10)
    estimate = bootstrap_means(values, list(groups), seed=0).combine([1])
    assert estimate.n == 30
    assert estimate.low is not None
    assert estimate.high is not None
    width = 2 * 1.96 * effect.std() / np.sqrt(30)
    assert estimate.high - estimate.low == pytest.approx(width, rel=0.1)


def test_questions_count_the_same_whatever_their_group() -> None:
    bootstrap = bootstrap_means(
        np.array([[0.0], [1.0], [1.0], [1.0]]), ["a", "b", "b", "b"], seed=0
    )
    assert bootstrap.combine([1]).estimate == 0.75


def test_pairing_is_kept() -> None:
    column = np.random.default_rng(0).random(25)
    values = np.column_stack([column, column + 0.2])
    difference = bootstrap_means(values, [str(k) for k in range(25)], seed=0).combine([-1, 1])
    assert (difference.low, difference.high) == pytest.approx((0.2, 0.2))


def test_missing_values_are_left_out_of_their_own_column() -> None:
    values = np.array([[0.0, np.nan], [1.0, 0.4], [0.5, 0.6]])
    bootstrap = bootstrap_means(values, ["a", "b", "c"], seed=0)
    assert bootstrap.combine([0, 1]).estimate == pytest.approx(0.5)
    assert (bootstrap.combine([0, 1]).n, bootstrap.combine([1, 0]).n) == (2, 3)
    nothing = bootstrap_means(values * np.nan, ["a", "b", "c"], seed=0).combine([1, 0])
    assert nothing.to_json() == {
        "estimate": None, "low": None, "high": None, "n": 0, "reason": "no valid answers"
    }  # fmt: skip
    assert not nothing.at_least(-1.0)


def test_the_bootstrap_covers() -> None:
    rng, hits = np.random.default_rng(3), 0
    for trial in range(150):
        shares = np.repeat(rng.beta(2, 2, 40), 2)
        values = np.clip(shares + rng.normal(0, 0.05, 80), 0, 1)[:, None]
        groups = [str(k // 2) for k in range(80)]
        estimate = bootstrap_means(values, groups, seed=trial, draws=500).combine([1])
        assert estimate.low is not None
        assert estimate.high is not None
        hits += estimate.low <= 0.5 <= estimate.high
    assert hits >= 132  # 95 % of 150 less three standard errors


def test_fieller_covers_the_ratio_and_says_when_it_is_unbounded() -> None:
    rng, hits = np.random.default_rng(0), 0
    for _ in range(400):
        pairs = rng.multivariate_normal([0.3, 0.6], [[0.02, 0.01], [0.01, 0.03]], 30)
        mean = pairs.mean(axis=0)
        covariance = np.cov(pairs.T) / 30
        limits = fieller(Ratio(mean[0], mean[1], covariance), 29)
        assert limits is not None
        hits += limits[0] <= 0.5 <= limits[1]
    assert 365 <= hits <= 395
    assert fieller(Ratio(0.3, 0.01, np.diag([0.01, 0.01])), 29) is None


def test_t_interval_needs_five_seeds() -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5]
    expected = stats.t.interval(0.95, 4, np.mean(values), stats.sem(values))
    found = t_interval(values)
    assert (found.low, found.high) == pytest.approx(expected)
    assert t_interval(values[:3]) == Estimate.undefined(3, "fewer than 5 seeds: .100, .200, .300")
    assert t_interval([]) == Estimate.undefined(0, "fewer than 5 seeds: none")


def test_shares_outside_zero_and_one_are_a_bug() -> None:
    with pytest.raises(ValueError, match="outside"):
        bootstrap_means(np.full((5, 1), 1.5), list("abcde"), seed=0)


def test_a_column_without_rows_is_undefined_and_not_an_error() -> None:
    bootstrap = bootstrap_means(np.zeros((0, 2)), [], seed=0)
    estimate = bootstrap.combine([1, -1])
    assert (estimate.estimate, estimate.n, bootstrap.n) == (None, 0, 0)


def test_holm_of_a_worked_example() -> None:
    # .005 * 4, .01 * 3, .03 * 2, and .04 * 1 raised to the one before it.
    adjusted = holm(np.array([0.01, 0.04, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm(np.array([0.9, 0.6])).tolist() == [1.0, 1.0]
    assert holm(np.array([])).tolist() == []
