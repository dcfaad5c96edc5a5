"""L2 logistic regression for many labels and penalties at once, on CPU or GPU.

All that is fitted to the same rows of the same features - every penalty, every set of shuffled
labels - is a column of one problem, so that the work is products of matrices. Features are
rotated into their principal axes, where one diagonal matrix preconditions every column of a
limited-memory BFGS (Nocedal & Wright 2006, algorithm 7.4); a rotation changes no solution.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import reduce
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import softplus

from probes.training_rows import centre_rows, components

TOLERANCE = 1e-11
"""Predicted fall of the objective, as a share of it, at which a column is done."""

MOST_ITERATIONS = 1000
_REMEMBERED = 3  # more history took no fewer iterations, and longer ones


class LinearFits(NamedTuple):
    """Affine scores in the space of the raw features.

    Parameters
    ----------
    directions : Tensor of float64, shape (batch, labels, penalties, width)
    offsets : Tensor of float64, shape (batch, labels, penalties)
    converged : Tensor of bool, shape (batch, labels, penalties)
    """

    directions: Tensor
    offsets: Tensor
    converged: Tensor


def fit_logistic(
    features: Tensor, labels: Tensor, training: Tensor, inverse_penalties: Tensor
) -> LinearFits:
    """Fit every set of labels with every penalty, on each batch element's training rows.

    Minimises `C * sum(log-loss) + |w|^2 / 2` with an unpenalised bias over features z-scored on
    the training rows: scikit-learn's objective. A column is done when a step promises to lower the
    objective by less than `TOLERANCE` of it, which was measured to leave it within 1e-9.

    Parameters
    ----------
    features : Tensor, shape (batch, rows, width)
        Finite. Computation is in float64 on their device.
    labels : Tensor of bool, shape (labels, rows)
        Both values must occur among the training rows of every batch element.
    training : Tensor of bool, shape (batch, rows)
        Which rows a batch element is fitted to.
    inverse_penalties : Tensor, shape (penalties,)
        C, larger: less regularised.

    Examples
    --------
    >>> features = torch.tensor([[[-2.0], [-1.0], [1.0], [2.0]]])
    >>> labels = torch.tensor([[False, False, True, True]])
    >>> fits = fit_logistic(features, labels, torch.ones(1, 4, dtype=torch.bool), torch.ones(1))
    >>> bool(fits.directions[0, 0, 0] > 0), float(fits.offsets.abs().max()) < 1e-6
    (True, True)
    """
    rows, present = _gathered(training)
    chosen = torch.take_along_dim(features, rows[..., None], dim=1)
    centred = centre_rows(chosen, present)
    deviation = (centred.rows.square().sum(dim=1) / centred.size).sqrt()
    scale = torch.where(deviation > 0, 1 / deviation, 0.0)[:, None]
    axes = components(centred.rows * scale)
    targets = labels.double()[:, rows].permute(1, 2, 0)
    penalty = (1 / inverse_penalties.double()).repeat(axes.scatter.shape[1] + 1, len(labels))
    penalty[-1] = 0
    problem = _Problem(
        torch.cat([axes.coordinates, present[..., None]], dim=2),
        torch.cat([axes.scatter, centred.size], dim=1)[..., None],
        present.double(),
        targets.repeat_interleave(len(inverse_penalties), dim=2),
        penalty,
    )
    weights, converged = _minimise(problem)
    directions = reduce(torch.matmul, axes.basis, weights[:, :-1].mT) * scale
    offsets = weights[:, -1] - (directions @ centred.mean.mT)[..., 0]
    shape = (len(features), len(labels), len(inverse_penalties))
    return LinearFits(
        directions.reshape(*shape, -1), offsets.reshape(shape), converged.reshape(shape)
    )


def _gathered(training: Tensor) -> tuple[Tensor, Tensor]:
    """Row numbers of each batch element's training rows, padded, and which are no padding."""
    counts = training.sum(dim=1)
    most = int(counts.max())
    rows = torch.sort(training, dim=1, descending=True, stable=True).indices[:, :most]
    return rows, torch.arange(most, device=training.device) < counts[:, None]


@dataclass(frozen=True)
class _Problem:
    """Columns that share their features; the last axis numbers them.

    `features` (batch, rows, axes) end with a column of ones for the bias, `squares` (batch, axes,
    1) are the squared lengths of their columns, `present` (batch, rows) of 0 and 1, `targets`
    (batch, rows, columns) of 0 and 1, `penalty` (axes, columns): none on the bias.
    """

    features: Tensor
    squares: Tensor
    present: Tensor
    targets: Tensor
    penalty: Tensor

    def columns(self, kept: Tensor) -> _Problem:
        """Keep some of the columns."""
        return replace(self, targets=self.targets[..., kept], penalty=self.penalty[:, kept])

    def start(self) -> Tensor:
        """No direction, and the bias that gives the share of positives; (batch, axes, columns)."""
        share = (self.targets * self.present[..., None]).sum(dim=1)
        share = share / self.present.sum(dim=1)[:, None]
        weights = self.features.new_zeros(len(self.features), *self.penalty.shape)
        weights[:, -1] = torch.logit(share)
        return weights

    def objective(self, weights: Tensor, logits: Tensor) -> Tensor:
        """Sum of log-losses with the penalty, (batch, columns)."""
        losses = softplus((1 - 2 * self.targets) * logits) * self.present[..., None]
        return losses.sum(dim=1) + (self.penalty * weights.square()).sum(dim=1) / 2

    def gradient(self, weights: Tensor, chances: Tensor) -> Tensor:
        """Gradient by weights, (batch, axes, columns), where positives have these chances."""
        errors = chances - self.targets
        return self.features.transpose(1, 2) @ errors + self.penalty * weights

    def preconditioner(self, chances: Tensor) -> Tensor:
        """Inverse diagonal of the Hessian were all losses equally curved."""
        curvature = chances * (1 - chances) * self.present[..., None]
        mean = curvature.sum(dim=1, keepdim=True) / self.present.sum(dim=1)[:, None, None]
        return 1 / (self.penalty + mean * self.squares)

    def step_length(self, weights: Tensor, logits: Tensor, move: Tensor, shift: Tensor) -> Tensor:
        """How far to go along `move`, which shifts the logits by `shift`; (batch, columns).

        Newton's method within a bracket: along a line no product of matrices is needed.
        """
        slope = (self.penalty * weights * move).sum(dim=1)
        bend = (self.penalty * move.square()).sum(dim=1)
        length = torch.ones_like(slope)
        squared = shift.square()
        low, high = torch.zeros_like(slope), torch.full_like(slope, torch.inf)
        for _ in range(3):
            chances = torch.sigmoid(torch.addcmul(logits, length[:, None], shift))
            first = (shift * (chances - self.targets)).sum(dim=1) + slope + length * bend
            second = (squared * chances * (1 - chances)).sum(dim=1) + bend
            low = torch.where(first <= 0, length, low)
            high = torch.where(first > 0, length, high)
            newton = length - first / second
            middle = torch.where(high.isinf(), 2 * low, (low + high) / 2)
            length = torch.where((newton > low) & (newton < high), newton, middle)
        return length


def _minimise(problem: _Problem) -> tuple[Tensor, Tensor]:
    """Weights (batch, axes, columns), and which converged (batch, columns)."""
    found = problem.start()
    converged = torch.zeros(len(found), found.shape[2], dtype=torch.bool, device=found.device)
    active = torch.arange(found.shape[2], device=found.device)
    weights, logits = found.clone(), problem.features @ found
    chances = torch.sigmoid(logits)
    gradient = problem.gradient(weights, chances)
    history: list[tuple[Tensor, Tensor, Tensor]] = []
    for _ in range(MOST_ITERATIONS):
        move = -_product(history, gradient, problem.preconditioner(chances))
        promised = -(gradient * move).sum(dim=1) / 2
        done = promised < TOLERANCE * problem.objective(weights, logits)
        kept = ~done.all(dim=0)
        if not kept.all():
            found[..., active], converged[:, active] = weights, done
            if not kept.any():
                break
            active, problem = active[kept], problem.columns(kept)
            weights, logits, gradient, move = (
                part[..., kept] for part in (weights, logits, gradient, move)
            )
            done = done[:, kept]
            history = [(s[..., kept], y[..., kept], r[..., kept]) for s, y, r in history]
        shift = problem.features @ move
        length = problem.step_length(weights, logits, move, shift)
        length = torch.where(done, 0.0, length)[:, None]
        step = length * move
        weights, logits = weights + step, torch.addcmul(logits, length, shift)
        chances = torch.sigmoid(logits)
        before, gradient = gradient, problem.gradient(weights, chances)
        change = gradient - before
        product = (step * change).sum(dim=1, keepdim=True)
        inverse = torch.where(product > 0, 1 / product, 0.0)
        history = [*history[1 - _REMEMBERED :], (step, change, inverse)]
    else:
        found[..., active], converged[:, active] = weights, done
    return found, converged


def _product(
    history: list[tuple[Tensor, Tensor, Tensor]], gradient: Tensor, preconditioner: Tensor
) -> Tensor:
    """The inverse Hessian that past steps imply, times the gradient (two-loop recursion)."""
    product, shares = gradient, []
    for step, change, inverse in reversed(history):
        shares.append(inverse * (step * product).sum(dim=1, keepdim=True))
        product = torch.addcmul(product, shares[-1], change, value=-1)
    product = preconditioner * product
    for (step, change, inverse), share in zip(history, reversed(shares), strict=True):
        share = share - inverse * (change * product).sum(dim=1, keepdim=True)
        product = torch.addcmul(product, share, step)
    return product
