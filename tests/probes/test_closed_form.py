"""Closed-form probes against scikit-learn, planted directions and fits one at a time."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from sklearn.covariance import ledoit_wolf_shrinkage
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import Ridge, RidgeClassifier
from torch import Tensor

from probes.closed_form import Fit, difference_of_means, mass_mean, ridge
from scratchpad.errors import ConfigError, DataError

FITS: dict[str, Callable[[Tensor, Tensor, Tensor], Fit]] = {
    "difference of means": difference_of_means,
    "mass-mean": mass_mean,
    "ridge": lambda features, labels, train: ridge(features, labels, train, [0.5, 20.0]),
}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
every_fit = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)
more_and_fewer_rows = pytest.mark.parametrize(("count", "dimension"), [(80, 20), (40, 100)])


def correlated(
    count: int, dimension: int, seed: int = 0
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Features of any covariance, far from 0, and labels that shift them."""
    generator = np.random.default_rng(seed)
    mixing = generator.standard_normal((dimension, dimension))
    labels = generator.random(count) < 0.4
    features = (generator.standard_normal((count, dimension)) + 0.5 * labels[:, None]) @ mixing
    return features + 5, labels


def tensors(features: Any, labels: Any, device: str = "cpu") -> tuple[Tensor, Tensor, Tensor]:
    """One labelling, and every row trains."""
    everywhere = torch.ones(len(labels), dtype=torch.bool, device=device)
    return (
        torch.tensor(features, device=device),
        torch.tensor(labels, device=device)[None],
        everywhere,
    )


@more_and_fewer_rows
def test_ridge_is_scikit_learns(count: int, dimension: int) -> None:
    features, labels = correlated(count, dimension)
    penalties = [0.01, 1.0, 300.0]
    found = ridge(*tensors(features, labels), penalties)
    assert found.directions.shape == (1, 3, dimension)
    for number, penalty in enumerate(penalties):
        alpha = penalty * features.var(axis=0).mean()
        regression = Ridge(alpha=alpha, solver="svd").fit(features, 2 * labels - 1)
        np.testing.assert_allclose(found.directions[0, number], regression.coef_, atol=1e-8)
        np.testing.assert_allclose(found.offsets[0, number], regression.intercept_, atol=1e-8)
        classifier = RidgeClassifier(alpha=alpha, solver="svd").fit(features, labels)
        np.testing.assert_allclose(found.directions[0, number], classifier.coef_.ravel(), atol=1e-8)


@more_and_fewer_rows
def test_no_penalty_is_least_squares_of_the_smallest_norm(count: int, dimension: int) -> None:
    features, labels = correlated(count, dimension)
    found = ridge(*tensors(features, labels), [0.0])
    targets = 2 * labels - 1
    expected = np.linalg.lstsq(features - features.mean(axis=0), targets - targets.mean())[0]
    np.testing.assert_allclose(found.directions[0, 0], expected, atol=1e-8)


@more_and_fewer_rows
def test_mass_mean_is_scikit_learns_discriminant_analysis(count: int, dimension: int) -> None:
    features, labels = correlated(count, dimension)
    means = np.where(labels[:, None], features[labels].mean(axis=0), features[~labels].mean(axis=0))
    shrinkage = ledoit_wolf_shrinkage(features - means, assume_centered=True)
    assert 0.05 < shrinkage < 0.95
    reference = LinearDiscriminantAnalysis(solver="lsqr", shrinkage=shrinkage).fit(features, labels)
    found = mass_mean(*tensors(features, labels))
    np.testing.assert_allclose(found.directions[0], reference.coef_[0], atol=1e-8)
    prior = np.log(labels.mean() / (1 - labels.mean()))
    np.testing.assert_allclose(found.offsets, reference.intercept_ - prior, atol=1e-8)


@pytest.mark.parametrize("device", DEVICES)
@every_fit
def test_recovers_a_planted_direction(fit: Any, device: str) -> None:
    generator = np.random.default_rng(1)
    planted = generator.standard_normal(30)
    labels = generator.random(2000) < 0.4
    features = generator.standard_normal((2000, 30)) + np.outer(labels, planted / 2) - 3
    found = fit(*tensors(features, labels, device)).directions.cpu().numpy().reshape(-1, 30)
    assert (cosines(found, planted) > 0.95).all()


@pytest.mark.parametrize("device", DEVICES)
def test_correlated_noise_is_whitened(device: str) -> None:
    """The best direction is not the one planted but S^-1 times it (Fisher 1936)."""
    generator = np.random.default_rng(2)
    planted = generator.standard_normal(12)
    mixing = generator.standard_normal((12, 12))
    labels = generator.random(5000) < 0.5
    features = generator.standard_normal((5000, 12)) @ mixing + np.outer(labels, planted)
    best = np.linalg.solve(mixing.T @ mixing, planted)
    rows = tensors(features, labels, device)
    assert cosines(mass_mean(*rows).directions.cpu().numpy(), best) > 0.95
    assert cosines(ridge(*rows, [1e-3]).directions[0].cpu().numpy(), best) > 0.95
    means = difference_of_means(*rows).directions.cpu().numpy()
    assert cosines(means, planted) > 0.95 > cosines(means, best)


@every_fit
@pytest.mark.parametrize("dimension", [5, 60])
def test_a_batch_is_its_fits_one_at_a_time(fit: Any, dimension: int) -> None:
    """Two layers, three folds and four labellings; absent rows hold NaN."""
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(2, 1, 50, dimension, generator=generator)
    labels = torch.rand(4, 50, generator=generator) < 0.5
    train = torch.rand(2, 3, 50, generator=generator) < 0.6
    features[0, 0, 7] = torch.nan
    train[0, :, 7] = False
    before = features.clone()
    found = fit(features, labels, train)
    assert found.directions.shape[:3] == found.offsets.shape[:3] == (2, 3, 4)
    torch.testing.assert_close(features, before, equal_nan=True, rtol=0, atol=0)
    for layer, fold, labelling in np.ndindex(2, 3, 4):
        rows = train[layer, fold]
        single = tensors(features[layer, 0, rows].numpy(), labels[labelling, rows].numpy())
        directions, offsets = fit(*single)
        torch.testing.assert_close(found.directions[layer, fold, labelling], directions[0])
        torch.testing.assert_close(found.offsets[layer, fold, labelling], offsets[0])


@every_fit
@more_and_fewer_rows
def test_a_turned_space_turns_the_direction(fit: Any, count: int, dimension: int) -> None:
    features, labels = correlated(count, dimension)
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((dimension, dimension)))[0]
    straight, turned = (fit(*tensors(rows, labels)) for rows in (features, features @ turn))
    torch.testing.assert_close(straight.directions @ torch.tensor(turn), turned.directions)
    torch.testing.assert_close(straight.offsets, turned.offsets)


@every_fit
@more_and_fewer_rows
def test_what_never_varies_weighs_nothing(fit: Any, count: int, dimension: int) -> None:
    features, labels = correlated(count, dimension)
    features[:, 3] = 0.1
    assert (fit(*tensors(features, labels)).directions[..., 3] == 0).all()
    assert (fit(*tensors(features * 0 + 0.1, labels)).directions == 0).all()


@every_fit
def test_two_rows_are_enough(fit: Any) -> None:
    found = fit(*tensors([[1.0, 2.0, 3.0], [1.0, 4.0, 3.0]], [False, True]))
    direction = found.directions.reshape(-1, 3)
    assert cosines(direction.numpy(), np.array([0.0, 1.0, 0.0])) == pytest.approx(1)


@every_fit
def test_one_label_only_is_not_a_number(fit: Any) -> None:
    """And leaves its neighbours alone; so does a set without rows."""
    features, labels = correlated(40, 6)
    positives, nobody = torch.tensor(labels), torch.zeros(40, dtype=torch.bool)
    train = torch.stack([~nobody, positives, nobody])
    found = fit(torch.tensor(features), positives[None], train)
    assert found.offsets[0].isfinite().all()
    assert found.directions[0].isfinite().all()
    assert found.offsets[1:].isnan().all()
    assert found.directions[1:].isnan().all()


def test_shapes_that_disagree_are_refused() -> None:
    features, labels, train = tensors(*correlated(40, 6))
    with pytest.raises(DataError) as refused:
        mass_mean(features, labels[0], train)
    assert str(refused.value) == (
        "Features, labels and training rows of shapes (40, 6), (40,), (40,): they do not describe "
        "the same rows. Give shapes (..., n, d), (L, n) and (..., n)."
    )
    with pytest.raises(DataError, match="do not describe the same rows"):
        ridge(features, labels, train[:39], [1.0])


def test_counts_in_place_of_flags_are_refused() -> None:
    features, labels, train = tensors(*correlated(40, 6))
    with pytest.raises(DataError) as refused:
        difference_of_means(features, labels, train.float())
    assert str(refused.value) == (
        "Labels of type torch.bool and training rows of type torch.float32: both are yes or no. "
        "Give both as torch.bool."
    )


@every_fit
def test_training_rows_that_are_not_finite_are_refused(fit: Any) -> None:
    features, labels, train = tensors(*correlated(40, 6))
    features[3, 2] = torch.inf
    with pytest.raises(DataError) as refused:
        fit(features, labels, train)
    assert str(refused.value) == (
        "Features of training rows hold NaN or infinity: a mean over them is not a number. "
        "Leave absent rows out by `train`."
    )


def test_a_negative_penalty_is_refused() -> None:
    with pytest.raises(ConfigError) as refused:
        ridge(*tensors(*correlated(40, 6)), [1.0, -2.0])
    assert str(refused.value) == "Penalties [1.0, -2.0]. Give finite numbers, 0 or more."


def cosines(directions: NDArray[np.float64], planted: NDArray[np.float64]) -> Any:
    return directions @ planted / np.linalg.norm(directions, axis=-1) / np.linalg.norm(planted)
