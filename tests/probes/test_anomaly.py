"""Distances from benign rows against scikit-learn, plain linear algebra and a closed form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import integrate, stats
from sklearn.covariance import LedoitWolf, ledoit_wolf_shrinkage
from sklearn.decomposition import PCA
from sklearn.neighbors import NearestNeighbors
from sklearn.preprocessing import normalize

from probes.experiments.anomaly.distances import (
    DETECTORS,
    KEPT_VARIANCE,
    NEIGHBOURS,
    mahalanobis,
    nearest_neighbour,
    reconstruction_error,
    relative_mahalanobis,
)
from probes.metrics import column_aurocs
from scratchpad.errors import DataError

LAYERS = 2


def draw(count: int, width: int, seed: int) -> torch.Tensor:
    """Correlated rows far from the origin, for two layers."""
    generator = np.random.default_rng(seed)
    mixing = np.random.default_rng(7).standard_normal((width, width))
    return torch.from_numpy(generator.standard_normal((LAYERS, count, width)) @ mixing + 5)


@pytest.mark.parametrize(("count", "width"), [(60, 20), (15, 40)])
def test_mahalanobis_is_that_of_scikit_learn(count: int, width: int) -> None:
    benign, rows = draw(count, width, 0), draw(30, width, 1) + 1
    found = mahalanobis(benign, rows)
    for layer in range(LAYERS):
        expected = LedoitWolf().fit(benign[layer].numpy()).mahalanobis(rows[layer].numpy())
        np.testing.assert_allclose(found[layer].numpy(), expected, rtol=1e-9)


@pytest.mark.parametrize(("count", "width"), [(40, 12), (8, 30)])
def test_relative_mahalanobis_is_the_difference_of_two_distances(count: int, width: int) -> None:
    everywhere = [draw(count, width, 0), draw(count + 3, width, 1) + 2, draw(count, width, 2) - 1]
    rows = draw(9, width, 3) + 1
    found = relative_mahalanobis(everywhere[1], rows, everywhere)
    for layer in range(LAYERS):
        parts = [part[layer].numpy() for part in everywhere]
        every, centred = np.concatenate(parts), [part - part.mean(0) for part in parts]
        within = np.concatenate(centred)
        amount = ledoit_wolf_shrinkage(within, assume_centered=True)
        plain = within.T @ within / len(within)
        shared = (1 - amount) * plain + amount * np.trace(plain) / width * np.eye(width)
        total = shared + np.cov(every.T, bias=True) - plain
        apart = [rows[layer].numpy() - mean for mean in (parts[1].mean(0), every.mean(0))]
        expected = (apart[0] @ np.linalg.inv(shared) * apart[0]).sum(1) - (
            apart[1] @ np.linalg.inv(total) * apart[1]
        ).sum(1)
        np.testing.assert_allclose(found[layer].numpy(), expected, rtol=1e-7)


def test_nearest_neighbours_are_those_of_scikit_learn() -> None:
    benign, rows = draw(40, 10, 0), draw(12, 10, 1)
    found = nearest_neighbour(benign, rows)
    for layer in range(LAYERS):
        index = NearestNeighbors(n_neighbors=NEIGHBOURS).fit(normalize(benign[layer].numpy()))
        distances, _ = index.kneighbors(normalize(rows[layer].numpy()))
        np.testing.assert_allclose(found[layer].numpy(), distances[:, -1], rtol=1e-9)


@pytest.mark.parametrize(("count", "width"), [(60, 20), (15, 40)])
def test_reconstruction_error_is_that_of_scikit_learn(count: int, width: int) -> None:
    benign, rows = draw(count, width, 0), draw(30, width, 1)
    found = reconstruction_error(benign, rows)
    for layer in range(LAYERS):
        model = PCA(n_components=KEPT_VARIANCE, svd_solver="full").fit(benign[layer].numpy())
        given = rows[layer].numpy()
        left = given - model.inverse_transform(model.transform(given))
        np.testing.assert_allclose(found[layer].numpy(), (left**2).sum(1), rtol=1e-8)


def test_shifted_gaussians_are_told_apart_as_the_closed_form_says() -> None:
    width, shift = 6, 2.0
    generator = np.random.default_rng(0)
    benign, clean, moved = (
        torch.from_numpy(generator.standard_normal((1, count, width))) for count in [4000] * 3
    )
    moved[..., 0] += shift
    scores = mahalanobis(benign, torch.cat([clean, moved], dim=1)).numpy()
    labels = np.repeat([False, True], 4000)[None]
    (found,) = column_aurocs(labels, scores, np.zeros(8000, dtype=np.intp))
    # Distances are chi-squared, and with the shift non-central chi-squared.
    expected, _ = integrate.quad(
        lambda x: stats.chi2.cdf(x, width) * stats.ncx2.pdf(x, width, shift**2), 0, 200
    )
    assert found == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("name", DETECTORS)
def test_what_never_varies_tells_nothing(name: str) -> None:
    same = torch.full((1, 12, 4), 0.1)
    found = DETECTORS[name](same, same[:, :5], [same, same + 1])
    assert torch.isfinite(found).all()
    assert len(torch.unique(found)) == 1


@pytest.mark.parametrize("name", ["Mahalanobis", "PCA reconstruction"])
def test_leaving_what_never_varied_is_far(name: str) -> None:
    same, moved = torch.full((1, 12, 4), 0.1), torch.full((1, 1, 4), 0.2)
    found = DETECTORS[name](same, torch.cat([same, moved], dim=1), [same])
    assert torch.isfinite(found).all()
    assert found[0, -1] > found[0, 0]


def test_few_or_broken_rows_are_refused() -> None:
    with pytest.raises(DataError, match="Only 9 benign transcripts to fit to"):
        mahalanobis(torch.zeros(9, 3), torch.zeros(1, 3))
    with pytest.raises(DataError, match="Benign activations hold NaN"):
        mahalanobis(torch.full((12, 3), torch.nan), torch.zeros(1, 3))
