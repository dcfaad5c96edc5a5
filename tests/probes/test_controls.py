"""Controls on data whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from probes.controls import random_directions, shuffled_labels
from probes.crossvalidation import group_folds
from probes.evaluation import Resamples

ROWS = 200


def _data(strength: float, width: int) -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    labels = generator.random(ROWS) < 0.5
    planted = np.zeros(width)
    planted[0] = strength
    features = generator.standard_normal((ROWS, width)) + np.outer(labels, planted)
    return features.astype(np.float32), labels


def test_shuffled_labels_are_at_chance_however_telling_the_features() -> None:
    features, labels = _data(5.0, 30)
    groups = [f"g{row // 2}" for row in range(ROWS)]
    folds = group_folds(labels, groups, 5, seed=0)
    found = shuffled_labels(
        "logistic",
        features,
        labels,
        folds,
        np.ones(ROWS, dtype=bool),
        Resamples.draw(groups, 10, seed=0),
        shuffles=20,
        seed=0,
    )
    assert found.estimate == pytest.approx(0.5, abs=0.05)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.5 < found.high
    assert found.n == 100


def test_random_directions_match_their_closed_form() -> None:
    """One direction has AUROC Phi(strength * cosine / sqrt 2) on white features.

    In two dimensions the cosine of the direction that beats 95 % of the others is cos(.05 pi).
    """
    features, labels = _data(1.0, 2)
    one_fold = np.zeros(ROWS, dtype=int)
    resamples = Resamples.draw([f"g{row}" for row in range(ROWS)], 200, seed=0)
    found = random_directions(
        features, labels, one_fold, np.ones(ROWS, dtype=bool), resamples, count=1000, seed=0
    )
    expected = stats.norm.cdf(np.cos(0.05 * np.pi) / np.sqrt(2))
    assert found.p95.estimate == pytest.approx(expected, abs=0.07)
    assert found.p95.estimate is not None
    assert found.best.estimate is not None
    assert found.best.estimate >= found.p95.estimate
