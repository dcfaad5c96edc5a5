"""Linear probes in closed form, for many activations, training sets and labellings at once.

Every function takes the same three tensors and works in float64 on the device of the features:

features : shape (..., n, d)
    Rows of activations; the leading dimensions are whatever is fitted side by side (layers,
    positions).
labels : bool, shape (L, n)
    One labelling a row, so that shuffled labels cost little more than the true ones.
train : bool, shape (..., n)
    The rows to fit to. Folds and absent positions are masks: what a row holds where it does not
    train is never looked at. Its leading dimensions and those of the features are broadcast, so
    that features of shape (P, 1, n, d) meet the folds of train, shape (F, n).

A fit is NaN where the training rows hold one label only. Features that never vary get a weight
of exactly 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from probes.training_rows import TrainingRows, centre, components, divide
from scratchpad.errors import ConfigError


class Fit(NamedTuple):
    """Probes that score raw activations by `features @ direction + offset`.

    Parameters
    ----------
    directions : Tensor of float64, shape (..., L, d)
    offsets : Tensor of float64, shape (..., L)
    """

    directions: Tensor
    offsets: Tensor


def difference_of_means(features: Tensor, labels: Tensor, train: Tensor) -> Fit:
    """Fit the difference of the two class means; 0 lies half-way between them.

    See the module for the shapes. Source: MacDiarmid et al. 2024.

    Raises
    ------
    DataError
        If the shapes do not fit together, or a training row is not finite.

    Examples
    --------
    >>> features = torch.tensor([[0.0, 1.0], [2.0, 1.0], [5.0, 1.0], [7.0, 1.0]])
    >>> labels = torch.tensor([[False, False, True, True]])
    >>> fit = difference_of_means(features, labels, torch.ones(4, dtype=torch.bool))
    >>> fit.directions.tolist(), fit.offsets.tolist()
    ([[5.0, 0.0]], [-17.5])
    """
    training = centre(features, labels, train)
    return _halfway(_difference(training, training.rows), training)


def mass_mean(features: Tensor, labels: Tensor, train: Tensor) -> Fit:
    """Fit the difference of means in units of the covariance within classes.

    `direction = S^-1 (mean of positives - mean of negatives)`, the mass-mean probe of Marks &
    Tegmark 2023 and the direction of linear discriminant analysis; 0 lies half-way between the
    means. See the module for the shapes.

    S is the pooled covariance within classes, shrunk towards the identity by the amount of Ledoit
    & Wolf 2004 (https://doi.org/10.1016/S0047-259X(03)00096-4). Their amount follows from the
    data, so that no cross-validation is spent on it; their target favours no basis, so that fewer
    rows than features are handled exactly in as many dimensions as there are rows.

    Raises
    ------
    DataError
        If the shapes do not fit together, or a training row is not finite.
    """
    training = centre(features, labels, train)
    coordinates, scatter, basis = components(training.rows)
    shift = _difference(training, coordinates)
    variances = (scatter / training.size)[..., None, :]
    shrinkage, level = _ledoit_wolf(training, coordinates, variances, shift)
    kept = 1 - shrinkage
    # Total = within + between x shift shift^T is diagonal here, within is not: solve with the
    # total, then undo its last term (Sherman & Morrison).
    total = kept[..., None] * variances + (shrinkage * level)[..., None]
    solved = divide(shift, total)
    left = 1 - kept * training.between * (shift * solved).sum(-1)
    # No variance is left within classes where one number tells them apart without fail.
    solved = solved / left.clamp(min=torch.finfo(left.dtype).eps)[..., None]
    return _halfway(reduce(torch.matmul, basis, solved), training)


def ridge(features: Tensor, labels: Tensor, train: Tensor, penalties: Sequence[float]) -> Fit:
    """Fit targets of +1 and -1 by ridge regression, for several penalties at once.

    Minimises `sum((y - w x - b)^2) + penalty * v * |w|^2` with v the mean variance of the
    features (over rows that train, averaged over features) and an unpenalised b. Counted in v, a
    penalty means the same at layers whose activations differ in size; on z-scored features it is
    scikit-learn's `alpha`. One eigendecomposition serves all labels and penalties (Hastie,
    Tibshirani & Friedman 2009, section 3.4.1).

    Parameters
    ----------
    features, labels, train : Tensor
        See the module.
    penalties : sequence of float
        R of them, 0 or more; 0 is least squares of the smallest norm.

    Returns
    -------
    Fit
        Directions of shape (..., L, R, d), offsets of shape (..., L, R).

    Raises
    ------
    ConfigError
        If a penalty is negative or not finite.
    DataError
        If the shapes do not fit together, or a training row is not finite.
    """
    training = centre(features, labels, train)
    coordinates, scatter, basis = components(training.rows)
    weights = scatter.new_tensor(penalties)
    if not bool((torch.isfinite(weights) & (weights >= 0)).all()):
        raise ConfigError(f"Penalties {list(penalties)}", fix="Give finite numbers, 0 or more.")
    variance = scatter.sum(-1, keepdim=True) / (training.size * training.rows.shape[-1])
    added = (weights * variance)[..., None, :, None]
    products = 2 * (training.labels @ coordinates)[..., None, :]
    solved = divide(products, scatter[..., None, None, :] + added)
    directions = reduce(torch.matmul, basis, solved.flatten(-3, -2))
    directions = directions.reshape(*solved.shape[:-1], -1)
    middle = (directions * training.mean[..., None, :]).sum(-1)
    return Fit(directions, (2 * training.share - 1)[..., None] - middle)


def _difference(training: TrainingRows, rows: Tensor) -> Tensor:
    """Mean of positives less mean of negatives, (..., L, dimensions of the rows)."""
    return (training.labels @ rows) / (training.size * training.between)[..., None]


def _halfway(directions: Tensor, training: TrainingRows) -> Fit:
    shift = _difference(training, training.rows)
    middle = training.mean + (0.5 - training.share)[..., None] * shift
    return Fit(directions, -(directions * middle).sum(-1))


def _ledoit_wolf(
    training: TrainingRows, coordinates: Tensor, variances: Tensor, shift: Tensor
) -> tuple[Tensor, Tensor]:
    """Amount of shrinkage and mean variance within classes, each of shape (..., L)."""
    dimension = training.rows.shape[-1]
    length = (shift**2).sum(-1)
    between = training.between
    trace = (variances.sum(-1) - between * length).clamp(min=0)
    crossed = (variances * shift**2).sum(-1)
    squares = (variances**2).sum(-1) - 2 * between * crossed + (between * length) ** 2
    # A row's residual is what is left of it less its centred label times the shift.
    norms = (
        (coordinates**2).sum(-1)[..., None, :]
        - 2 * training.labels * (shift @ coordinates.mT)
        + training.labels**2 * length[..., None]
    )
    level = trace / dimension
    distance = squares - dimension * level**2
    error = ((norms**2).sum(-1) / training.size - squares) / training.size
    return divide(torch.minimum(error, distance), distance).clamp(0, 1), level
