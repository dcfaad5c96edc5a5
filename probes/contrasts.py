"""Directions from contrast pairs, for many layers and positions at once.

A pair is one text with two endings: `yes` and `no` hold the activations of the two, with equal
shapes (..., n, d), pair by pair. The leading dimensions are whatever is fitted side by side. All
functions work in float64 on the device of the pairs and give a `Fit` without a labelling:
directions of shape (..., d), offsets of shape (...). A direction points to where `yes` lies on
average. They raise DataError if the sides differ in shape, hold fewer than 2 pairs or a number
that is not finite.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from probes.closed_form import Fit
from scratchpad.errors import DataError

# Burns et al. take 1000 steps of .001. On planted directions 300 of .03 come within 1e-7 of the
# loss after 5000 of .01, wherever the loss has a minimum (it has none where all pairs obey).
_STEPS = 300
_RATE = 0.03
_DECAY = 0.01


def mean_difference(yes: Tensor, no: Tensor) -> Fit:
    """Take the mean of the differences of the pairs (MacDiarmid et al. 2024).

    0 lies half-way between the two sides.
    """
    yes, no = _checked(yes, no)
    return _halfway((yes - no).mean(-2), yes, no)


def first_component(yes: Tensor, no: Tensor) -> Fit:
    """Take the first principal component of the differences of the pairs (Zou et al. 2023).

    Differences have length 1 each, so that no pair outweighs another, and are taken about the
    origin: Zou et al. deal out the order within pairs at random, which moves the mean of the
    differences there, and this is what that converges to. The direction has length 1; 0 lies
    half-way between the two sides.
    """
    yes, no = _checked(yes, no)
    differences = normalize(yes - no, dim=-1)
    component = torch.linalg.svd(differences, full_matrices=False).Vh[..., 0, :]
    sign = torch.sign((component * differences.mean(-2)).sum(-1, keepdim=True))
    return _halfway(sign * component, yes, no)


def contrast_consistent(yes: Tensor, no: Tensor, *, restarts: int, seed: int) -> Fit:
    """Search a direction that gives the two sides of a pair opposite answers (CCS).

    With p(x) the probability of a logistic probe, minimises the mean over pairs of
    `(p(yes) - (1 - p(no)))^2 + min(p(yes), p(no))^2` from several random directions and keeps the
    one with the lowest loss (Burns et al. 2022, https://arxiv.org/abs/2212.03827, section 2.2).

    Each side is normalised by its own mean, so that the direction cannot be the one that tells
    the sides apart, and by its own standard deviation. The latter is one number for all
    features: thus both sides share one direction among raw activations.

    Parameters
    ----------
    yes, no : Tensor, shape (..., n, d)
    restarts, seed : int
        Every layer and position starts from the same directions, whatever it is fitted with.

    Returns
    -------
    Fit
        A raw activation is scored as if it were half-way between the two sides. Which answer of
        the two is called true, the loss does not know: where `yes` is true as often as `no`,
        settle the sign by a few labels.
    """
    yes, no = _checked(yes, no)
    middle, scale, normal = zip(*(_normalise(side) for side in (yes, no)), strict=True)
    weights, bias = _search(normal[0], normal[1], restarts, seed)
    # What never varies keeps the weight that it started from.
    weights = torch.where(((normal[0] != 0) | (normal[1] != 0)).any(-2), weights, 0.0)
    sign = torch.sign((weights * (middle[0] - middle[1])).sum(-1))
    direction = sign[..., None] * weights * (1 / scale[0] + 1 / scale[1]) / 2
    centred = _halfway(direction, yes, no)
    return Fit(direction, centred.offsets + sign * bias)


def _checked(yes: Tensor, no: Tensor) -> tuple[Tensor, Tensor]:
    if yes.shape != no.shape:
        raise DataError(
            f"The sides have shapes {tuple(yes.shape)} and {tuple(no.shape)}",
            "each row of one is a pair with the same row of the other",
            "Give both sides of every pair.",
        )
    if yes.shape[-2] < 2:
        raise DataError(
            f"Sides of shape {tuple(yes.shape)}",
            "a direction takes at least 2 pairs",
            "Give more pairs.",
        )
    if not bool((torch.isfinite(yes) & torch.isfinite(no)).all()):
        raise DataError("Contrast pairs hold NaN or infinity", fix="Leave such pairs out.")
    return yes.to(torch.float64), no.to(torch.float64)


def _halfway(direction: Tensor, yes: Tensor, no: Tensor) -> Fit:
    middle = (yes.mean(-2) + no.mean(-2)) / 2
    return Fit(direction, -(direction * middle).sum(-1))


def _normalise(side: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Mean, standard deviation (1 where there is none) and what is left."""
    # Less a row of its own, a side that never varies is 0 without a rounding error.
    reference = side[..., :1, :]
    shifted = side - reference
    middle = shifted.mean(-2, keepdim=True)
    centred = shifted - middle
    scale = (centred**2).mean((-2, -1)).sqrt()[..., None]
    scale = torch.where(scale > 0, scale, 1.0)
    return (reference + middle)[..., 0, :], scale, centred / scale[..., None]


def _search(yes: Tensor, no: Tensor, restarts: int, seed: int) -> tuple[Tensor, Tensor]:
    dimension = yes.shape[-1]
    start = torch.zeros(restarts, dimension + 1, dtype=yes.dtype)
    generator = torch.Generator().manual_seed(seed)
    start[:, :-1] = normalize(
        torch.randn(restarts, dimension, dtype=yes.dtype, generator=generator)
    )
    parameters = start.to(yes.device).expand(*yes.shape[:-2], -1, -1).clone().requires_grad_()
    # Adam scales every number by its own gradients: what is fitted side by side does not mix.
    optimiser = torch.optim.AdamW([parameters], lr=_RATE, weight_decay=_DECAY)
    for _ in range(_STEPS):
        optimiser.zero_grad()
        _loss(parameters, yes, no).sum().backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        best = _loss(parameters, yes, no).argmin(-1)[..., None, None]
        chosen = torch.take_along_dim(parameters, best, dim=-2)[..., 0, :]
    return chosen[..., :-1], chosen[..., -1]


def _loss(parameters: Tensor, yes: Tensor, no: Tensor) -> Tensor:
    """Consistency and confidence, (..., restarts)."""
    weights, bias = parameters[..., :-1], parameters[..., -1:]
    one, other = (torch.sigmoid(weights @ side.mT + bias) for side in (yes, no))
    return ((one + other - 1) ** 2 + torch.minimum(one, other) ** 2).mean(-1)
