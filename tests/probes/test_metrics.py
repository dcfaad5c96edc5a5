"""AUROC and recall against scikit-learn and closed forms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.metrics import roc_auc_score

from probes.metrics import Metric, auroc, aurocs, calibration_error, recall_at_1_fpr

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def given(metric: Metric, *arrays: np.ndarray, device: str = "cpu") -> np.ndarray:
    """A metric of arrays; weights come third, as everywhere."""
    return metric(*(torch.from_numpy(np.asarray(one)).to(device) for one in arrays)).cpu().numpy()


def test_auroc_equals_scikit_learn_with_ties_and_weights() -> None:
    generator = np.random.default_rng(0)
    scores = generator.integers(0, 6, size=80).astype(float)
    labels = generator.random(80) < 0.4
    weights = generator.integers(0, 4, size=(50, 80)).astype(float)
    found = given(auroc, labels, scores, weights, np.zeros(80, dtype=int))
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
    found = given(auroc, labels, shifted, np.ones((1, 90)), strata)
    np.testing.assert_allclose(found, [won / pairs], atol=1e-12)


def test_one_label_only_gives_nan() -> None:
    nothing = given(
        auroc, np.ones(4, dtype=bool), np.arange(4.0), np.ones((2, 4)), np.zeros(4, dtype=int)
    )
    assert np.isnan(nothing).all()


def test_recall_at_1_fpr_in_closed_form() -> None:
    """200 benign scores 0 ... 199: two may pass, so 197 is the last score that is not flagged."""
    scores = np.concatenate([np.arange(200.0), [197.0, 197.5, 198.0, 250.0]])
    labels = np.arange(204) >= 200
    found = given(recall_at_1_fpr, labels, scores, np.ones((1, 204)), np.zeros(204, dtype=int))
    assert found == pytest.approx([3 / 4])


def test_recall_with_few_benign_needs_more_than_their_best() -> None:
    scores = np.array([1.0, 5.0, 5.0, 6.0, 0.0])
    labels = np.array([False, False, True, True, True])
    found = given(recall_at_1_fpr, labels, scores, np.ones((1, 5)), np.zeros(5, dtype=int))
    assert found == pytest.approx([1 / 3])


def test_recall_sets_a_threshold_in_each_stratum() -> None:
    scores = np.array([1.0, 2.0, 11.0, 10.5])
    labels = np.array([False, True, False, True])
    strata = np.array([0, 0, 1, 1])
    assert given(recall_at_1_fpr, labels, scores, np.ones((1, 4)), strata) == pytest.approx([1 / 2])


@pytest.mark.parametrize("device", DEVICES)
def test_many_columns_at_once_equal_each_alone(device: str) -> None:
    generator = np.random.default_rng(2)
    scores = generator.integers(0, 5, (7, 60)).astype(float)
    labels, strata = generator.random((7, 60)) < 0.5, generator.integers(0, 3, 60)
    found = given(aurocs, labels, scores, strata, device=device)
    expected = [
        given(auroc, y, s, np.ones((1, 60)), strata)[0] for y, s in zip(labels, scores, strict=True)
    ]
    np.testing.assert_allclose(found, expected, atol=1e-12)
    shared = given(aurocs, labels[:1], scores, strata, device=device)
    np.testing.assert_allclose(shared[0], found[0])


def test_probabilities_that_are_true_are_calibrated() -> None:
    generator = np.random.default_rng(3)
    logits = generator.normal(0, 2, 100_000)
    labels = generator.random(100_000) < 1 / (1 + np.exp(-logits))
    rest = np.ones((1, 100_000)), np.zeros(100_000, dtype=int)
    assert given(calibration_error, labels, logits, *rest)[0] < 0.01
    # Always as sure as .88, right half of the time.
    coins = generator.random(100_000) < 0.5
    assert given(calibration_error, coins, np.full(100_000, 2.0), *rest)[0] == pytest.approx(
        1 / (1 + np.exp(-2)) - 0.5, abs=0.01
    )
    # Bins of ten rows by hand: |.5 - 1| and |.5 - 0| in turn.
    labels, weights = np.arange(100) // 10 % 2 == 0, np.ones((2, 100))
    weights[1, :50] = 0
    found = given(calibration_error, labels, np.linspace(-1e-9, 1e-9, 100), weights, rest[1][:100])
    np.testing.assert_allclose(found, [0.5, 0.5], atol=1e-6)
