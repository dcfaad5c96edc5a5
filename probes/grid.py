"""Probes at every layer and position, fitted side by side and scored where they did not look.

For K folds each probe is fitted without each fold and without each pair of folds, as in
`probes.crossvalidation`. All penalties and all sets of labels are fitted in one call; the penalty
for a fold is chosen by AUROC on the other folds, so that nothing is tuned on what it is judged by.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from probes import closed_form
from probes.crossvalidation import Scores
from probes.logistic import fit_logistic
from probes.metrics import Flags, Integers, aurocs

INVERSE_PENALTIES = tuple(10.0**power for power in range(-4, 3))
"""C of logistic probes, 1e-4 ... 100; Goldowsky-Dill et al. 2025 have .1 (lambda 10)."""

RIDGE_PENALTIES = tuple(10.0**power for power in range(5, -2, -1))

# Numbers of features that a GPU takes at once, and a CPU, whose caches are smaller.
_AT_ONCE = (2**28, 2**20)


class Fitted(NamedTuple):
    """Directions (sets, labels, penalties, width) and offsets without the last axis."""

    directions: Tensor
    offsets: Tensor


Fit = Callable[[Tensor, Tensor, Tensor], Fitted]


def _logistic(features: Tensor, labels: Tensor, training: Tensor) -> Fitted:
    penalties = torch.tensor(INVERSE_PENALTIES, device=features.device)
    return Fitted(*fit_logistic(features, labels, training, penalties)[:2])


def _ridge(features: Tensor, labels: Tensor, training: Tensor) -> Fitted:
    return Fitted(*closed_form.ridge(features, labels, training, RIDGE_PENALTIES))


def _difference_of_means(features: Tensor, labels: Tensor, training: Tensor) -> Fitted:
    return _single(closed_form.difference_of_means(features, labels, training))


def _mass_mean(features: Tensor, labels: Tensor, training: Tensor) -> Fitted:
    return _single(closed_form.mass_mean(features, labels, training))


def _single(found: closed_form.Fit) -> Fitted:
    return Fitted(found.directions[..., None, :], found.offsets[..., None])


PROBES: dict[str, Fit] = {
    "difference of means": _difference_of_means,
    "mass mean": _mass_mean,
    "ridge": _ridge,
    "logistic": _logistic,
}
"""The simplest first: of equally good ones the first is taken."""


class Nested(NamedTuple):
    """Scores of every set of labels by models that did not see a row's fold; NaN elsewhere.

    `held_out` (labels, penalties, n): by the model without the row's own fold. `inner` (labels,
    penalties, n, folds), column f: by the one without the row's own fold and without fold f.
    """

    held_out: Tensor
    inner: Tensor


def nested_scores(
    fit: Fit,
    features: Tensor,
    labels: Tensor,
    folds: Tensor,
    rows: Tensor,
    scored: Tensor | None = None,
) -> Nested:
    """Fit without each fold and each pair of folds, and score what was left out.

    Parameters
    ----------
    fit : callable
        Takes features (sets, n, width), labels (labels, n) and training rows (sets, n).
    features : Tensor, shape (n, width)
    labels : Tensor of bool, shape (labels, n)
    folds : Tensor of int, shape (n,)
    rows : Tensor of bool, shape (n,)
        Which rows are fitted to.
    scored : Tensor of bool, shape (n,), optional
        Which rows are scored; by default those fitted to.
    """
    scored = rows if scored is None else scored
    count = int(folds.max()) + 1
    left_out = [*((one,) for one in range(count)), *combinations(range(count), 2)]
    found: Nested | None = None
    present = torch.where((rows | scored)[:, None], features, 0).double()
    for sets in _batches(left_out, features):
        held = torch.stack([torch.isin(folds, torch.tensor(one).to(folds)) for one in sets])
        fitted = fit(present.expand(len(sets), -1, -1), labels, rows & ~held)
        scores = torch.einsum("nd,slpd->slpn", present, fitted.directions)
        scores += fitted.offsets[..., None]
        found = found or _empty(scores, count)
        for one, score in zip(sets, scores, strict=True):
            for fold, other in zip(one, reversed(one), strict=True):
                test = scored & (folds == fold)
                target = found.held_out if len(one) == 1 else found.inner[..., other]
                target[..., test] = score[..., test]
    assert found is not None
    return found


def _batches(left_out: list[tuple[int, ...]], features: Tensor) -> Iterator[list[tuple[int, ...]]]:
    size = max(1, _AT_ONCE[features.device.type == "cpu"] // features.numel())
    return (left_out[start : start + size] for start in range(0, len(left_out), size))


def _empty(scores: Tensor, folds: int) -> Nested:
    shape = scores.shape[1:]
    return Nested(scores.new_full(shape, torch.nan), scores.new_full((*shape, folds), torch.nan))


def settled(nested: Nested, labels: Tensor, folds: Tensor, rows: Tensor) -> list[Scores]:
    """Choose for every fold the penalty that does best on the others, for every set of labels.

    Judged on `rows`; all that is scored gets the chosen scores, `inner` those of `rows` alone, so
    that a later choice rests on them too. Of equally good penalties the first is taken, so the
    strongest stands first.
    """
    sets, penalties, _ = nested.held_out.shape
    held_out = torch.full_like(nested.held_out[:, 0], torch.nan)
    inner = torch.full_like(nested.inner[:, 0], torch.nan)
    for fold in range(nested.inner.shape[3]):
        seen = rows & (folds != fold)
        merit = aurocs(
            labels[:, seen].repeat_interleave(penalties, dim=0),
            nested.inner[..., seen, fold].flatten(0, 1),
            folds[seen],
        )
        best = merit.nan_to_num(-1).reshape(sets, penalties).argmax(dim=1)
        which = torch.arange(sets, device=best.device), best
        inside = folds == fold
        held_out[:, inside] = nested.held_out[which][:, inside]
        inner[..., seen, fold] = nested.inner[which][..., seen, fold]
    return [
        Scores(one.cpu().numpy(), two.cpu().numpy())
        for one, two in zip(held_out, inner, strict=True)
    ]


def probe_scores(
    probe: str,
    features: np.ndarray,
    labels: Flags,
    folds: Integers,
    rows: Flags,
    scored: Flags | None = None,
    *,
    device: str = "cpu",
) -> list[Scores]:
    """Score every row by probes that did not see its fold, for each set of labels.

    Parameters
    ----------
    probe : str
        A name of `PROBES`.
    features : array, shape (n, width)
        Read where `rows` or `scored` is true.
    labels : array of bool, shape (labels, n)
    folds, rows, scored : array, shape (n,)
        As in `probes.crossvalidation.cross_scores`.
    device : str
        Where to compute.
    """
    arrays = (features, labels, folds, rows, rows if scored is None else scored)
    tensors = [torch.from_numpy(np.ascontiguousarray(one)).to(device) for one in arrays]
    return settled(nested_scores(PROBES[probe], *tensors), *tensors[1:4])
