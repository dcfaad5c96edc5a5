"""What means, covariances and closed-form probes need of activations, without keeping them.

Counts, means and scatters per layer, position and class grow batch by batch and can be merged, so
that a fold's statistics are those of the other folds together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from probes.activations import BATCH_SIZE, chosen_layers, stream, width_of
from probes.texts import Texts

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Total:
    """Moments of all classes together, as in `Moments` without the axis of the classes."""

    count: Integers
    mean: Floats
    scatter: Floats


@dataclass(frozen=True)
class Moments:
    """Sufficient statistics of activations, by class.

    Parameters
    ----------
    count : array of int, shape (positions, classes)
        Rows that have the position.
    mean : array of float64, shape (layers, positions, classes, width)
        0 where there is no row.
    scatter : array of float64, shape (layers, positions, classes, width, width)
        The centred Gram matrix: the sum over rows of (x - mean) (x - mean)^T. Divided by the
        count it is the covariance.
    """

    count: Integers
    mean: Floats
    scatter: Floats

    @classmethod
    def none(cls, layers: int, positions: int, classes: int, width: int) -> Self:
        """The moments of no rows at all."""
        shape = (layers, positions, classes, width)
        count = np.zeros((positions, classes), dtype=np.int64)
        return cls(count, np.zeros(shape), np.zeros((*shape, width)))

    @classmethod
    def of(
        cls, features: NDArray[np.floating[Any]], labels: NDArray[Any], classes: int = 2
    ) -> Self:
        """Take the moments of activations in memory.

        Parameters
        ----------
        features : array, shape (n, layers, positions, width)
            NaN where a row has no such position: it is left out of that position.
        labels : array of int or bool, shape (n,)
            The class of each row, from 0.
        classes : int
            How many classes there are, whether or not all of them occur.

        Raises
        ------
        ValueError
            If labels and rows differ in number, a label is not one of the classes, or a row that
            has a position is not finite there.
        """
        if len(labels) != len(features):
            raise ValueError(f"{len(labels)} labels for {len(features)} rows")
        numbers = np.asarray(labels).astype(np.int64)
        if len(numbers) and not 0 <= numbers.min() <= numbers.max() < classes:
            raise ValueError(f"labels {numbers.min()} to {numbers.max()}, expected below {classes}")
        _, layers, positions, width = features.shape
        found = cls.none(layers, positions, classes, width)
        present = ~np.isnan(features).all(axis=(1, 3))
        for position in range(positions):
            for label in range(classes):
                rows = features[present[:, position] & (numbers == label), :, position]
                if len(rows) > 0:
                    found._set(position, label, rows.astype(np.float64))
        return found

    def _set(self, position: int, label: int, rows: Floats) -> None:
        """Fill in a class at a position from rows of shape (n, layers, width)."""
        if not np.isfinite(rows).all():
            raise ValueError(f"position {position}: a row is not finite")
        mean = rows.mean(axis=0)
        by_layer = (rows - mean).transpose(1, 2, 0)
        self.count[position, label] = len(rows)
        self.mean[:, position, label] = mean
        self.scatter[:, position, label] = by_layer @ by_layer.swapaxes(1, 2)

    def merge(self, other: Self) -> Self:
        """The moments of both sets of rows together.

        The pairwise update of Chan, Golub & LeVeque (1983): no sum of squares is ever taken about
        a point far from the mean, so that nothing cancels.
        """
        count = self.count + other.count
        known = np.maximum(count, 1)
        apart = other.mean - self.mean
        mean = self.mean + apart * (other.count / known)[..., None]
        # A class that was empty so far has no mean to be apart from.
        weights = self.count * other.count / known
        between = np.einsum("pc,lpci,lpcj->lpcij", weights, apart, apart)
        between += self.scatter
        between += other.scatter
        return type(self)(count, mean, between)

    def total(self) -> Total:
        """All classes together."""
        count = self.count.sum(axis=1)
        shares = self.count / np.maximum(count, 1)[:, None]
        mean = np.einsum("pc,lpcw->lpw", shares, self.mean)
        apart = self.mean - mean[:, :, None]
        between = np.einsum("pc,lpci,lpcj->lpij", self.count, apart, apart, optimize=True)
        return Total(count, mean, self.scatter.sum(axis=2) + between)


def streamed_moments(
    model: Any,
    texts: Texts,
    labels: NDArray[Any],
    *,
    classes: int = 2,
    layers: Sequence[int] | None = None,
    batch_size: int = BATCH_SIZE,
) -> Moments:
    """Take the moments of a model's activations, of which no more than a batch is kept.

    Parameters
    ----------
    model, texts, layers, batch_size
        As `probes.activations.capture` takes them.
    labels, classes
        As `Moments.of` takes them.
    """
    chosen = chosen_layers(model, layers)
    found = Moments.none(len(chosen), len(texts.position_names), classes, width_of(model))
    for batch in stream(model, texts, layers=chosen, batch_size=batch_size):
        found = found.merge(Moments.of(batch.vectors, labels[batch.rows], classes))
    return found
