"""Moments are those of all rows, however the rows came."""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from typing import Any

import numpy as np
import pytest

from probes.activations import capture
from probes.moments import Moments, streamed_moments
from probes.positions import ABSENT, Place
from probes.texts import Texts

ROWS, LAYERS, POSITIONS, CLASSES, WIDTH = 60, 2, 3, 3, 5


def _rows(offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    features = offset + generator.standard_normal((ROWS, LAYERS, POSITIONS, WIDTH))
    labels = generator.integers(0, CLASSES - 1, size=ROWS)
    features[:20, :, 1] = np.nan
    features[:, :, 2] = np.nan
    return features, labels


def _merged(features: np.ndarray, labels: np.ndarray, *cuts: int) -> Moments:
    parts = zip(np.split(features, cuts), np.split(labels, cuts), strict=True)
    return reduce(Moments.merge, [Moments.of(rows, own, CLASSES) for rows, own in parts])


def _assert_equal(found: Any, expected: Any, rtol: float = 1e-10) -> None:
    np.testing.assert_array_equal(found.count, expected.count)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=rtol, atol=1e-12)
    np.testing.assert_allclose(found.scatter, expected.scatter, rtol=rtol, atol=1e-12)


def test_means_and_covariances_are_numpys() -> None:
    features, labels = _rows()
    moments = Moments.of(features, labels, CLASSES)
    assert moments.mean.shape == (LAYERS, POSITIONS, CLASSES, WIDTH)
    assert moments.scatter.shape == (LAYERS, POSITIONS, CLASSES, WIDTH, WIDTH)
    for position, present in ((0, np.full(ROWS, True)), (1, np.arange(ROWS) >= 20)):
        for label in (0, 1):
            rows = features[present & (labels == label)]
            assert moments.count[position, label] == len(rows)
            for layer in range(LAYERS):
                own = rows[:, layer, position]
                covariance = moments.scatter[layer, position, label] / len(own)
                np.testing.assert_allclose(moments.mean[layer, position, label], own.mean(axis=0))
                np.testing.assert_allclose(covariance, np.cov(own.T, bias=True))


def test_what_no_row_has_counts_0() -> None:
    moments = Moments.of(*_rows(), CLASSES)
    assert (moments.count[2] == 0).all()
    assert (moments.count[:, 2] == 0).all()
    assert (moments.mean[:, 2] == 0).all()
    assert (moments.scatter[:, :, 2] == 0).all()


@pytest.mark.parametrize("cuts", [(30,), (1, 2, 59), (0, 60), tuple(range(1, ROWS))])
def test_merged_batches_are_all_rows(cuts: tuple[int, ...]) -> None:
    features, labels = _rows()
    _assert_equal(_merged(features, labels, *cuts), Moments.of(features, labels, CLASSES))


def test_far_from_0_nothing_cancels() -> None:
    """Around 1e6 the textbook formula, sum of squares minus square of the sum, loses all digits."""
    features, labels = _rows(1e6)
    merged = _merged(features, labels, *range(1, ROWS))
    exact = Moments.of((features.astype(np.longdouble) - 10**6), labels, CLASSES)
    np.testing.assert_allclose(merged.scatter, exact.scatter, rtol=1e-7, atol=1e-7)


def test_the_total_is_of_all_classes() -> None:
    features, labels = _rows()
    total = Moments.of(features, labels, CLASSES).total()
    one = Moments.of(features, np.zeros(ROWS), 1)
    np.testing.assert_array_equal(total.count, one.count[:, 0])
    np.testing.assert_allclose(total.mean, one.mean[:, :, 0], atol=1e-12)
    np.testing.assert_allclose(total.scatter, one.scatter[:, :, 0], atol=1e-10)


def test_streamed_moments_are_those_of_the_array(make_model: Callable[[str], Any]) -> None:
    model, generator = make_model("llama"), np.random.default_rng(0)
    lengths = generator.integers(2, 20, size=11)
    texts = Texts(
        tuple(f"t{row}" for row in range(11)),
        tuple(tuple(generator.integers(0, 32, size=n).tolist()) for n in lengths),
        tuple((Place(n - 1, n), Place(0, n) if n > 9 else ABSENT) for n in lengths.tolist()),
        ("end", "mean:text"),
    )
    labels = np.arange(11) % 2 == 0
    streamed = streamed_moments(model, texts, labels, layers=[0, 2], batch_size=3)
    captured = capture(model, texts, layers=[0, 2], batch_size=3)
    _assert_equal(streamed, Moments.of(captured, labels))


def test_wrong_labels_and_broken_rows_are_our_bug() -> None:
    features, labels = _rows()
    with pytest.raises(ValueError, match="59 labels for 60 rows"):
        Moments.of(features, labels[:-1], CLASSES)
    with pytest.raises(ValueError, match="labels 0 to 1, expected below 1"):
        Moments.of(features, labels, 1)
    features[3, 0, 0, 0] = np.inf
    with pytest.raises(ValueError, match="position 0: a row is not finite"):
        Moments.of(features, labels, CLASSES)
