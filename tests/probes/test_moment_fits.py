"""Probes from moments against the same probes from rows, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

from probes import closed_form
from probes.moment_fits import difference_of_means, mass_mean, ridge
from probes.moments import Moments
from scratchpad.errors import ConfigError, DataError

ROWS, LAYERS, POSITIONS, WIDTH = 90, 2, 2, 6


def data() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    labels = generator.random(ROWS) < 0.3
    features = generator.standard_normal((ROWS, LAYERS, POSITIONS, WIDTH)) * np.arange(1, WIDTH + 1)
    features[labels, :, :, 2] += 3
    features[:5, :, 1] = np.nan
    return features.astype(np.float32), labels


def cells(features: np.ndarray) -> list[tuple[int, int, np.ndarray, np.ndarray]]:
    """Layer, position, features and which rows are there."""
    return [
        (
            layer,
            position,
            features[:, layer, position],
            np.isfinite(features[:, layer, position, 0]),
        )
        for layer in range(LAYERS)
        for position in range(POSITIONS)
    ]


def rows_of(features: np.ndarray, labels: np.ndarray, present: np.ndarray) -> list[torch.Tensor]:
    arrays = features.astype(float), labels[None], present
    return [torch.from_numpy(one) for one in arrays]


def test_means_and_ridge_equal_those_from_rows() -> None:
    features, labels = data()
    moments = Moments.of(features, labels)
    plain, penalised = difference_of_means(moments), ridge(moments, 0.7)
    for layer, position, here, present in cells(features):
        given = rows_of(here, labels, present)
        expected = closed_form.difference_of_means(*given)
        np.testing.assert_allclose(plain.directions[layer, position], expected.directions[0])
        np.testing.assert_allclose(plain.offsets[layer, position], expected.offsets[0])
        expected = closed_form.ridge(*given, [0.7])
        np.testing.assert_allclose(
            penalised.directions[layer, position], expected.directions[0, 0], rtol=1e-8
        )
        np.testing.assert_allclose(penalised.offsets[layer, position], expected.offsets[0, 0])


def test_mass_mean_is_linear_discriminant_analysis() -> None:
    features, labels = data()
    found = mass_mean(Moments.of(features, labels), shrinkage=0.25)
    for layer, position, here, present in cells(features):
        x, y = here[present].astype(float), labels[present]
        # Not scikit-learn's: it shrinks the covariance of each class towards a level of its own.
        within = sum(
            (y == label).mean() * np.cov(x[y == label].T, bias=True) for label in (False, True)
        )
        shrunk = 0.75 * within + 0.25 * np.trace(within) / WIDTH * np.eye(WIDTH)
        shift = x[y].mean(axis=0) - x[~y].mean(axis=0)
        np.testing.assert_allclose(
            found.directions[layer, position], np.linalg.solve(shrunk, shift), rtol=1e-6
        )
    least = mass_mean(Moments.of(features, labels), shrinkage=1e-9)
    x, y = features[:, 0, 0].astype(float), labels
    reference = LinearDiscriminantAnalysis(solver="lsqr").fit(x, y).coef_[0]
    np.testing.assert_allclose(least.directions[0, 0], reference, rtol=1e-5)


def test_mistakes_are_refused() -> None:
    features, labels = data()
    moments = Moments.of(features, labels)
    with pytest.raises(ConfigError, match="Shrinkage 0"):
        mass_mean(moments, shrinkage=0)
    with pytest.raises(ConfigError, match="Penalty -1"):
        ridge(moments, -1)
    with pytest.raises(DataError, match="needs rows of both"):
        difference_of_means(Moments.of(features, np.ones(ROWS, dtype=bool)))
