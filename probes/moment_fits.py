"""Linear probes from streamed moments: no activation is kept, in memory or on disk.

Three fits of `probes.closed_form` need counts, means and scatters alone. Every function fits all
layers and positions of `probes.moments.Moments` with two classes (0: benign, 1: positive).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.moments import Moments
from scratchpad.errors import ConfigError, DataError

Floats = NDArray[np.float64]


class MomentFit(NamedTuple):
    """Probes that score raw activations by `activations @ direction + offset`.

    Parameters
    ----------
    directions : array, shape (layers, positions, width)
    offsets : array, shape (layers, positions)
    """

    directions: Floats
    offsets: Floats


def difference_of_means(moments: Moments) -> MomentFit:
    """Fit the difference of the two class means; 0 lies half-way between them.

    Raises
    ------
    DataError
        If there are not two classes, or one is empty at a position.
    """
    _require_two(moments)
    return _halfway(moments, _shift(moments))


def mass_mean(moments: Moments, shrinkage: float = 0.1) -> MomentFit:
    """Fit the difference of means in units of the covariance within classes.

    The covariance is shrunk by a given amount towards the identity times the mean variance: the
    amount of Ledoit & Wolf, which `closed_form.mass_mean` takes, rests on single rows.

    Raises
    ------
    ConfigError
        If the shrinkage is not above 0 and at most 1.
    DataError
        As `difference_of_means`.
    """
    if not 0 < shrinkage <= 1:
        raise ConfigError(f"Shrinkage {shrinkage}", fix="Give a share above 0 and at most 1.")
    _require_two(moments)
    count = moments.count.sum(axis=-1)[:, None, None]
    within = moments.scatter.sum(axis=2) / count
    level = np.trace(within, axis1=-2, axis2=-1)[..., None, None] / within.shape[-1]
    covariance = (1 - shrinkage) * within + shrinkage * level * np.eye(within.shape[-1])
    return _halfway(moments, _solved(covariance, _shift(moments)))


def ridge(moments: Moments, penalty: float) -> MomentFit:
    """Fit targets of +1 and -1 by ridge regression, as `closed_form.ridge` does.

    The penalty counts in units of the mean variance of the features.

    Raises
    ------
    ConfigError
        If the penalty is not above 0.
    DataError
        As `difference_of_means`.
    """
    if not (penalty > 0 and np.isfinite(penalty)):
        raise ConfigError(f"Penalty {penalty}", fix="Give a finite number above 0.")
    _require_two(moments)
    total = moments.total()
    count = moments.count.sum(axis=-1).astype(float)
    variance = np.trace(total.scatter, axis1=-2, axis2=-1) / (count * total.scatter.shape[-1])
    added = (penalty * variance)[..., None, None] * np.eye(total.scatter.shape[-1])
    between = moments.count.prod(axis=-1) / count
    directions = _solved(total.scatter + added, 2 * between[:, None] * _shift(moments))
    middle = (directions * total.mean).sum(axis=-1)
    return MomentFit(directions, (moments.count[:, 1] - moments.count[:, 0]) / count - middle)


def _require_two(moments: Moments) -> None:
    if moments.count.shape[-1] != 2 or not moments.count.all():
        raise DataError(
            f"Moments of classes with {moments.count.tolist()} rows by position",
            "a probe tells two classes apart, and needs rows of both",
            "Leave such positions out, or give more transcripts.",
        )


def _shift(moments: Moments) -> Floats:
    """Mean of the positives less that of the others, (layers, positions, width)."""
    shift: Floats = moments.mean[:, :, 1] - moments.mean[:, :, 0]
    return shift


def _halfway(moments: Moments, directions: Floats) -> MomentFit:
    middle = moments.mean.mean(axis=2)
    return MomentFit(directions, -(directions * middle).sum(axis=-1))


def _solved(matrices: Floats, vectors: Floats) -> Floats:
    return np.asarray(np.linalg.solve(matrices, vectors[..., None])[..., 0], dtype=np.float64)
