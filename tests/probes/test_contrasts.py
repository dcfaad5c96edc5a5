"""Directions from pairs against scikit-learn, another optimiser and planted directions."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.optimize import minimize
from sklearn.decomposition import PCA
from torch import Tensor

from probes.closed_form import Fit
from probes.contrasts import contrast_consistent, first_component, mean_difference
from scratchpad.errors import DataError

Floats = NDArray[np.float64]
FITS: dict[str, Callable[[Tensor, Tensor], Fit]] = {
    "mean difference": mean_difference,
    "first component": first_component,
    "contrast-consistent": partial(contrast_consistent, restarts=3, seed=0),
}
DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
every_fit = pytest.mark.parametrize("fit", FITS.values(), ids=FITS)


class Pairs(NamedTuple):
    """Statements far from 0; `yes` is true in some pairs, and differs from `no` in all."""

    yes: Floats
    no: Floats
    true: NDArray[np.bool_]
    truth: Floats
    side: Floats


def planted(count: int, dimension: int, *, side: float, truth: float, seed: int = 0) -> Pairs:
    """Plant orthogonal directions of truth and of side, with the given half-distances."""
    generator = np.random.default_rng(seed)
    directions = np.linalg.qr(generator.standard_normal((dimension, 2)))[0].T
    true = generator.random(count) < 0.65
    statements = generator.standard_normal((count, dimension)) + 4
    half = truth * np.outer(2 * true - 1, directions[0]) + side * directions[1]
    noise = generator.standard_normal((2, count, dimension)) / 2
    return Pairs(statements + half + noise[0], statements - half + noise[1], true, *directions)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("fit", [mean_difference, first_component])
def test_the_side_is_found_where_it_differs_most(fit: Any, device: str) -> None:
    pairs = planted(500, 24, side=2.0, truth=0.3)
    found = fit(*(torch.tensor(side, device=device) for side in (pairs.yes, pairs.no)))
    assert cosine(found.directions.cpu().numpy(), pairs.side) > 0.95
    yes, no = (side @ found.directions.cpu().numpy() + found.offsets.item() for side in pairs[:2])
    assert min((yes > 0).mean(), (no < 0).mean()) > 0.95


@pytest.mark.parametrize("device", DEVICES)
def test_consistency_finds_truth_beside_a_stronger_side(device: str) -> None:
    pairs = planted(500, 16, side=6.0, truth=1.0)
    sides = [torch.tensor(side, device=device) for side in (pairs.yes, pairs.no)]
    found = contrast_consistent(*sides, restarts=3, seed=0).directions.cpu().numpy()
    assert abs(cosine(found, pairs.truth)) > 0.95
    assert abs(cosine(found, pairs.side)) < 0.2
    assert cosine(first_component(*sides).directions.cpu().numpy(), pairs.side) > 0.95


def test_the_scores_of_consistency_tell_the_true_side() -> None:
    pairs = planted(500, 16, side=0.0, truth=2.5)
    found = contrast_consistent(*map(torch.tensor, pairs[:2]), restarts=3, seed=0)
    direction, offset = found.directions.numpy(), found.offsets.item()
    assert cosine(direction, pairs.truth) > 0.95
    assert ((pairs.yes @ direction + offset > 0) == pairs.true).mean() > 0.9
    assert ((pairs.no @ direction + offset > 0) == ~pairs.true).mean() > 0.9


def test_no_other_optimiser_finds_a_lower_loss() -> None:
    pairs = planted(60, 5, side=1.0, truth=0.7)
    normal, scales = zip(*(normalised(side) for side in pairs[:2]), strict=True)

    def loss(parameters: Floats) -> Any:
        one, other = (1 / (1 + np.exp(-(x @ parameters[:-1] + parameters[-1]))) for x in normal)
        return np.mean((one - (1 - other)) ** 2 + np.minimum(one, other) ** 2)

    starts = np.random.default_rng(1).standard_normal((20, 6))
    best = min(minimize(loss, start, method="BFGS").fun for start in starts)
    found = contrast_consistent(*map(torch.tensor, pairs[:2]), restarts=10, seed=0)
    weights = found.directions.numpy() / np.mean([1 / scale for scale in scales])
    middle = (pairs.yes.mean(axis=0) + pairs.no.mean(axis=0)) / 2
    bias = found.offsets.item() + found.directions.numpy() @ middle
    # A direction and its opposite answer alike, but for the name of the answer.
    reached = min(loss(sign * np.append(weights, bias)) for sign in (1, -1))
    assert reached < best + 1e-3


def test_the_first_component_is_scikit_learns() -> None:
    """Of the differences in both orders, whose mean is 0."""
    pairs = planted(40, 9, side=1.0, truth=1.0)
    differences = pairs.yes - pairs.no
    differences /= np.linalg.norm(differences, axis=1, keepdims=True)
    reference = PCA(1, svd_solver="full").fit(np.vstack([differences, -differences]))
    found = first_component(*map(torch.tensor, pairs[:2])).directions.numpy()
    sign = np.sign(reference.components_[0] @ differences.mean(axis=0))
    np.testing.assert_allclose(found, sign * reference.components_[0], atol=1e-8)


def test_the_mean_difference_is_that() -> None:
    yes = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    found = mean_difference(yes, torch.tensor([[0.0, 2.0], [0.0, 0.0]]))
    assert found.directions.tolist() == [2.0, -1.0]
    assert found.offsets.item() == -(2.0 * 1.0 - 1.0 * 0.5)


@every_fit
def test_a_batch_is_its_fits_one_at_a_time(fit: Any) -> None:
    generator = torch.Generator().manual_seed(0)
    yes, no = torch.randn(2, 2, 3, 20, 30, generator=generator, dtype=torch.float64)
    found = fit(yes, no)
    assert found.directions.shape == (2, 3, 30)
    for layer, position in np.ndindex(2, 3):
        directions, offsets = fit(yes[layer, position], no[layer, position])
        torch.testing.assert_close(found.directions[layer, position], directions)
        torch.testing.assert_close(found.offsets[layer, position], offsets)


@every_fit
def test_sides_that_do_not_differ_give_no_direction(fit: Any) -> None:
    same = torch.randn(20, 30, generator=torch.Generator().manual_seed(0))
    assert (fit(same, same).directions == 0).all()


def test_sides_that_never_vary_hold_nothing_to_search() -> None:
    """The same two tokens in every pair must not make a direction out of rounding."""
    pair = torch.randn(2, 1, 33, generator=torch.Generator().manual_seed(0)).expand(2, 101, 33)
    assert (FITS["contrast-consistent"](*pair).directions == 0).all()
    difference = (pair[0, 0] - pair[1, 0]).numpy()
    assert cosine(first_component(*pair).directions.numpy(), difference) == pytest.approx(1)


@every_fit
def test_sides_that_do_not_match_are_refused(fit: Any) -> None:
    """One side for all layers would be broadcast in silence."""
    with pytest.raises(DataError, match="The sides have shapes"):
        fit(torch.zeros(3, 5, 4), torch.zeros(5, 4))


def normalised(side: Floats) -> tuple[Floats, Any]:
    centred = side - side.mean(axis=0)
    return centred / centred.std(), centred.std()


def cosine(direction: Floats, planted: Floats) -> Any:
    return direction @ planted / np.linalg.norm(direction) / np.linalg.norm(planted)
