"""AUROC and recall against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from probes.metrics import auroc, recall_at_1_fpr


def test_auroc_equals_scikit_learn_with_ties_and_weights() -> None:
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 6, size=80).astype(float)
    labels = generator.random(80) < 0.4
    weights = generator.integers(0, 4, size=(50, 80)).astype(float)
    found = auroc(labels, scores, weights, np.zeros(80, dtype=int))
    expected = [
        roc_auc_score(np.repeat(labels, row), np.repeat(scores, row)) for row in weights.astype(int)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)


def test_only_pairs_of_one_stratum_are_compared() -> None:
    generator = np.random.default_rng(1)
    scores, labels = generator.standard_normal(90), generator.random(90) < 0.5
    strata = np.arange(90) % 3
    won = pairs = 0.0
    for stratum in range(3):
        inside = strata == stratum
        count = labels[inside].sum() * (~labels[inside]).sum()
        won += count * roc_auc_score(labels[inside], scores[inside])
        pairs += count
    shifted = scores + 100 * strata
    found = auroc(labels, shifted, np.ones((1, 90)), strata)
    np.testing.assert_allclose(found, [won / pairs], atol=1e-12)


def test_one_label_only_gives_nan() -> None:
    nothing = auroc(np.ones(4, dtype=bool), np.arange(4.0), np.ones((2, 4)), np.zeros(4, dtype=int))
    assert np.isnan(nothing).all()


def test_recall_at_1_fpr_in_closed_form() -> None:
    """200 benign scores 0 ... 199: two may pass, so 197 is the last score that is not flagged."""
    scores = np.concatenate([np.arange(200.0), [197.0, 197.5, 198.0, 250.0]])
    labels = np.arange(204) >= 200
    found = recall_at_1_fpr(labels, scores, np.ones((1, 204)), np.zeros(204, dtype=int))
    assert found == pytest.approx([3 / 4])


def test_recall_with_few_benign_needs_more_than_their_best() -> None:
    scores = np.array([1.0, 5.0, 5.0, 6.0, 0.0])
    labels = np.array([False, False, True, True, True])
    found = recall_at_1_fpr(labels, scores, np.ones((1, 5)), np.zeros(5, dtype=int))
    assert found == pytest.approx([1 / 3])


def test_recall_sets_a_threshold_in_each_stratum() -> None:
    scores = np.array([1.0, 2.0, 11.0, 10.5])
    labels = np.array([False, True, False, True])
    strata = np.array([0, 0, 1, 1])
    assert recall_at_1_fpr(labels, scores, np.ones((1, 4)), strata) == pytest.approx([1 / 2])
