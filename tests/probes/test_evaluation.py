"""Intervals by group, against resamples made one by one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from probes.evaluation import Resamples, auroc_difference, estimate
from probes.metrics import auroc
from scratchpad.statistics import Estimate

NO_STRATA = np.zeros(120, dtype=int)


def _data(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    groups = np.array([f"g{row // 3}" for row in range(120)])
    labels = generator.random(120) < 0.5
    return groups, labels, generator.standard_normal(120) + labels


def _ends(found: Estimate) -> tuple[float, float]:
    assert found.low is not None
    assert found.high is not None
    return found.low, found.high


def test_interval_equals_resamples_made_one_by_one() -> None:
    groups, labels, scores = _data(0)
    resamples = Resamples.draw(groups, 300, seed=1)
    drawn = []
    for counts in resamples.counts:
        rows = np.repeat(np.arange(120), counts[resamples.group_of])
        drawn.append(roc_auc_score(labels[rows], scores[rows]))
    found = estimate(auroc, labels, scores, NO_STRATA, resamples)
    assert found.estimate == pytest.approx(roc_auc_score(labels, scores))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
    assert found.n == 40


def test_groups_are_drawn_whole_and_as_many_as_there_are() -> None:
    resamples = Resamples.draw(["a", "a", "b", "c"], 50, seed=0)
    assert (resamples.counts.sum(axis=1) == 3).all()
    assert resamples.group_of.tolist() == [0, 0, 1, 2]


def test_noise_has_a_half_in_its_interval() -> None:
    groups, labels, _ = _data(2)
    noise = np.random.default_rng(3).standard_normal(120)
    found = estimate(auroc, labels, noise, NO_STRATA, Resamples.draw(groups, 1000, seed=0))
    low, high = _ends(found)
    assert low < 0.5 < high


def test_rows_without_a_score_are_left_out() -> None:
    groups, labels, scores = _data(4)
    resamples = Resamples.draw(groups, 200, seed=0)
    holes = np.where(np.arange(120) < 60, np.nan, scores)
    found = estimate(auroc, labels, holes, NO_STRATA, resamples)
    assert found.estimate == pytest.approx(roc_auc_score(labels[60:], scores[60:]))
    assert found.n == 20


def test_a_perfect_score_is_not_certain() -> None:
    """20 groups hold positives, 20 others negatives: 20 independent pairs, all won."""
    groups, _, _ = _data(0)
    labels = np.arange(120) < 60
    found = estimate(
        auroc, labels, labels.astype(np.float64), NO_STRATA, Resamples.draw(groups, 200, seed=0)
    )
    exact = stats.binomtest(20, 20).proportion_ci(method="exact")
    assert (found.estimate, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(exact.low)


def test_one_label_only_is_undefined() -> None:
    groups, labels, scores = _data(0)
    found = estimate(auroc, labels | True, scores, NO_STRATA, Resamples.draw(groups, 20, seed=0))
    assert found.estimate is None
    assert found.reason == "no fold holds both labels"


def test_difference_is_paired() -> None:
    groups, labels, scores = _data(5)
    resamples = Resamples.draw(groups, 500, seed=0)
    same = auroc_difference(labels, scores, 2 * scores + 1, NO_STRATA, resamples)
    assert (same.estimate, same.low, same.high) == (0.0, 0.0, 0.0)
    noise = np.random.default_rng(6).standard_normal(120)
    ahead = auroc_difference(labels, scores, noise, NO_STRATA, resamples)
    assert ahead.estimate == pytest.approx(
        roc_auc_score(labels, scores) - roc_auc_score(labels, noise)
    )
    assert _ends(ahead)[0] > 0


def test_two_perfect_readers_are_not_told_apart() -> None:
    groups, labels, _ = _data(5)
    perfect = labels * 1.0
    found = auroc_difference(
        labels, perfect, 3 * perfect, NO_STRATA, Resamples.draw(groups, 100, seed=0)
    )
    assert found.estimate == 0
    low, high = _ends(found)
    assert low < 0 < high


def test_a_control_that_is_wrong_throughout_is_folded() -> None:
    groups, labels, scores = _data(6)
    resamples = Resamples.draw(groups, 300, seed=0)
    found = auroc_difference(labels, scores, -scores, NO_STRATA, resamples, folded=True)
    assert found.estimate == pytest.approx(0)
    other = np.random.default_rng(7).standard_normal(120)
    found = auroc_difference(labels, scores, other, NO_STRATA, resamples, folded=True)
    one, theirs = roc_auc_score(labels, scores), roc_auc_score(labels, other)
    assert found.estimate == pytest.approx(one - max(theirs, 1 - theirs))
    drawn = []
    for counts in resamples.counts:
        rows = np.repeat(np.arange(120), counts[resamples.group_of])
        one, theirs = (roc_auc_score(labels[rows], each[rows]) for each in (scores, other))
        drawn.append(one - max(theirs, 1 - theirs))
    assert (found.low, found.high) == pytest.approx(tuple(np.percentile(drawn, [2.5, 97.5])))
