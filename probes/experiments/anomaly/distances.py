"""Distances from benign activations: what is unusual, without a single label.

Every detector takes the benign rows that it is fitted to and the rows to score, with whatever is
scored side by side (layers) in the leading dimensions, and works in float64 on their device:

benign : Tensor, shape (..., n, d)
rows : Tensor, shape (..., m, d)

It gives one score a row, shape (..., m). Larger: further from what benign transcripts look like.
Where nothing varies among the benign rows, anything else is as far as numbers go.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor

from probes.training_rows import components, divide
from scratchpad.errors import DataError

NEIGHBOURS = 5
"""Which nearest neighbour's distance is taken."""

KEPT_VARIANCE = 0.95
"""Share of the variance whose principal components are kept."""

FEWEST = 10
"""Benign rows below which nothing is said of what is usual."""

_FLOOR = torch.finfo(torch.float64).eps


class Shrunk(NamedTuple):
    """A covariance shrunk towards the identity, and the components that it is kept in.

    The amount is that of Ledoit & Wolf 2004 (https://doi.org/10.1016/S0047-259X(03)00096-4).

    Parameters
    ----------
    basis : Tensor, shape (..., k, d)
        The k = min(n, d) principal components.
    raw : Tensor, shape (..., k)
        Variances along them before shrinkage, in rising order.
    along : Tensor, shape (..., k)
        The same after it.
    off : Tensor, shape (..., 1)
        The variance in every other direction.
    """

    basis: Tensor
    raw: Tensor
    along: Tensor
    off: Tensor

    @classmethod
    def of(cls, rows: Tensor) -> Shrunk:
        """Shrink the covariance of rows, shape (..., n, d).

        Raises
        ------
        DataError
            If there are fewer than `FEWEST` rows, or one is not finite.
        """
        count, dimension = rows.shape[-2:]
        if count < FEWEST:
            raise DataError(
                f"Only {count} benign transcripts to fit to",
                f"what is usual takes at least {FEWEST}",
                "Give more questions.",
            )
        if not bool(torch.isfinite(rows).all()):
            raise DataError("Benign activations hold NaN or infinity", fix="Leave such rows out.")
        found = components(rows.double() - _mean(rows))
        raw = found.scatter / count
        level = raw.sum(-1, keepdim=True) / dimension
        squares = (raw**2).sum(-1, keepdim=True)
        fourth = ((found.coordinates**2).sum(-1) ** 2).mean(-1, keepdim=True)
        distance = (squares - dimension * level**2).clamp(min=0)
        error = ((fourth - squares) / count).clamp(min=0)
        amount = divide(torch.minimum(error, distance), distance)
        off = (amount * level).clamp(min=_FLOOR)
        return cls(reduce(torch.matmul, found.basis), raw, (1 - amount) * raw + off, off)

    def inner(self, rows: Tensor, others: Tensor) -> Tensor:
        """`x^T S^-1 y` of every row with every other, (..., m, p)."""
        one, two = rows @ self.basis.mT, others @ self.basis.mT
        beside = rows @ others.mT - one @ two.mT
        return (one / self.along[..., None, :]) @ two.mT + beside / self.off[..., None]

    def length(self, rows: Tensor) -> Tensor:
        """`x^T S^-1 x` of every row, (..., m)."""
        inside = (rows @ self.basis.mT) ** 2
        beside = ((rows**2).sum(-1) - inside.sum(-1)).clamp(min=0)
        return (inside / self.along[..., None, :]).sum(-1) + beside / self.off


def mahalanobis(benign: Tensor, rows: Tensor) -> Tensor:
    """Squared Mahalanobis distance from the benign mean, with a shrunk covariance.

    `(x - mean)^T S^-1 (x - mean)`, S shrunk as Ledoit & Wolf 2004 say; see `Shrunk`. As a
    detector of unusual inputs: Lee et al. 2018 (https://arxiv.org/abs/1807.03888).
    """
    return Shrunk.of(benign).length(rows.double() - _mean(benign))


def relative_mahalanobis(benign: Tensor, rows: Tensor, everywhere: Sequence[Tensor]) -> Tensor:
    """Mahalanobis distance from a class less that from all classes together (Ren et al. 2021).

    What is unusual in any class cancels (https://arxiv.org/abs/2106.09022). A class is a
    position: `everywhere` holds benign rows at every position, shape (..., n, d) each, `benign`
    those at the position of `rows`. As in the source all classes share one covariance S within,
    and the covariance of all together is S + B, with B that of the classes' means. One amount of
    shrinkage serves both: two would decide the sign of the difference.
    """
    parts = [part.double() for part in everywhere]
    size = sum(part.shape[-2] for part in parts)
    middle = _mean(torch.cat(parts, -2))
    within = Shrunk.of(torch.cat([part - _mean(part) for part in parts], -2))
    scaled = [(part.shape[-2] / size) ** 0.5 * (_mean(part) - middle) for part in parts]
    between = torch.cat(scaled, -2)
    from_class, from_all = (rows.double() - centre for centre in (_mean(benign), middle))
    # Sherman, Morrison & Woodbury: (S + B)^-1 by S^-1 and as many numbers as there are classes.
    crossed = within.inner(from_all, between)
    inner = within.inner(between, between)
    inner = inner + torch.eye(len(parts), dtype=inner.dtype, device=inner.device)
    shared = (crossed * torch.linalg.solve(inner, crossed.mT).mT).sum(-1)
    relative = within.length(from_class) - within.length(from_all) + shared
    # Without any variance two infinite distances would be compared.
    return torch.where(within.off > _FLOOR, relative, within.length(from_class))


def nearest_neighbour(benign: Tensor, rows: Tensor) -> Tensor:
    """Distance to the k-th nearest benign row, of rows scaled to length 1 (Sun et al. 2022).

    k is `NEIGHBOURS` (https://arxiv.org/abs/2204.06507).
    """
    known, asked = (torch.nn.functional.normalize(side.double(), dim=-1) for side in (benign, rows))
    near = torch.cdist(asked, known, compute_mode="donot_use_mm_for_euclid_dist")
    return near.kthvalue(NEIGHBOURS, dim=-1).values


def reconstruction_error(benign: Tensor, rows: Tensor) -> Tensor:
    """Squared length of what the benign principal components leave of a row.

    The largest components that together hold `KEPT_VARIANCE` of the variance are kept.
    """
    found = Shrunk.of(benign)
    # In rising order: what lies along a component and all smaller ones.
    small = found.raw.cumsum(-1) <= (1 - KEPT_VARIANCE) * found.raw.sum(-1, keepdim=True)
    residual = rows.double() - _mean(benign)
    inside = (residual @ found.basis.mT) ** 2
    kept = torch.where(small[..., None, :], 0.0, inside).sum(-1)
    return ((residual**2).sum(-1) - kept).clamp(min=0)


def _mean(rows: Tensor) -> Tensor:
    """Mean of rows in float64, (..., 1, d); exactly the rows where they are all alike."""
    first = rows[..., :1, :].double()
    return first + (rows.double() - first).mean(-2, keepdim=True)


Detector = Callable[[Tensor, Tensor, Sequence[Tensor]], Tensor]

DETECTORS: dict[str, Detector] = {
    "Mahalanobis": lambda benign, rows, _: mahalanobis(benign, rows),
    "relative Mahalanobis": relative_mahalanobis,
    "nearest neighbour": lambda benign, rows, _: nearest_neighbour(benign, rows),
    "PCA reconstruction": lambda benign, rows, _: reconstruction_error(benign, rows),
}
"""By name, the headline first: takes benign rows, rows to score, and benign rows everywhere."""
