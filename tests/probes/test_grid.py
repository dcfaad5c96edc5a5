"""The grid of probes against fits made one at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from probes import grid
from probes.crossvalidation import choose, cross_scores
from probes.fits import DifferenceOfMeans, LogisticProbe
from probes.grid import INVERSE_PENALTIES, PROBES, Nested, nested_scores, probe_scores, settled

ROWS, WIDTH = 60, 12
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]


def data() -> tuple[np.ndarray, ...]:
    generator = np.random.default_rng(0)
    features = generator.standard_normal((ROWS, WIDTH)).astype(np.float32)
    labels = np.stack(
        [features[:, 0] + generator.standard_normal(ROWS) > 0, np.arange(ROWS) % 2 < 1]
    )
    rows = np.arange(ROWS) % 7 != 0
    features[~rows] = np.nan
    return features, labels, np.arange(ROWS) // 3 % 4, rows


def tensors(*arrays: np.ndarray) -> list[torch.Tensor]:
    return [torch.from_numpy(one) for one in arrays]


def test_every_penalty_is_the_probe_fitted_alone() -> None:
    features, labels, folds, rows = data()
    found = nested_scores(PROBES["logistic"], *tensors(features, labels, folds, rows))
    for which, inverse in enumerate(INVERSE_PENALTIES):
        for one, y in enumerate(labels):
            alone = cross_scores(LogisticProbe(1 / inverse), features, y, folds, rows)
            np.testing.assert_allclose(
                found.held_out[one, which], alone.held_out, atol=1e-4, rtol=1e-4
            )
            np.testing.assert_allclose(found.inner[one, which], alone.inner, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("at_once", [1, 2**20])
def test_difference_of_means_is_the_probe_fitted_alone(
    at_once: int, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid, "_AT_ONCE", (at_once, at_once))
    features, labels, folds, rows = data()
    found = probe_scores("difference of means", features, labels, folds, rows, device=device)
    for scores, y in zip(found, labels, strict=True):
        alone = cross_scores(DifferenceOfMeans(), features, y, folds, rows)
        np.testing.assert_allclose(scores.held_out, alone.held_out, atol=1e-5)
        np.testing.assert_allclose(scores.inner, alone.inner, atol=1e-5)


@pytest.mark.parametrize("probe", PROBES)
def test_a_fold_does_not_look_at_itself_for_its_penalty(probe: str) -> None:
    """What a fold's own labels are changes no score of that fold, the choice included."""
    features, labels, folds, rows = data()
    turned = np.where(folds == 2, ~labels[0], labels[0])
    first, second = probe_scores(probe, features, np.stack([labels[0], turned]), folds, rows)
    np.testing.assert_allclose(first.held_out[folds == 2], second.held_out[folds == 2])
    np.testing.assert_allclose(first.inner[..., 2], second.inner[..., 2])


def test_a_penalty_is_chosen_as_a_layer_would_be() -> None:
    features, labels, folds, rows = data()
    given = tensors(features, labels, folds, rows)
    nested = nested_scores(PROBES["ridge"], *given)
    for one, scores in enumerate(settled(nested, *given[1:])):
        candidates = {
            which: grid.Scores(held_out.numpy(), inner.numpy())
            for which, (held_out, inner) in enumerate(zip(*(n[one] for n in nested), strict=True))
        }
        choice = choose(candidates, labels[one], folds)
        np.testing.assert_allclose(scores.held_out, choice.scores)


def test_of_equal_penalties_the_first_is_taken() -> None:
    labels, folds = torch.arange(12)[None] % 2 == 0, torch.arange(12) // 4
    held_out = torch.stack([labels[0] * 1.0, labels[0] * 2.0])[None]
    inner = held_out[..., None].expand(1, 2, 12, 3).clone()
    (scores,) = settled(Nested(held_out, inner), labels, folds, torch.ones(12, dtype=torch.bool))
    np.testing.assert_array_equal(scores.held_out, labels[0] * 1.0)
