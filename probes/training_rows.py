"""Training rows as closed forms need them: checked, centred, in principal components.

Shapes are those of `probes.closed_form`.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from scratchpad.errors import DataError


class Centred(NamedTuple):
    """Rows less their mean, 0 where a row does not train."""

    rows: Tensor  # (..., n, d)
    mean: Tensor  # (..., 1, d)
    size: Tensor  # (..., 1), how many train


class TrainingRows(NamedTuple):
    """Centred training rows and labels; both are 0 where a row does not train."""

    rows: Tensor  # (..., n, d)
    mean: Tensor  # (..., 1, d)
    size: Tensor  # (..., 1), how many train
    labels: Tensor  # (..., L, n)
    share: Tensor  # (..., L), of positives

    @property
    def between(self) -> Tensor:
        """What the squared difference of means adds to the variance, (..., L)."""
        return self.share * (1 - self.share)


class Components(NamedTuple):
    """Rows in the coordinates of their k = min(n, d) principal components."""

    coordinates: Tensor  # (..., n, k)
    scatter: Tensor  # (..., k), sums of squares
    basis: tuple[Tensor, ...]  # factors of the (..., k, d) map back


def centre(features: Tensor, labels: Tensor, train: Tensor) -> TrainingRows:
    """Take the mean off features and labels of the rows that train.

    Raises
    ------
    DataError
        If the shapes do not fit together, or a training row is not finite.
    """
    _check(features, labels, train)
    centred = centre_rows(features, train)
    chosen = train.expand(centred.rows.shape[:-1])[..., None, :]
    share = (chosen & labels).sum(-1) / centred.size
    share = torch.where((share > 0) & (share < 1), share, torch.nan)
    labels = torch.where(chosen, labels.to(torch.float64) - share[..., None], 0.0)
    return TrainingRows(*centred, labels, share)


def centre_rows(features: Tensor, train: Tensor) -> Centred:
    """Take the mean off the rows that train.

    Raises
    ------
    DataError
        If a training row is not finite.
    """
    batch = torch.broadcast_shapes(train.shape, features.shape[:-1])  # type: ignore[no-untyped-call]
    train = train.expand(batch)
    inside = train[..., None]
    features = features.to(torch.float64).expand(*batch, features.shape[-1])
    # Less a row of their own, features that never vary are 0 without a rounding error, which
    # would otherwise make a direction out of nothing.
    first = train.to(torch.int8).argmax(-1)[..., None, None]
    reference = torch.take_along_dim(features, first, dim=-2)
    shifted = torch.where(inside, features - reference, 0.0)
    if not bool(torch.isfinite(shifted).all()):
        raise DataError(
            "Features of training rows hold NaN or infinity",
            "a mean over them is not a number",
            "Leave absent rows out by `train`.",
        )
    size = train.sum(-1, keepdim=True).to(torch.float64)
    mean = shifted.sum(-2, keepdim=True) / size[..., None]
    return Centred(torch.where(inside, shifted - mean, 0.0), reference + mean, size)


def _check(features: Tensor, labels: Tensor, train: Tensor) -> None:
    shapes = [tuple(tensor.shape) for tensor in (features, labels, train)]
    enough = features.ndim >= 2 and labels.ndim == 2 and train.ndim >= 1
    if not enough or not features.shape[-2] == labels.shape[-1] == train.shape[-1]:
        raise DataError(
            f"Features, labels and training rows of shapes {shapes[0]}, {shapes[1]}, {shapes[2]}",
            "they do not describe the same rows",
            "Give shapes (..., n, d), (L, n) and (..., n).",
        )
    if labels.dtype != torch.bool or train.dtype != torch.bool:
        raise DataError(
            f"Labels of type {labels.dtype} and training rows of type {train.dtype}",
            "both are yes or no",
            "Give both as torch.bool.",
        )


def components(rows: Tensor) -> Components:
    """Turn centred rows into their principal components, by the smaller of the two Gram matrices.

    Components without variance have coordinates of exactly 0.
    """
    count, dimension = rows.shape[-2:]
    if count < dimension:
        scatter, vectors = torch.linalg.eigh(rows @ rows.mT)
    else:
        scatter, vectors = torch.linalg.eigh(rows.mT @ rows)
    # What rounding leaves of directions that the rows do not span is not variance.
    noise = max(count, dimension) * torch.finfo(scatter.dtype).eps * scatter[..., -1:]
    scatter = torch.where(scatter > noise, scatter, 0.0)
    if count < dimension:
        sizes = scatter.sqrt()[..., None, :]
        return Components(vectors * sizes, scatter, (divide(vectors, sizes).mT, rows))
    vectors = torch.where((rows != 0).any(-2)[..., None], vectors, 0.0)
    coordinates = torch.where(scatter[..., None, :] > 0, rows @ vectors, 0.0)
    return Components(coordinates, scatter, (vectors.mT,))


def divide(above: Tensor, below: Tensor) -> Tensor:
    """Divide; 0 where the divisor is 0 (NaN stays NaN)."""
    return torch.where(below == 0, 0.0, above / below)
