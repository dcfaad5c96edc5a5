"""Probes are scikit-learn classifiers that find a planted direction."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_estimator

from probes.fits import DifferenceOfMeans, LogisticProbe, MassMean, RidgeProbe

PROBES = [DifferenceOfMeans(), MassMean(), RidgeProbe(), LogisticProbe()]


@pytest.mark.parametrize("probe", PROBES, ids=repr)
def test_is_a_scikit_learn_classifier(probe: Any) -> None:
    # Skips are checks of optional dependencies; they would warn.
    check_estimator(probe, on_skip=None)


@pytest.mark.parametrize("probe", PROBES, ids=repr)
def test_recovers_a_planted_direction(probe: Any) -> None:
    generator = np.random.default_rng(0)
    planted = generator.standard_normal(20)
    planted /= np.linalg.norm(planted)
    labels = generator.random(4000) < 0.4
    features = generator.standard_normal((4000, 20)) + np.outer(3.0 * labels, planted) + 5
    probe.fit(features, labels)
    cosine = probe.direction_ @ planted / np.linalg.norm(probe.direction_)
    assert cosine > 0.97
    assert probe.score(features, labels) > 0.9


def test_difference_of_means_is_that() -> None:
    features = np.array([[0.0, 1.0], [2.0, 1.0], [5.0, 1.0], [7.0, 1.0]])
    probe = DifferenceOfMeans().fit(features, [0, 0, 1, 1])
    np.testing.assert_allclose(probe.direction_, [5.0, 0.0])
    np.testing.assert_allclose(probe.decision_function([[3.5, 9.0]]), [0.0])


def test_logistic_regression_is_that() -> None:
    generator = np.random.default_rng(1)
    features = generator.standard_normal((300, 5)) * [1, 10, 100, 0.1, 1] + 3
    labels = features[:, 0] + features[:, 1] / 10 + generator.standard_normal(300) > 6
    scaled = StandardScaler().fit_transform(features)
    reference = LogisticRegression(C=1 / 4, tol=1e-10, solver="newton-cholesky").fit(scaled, labels)
    found = LogisticProbe(regularisation=4.0).fit(features, labels)
    np.testing.assert_allclose(
        found.decision_function(features), reference.decision_function(scaled), atol=1e-4
    )


@pytest.mark.parametrize("probe", PROBES, ids=repr)
def test_features_that_never_vary_give_exact_ties(probe: Any) -> None:
    """The same token everywhere (embeddings at a delimiter) must score .5, not rounding noise."""
    features = np.tile(np.random.default_rng(2).standard_normal(33).astype(np.float32), (101, 1))
    probe.fit(features, np.arange(101) % 2 == 0)
    assert len(np.unique(probe.decision_function(features))) == 1


def test_one_class_is_refused() -> None:
    with pytest.raises(ValueError, match="needs two classes"):
        DifferenceOfMeans().fit(np.eye(3), [1, 1, 1])
