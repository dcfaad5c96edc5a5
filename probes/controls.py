"""What a probe must be compared with before its AUROC means anything."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.evaluation import Resamples, estimate
from probes.grid import probe_scores
from probes.metrics import Flags, Integers, auroc, column_aurocs
from scratchpad.statistics import Estimate


def shuffled_labels(
    probe: str,
    features: NDArray[np.float32],
    labels: Flags,
    folds: Integers,
    rows: Flags,
    resamples: Resamples,
    *,
    shuffles: int,
    seed: int,
) -> Estimate:
    """Fit the probe to labels dealt out at random: AUROC above .5 is what it can memorise.

    The probe's AUROC minus this one is its selectivity (Hewitt & Liang 2019).

    Returns
    -------
    Estimate
        The mean over the shuffles; its interval holds the middle 95 % of them.
    """
    generator = np.random.default_rng(seed)
    dealt = np.tile(labels, (shuffles, 1))
    for one in dealt:
        one[rows] = generator.permutation(labels[rows])
    scored = probe_scores(probe, features, dealt, folds, rows, device=resamples.device)
    held_out = np.stack([scores.held_out[rows] for scores in scored])
    found = column_aurocs(dealt[:, rows], held_out, folds[rows])
    low, high = np.nanpercentile(found, [2.5, 97.5])
    return Estimate(float(np.nanmean(found)), float(low), float(high), resamples.groups_in(rows))


class RandomDirections(NamedTuple):
    """AUROC of the best random direction, and of the one that beats 95 % of them."""

    best: Estimate
    p95: Estimate


def random_directions(
    features: NDArray[np.float32],
    labels: Flags,
    folds: Integers,
    rows: Flags,
    resamples: Resamples,
    *,
    count: int,
    seed: int,
) -> RandomDirections:
    """Score by directions drawn at random in the space of the raw activations.

    Nothing is fitted, but the best of many is chosen on the very labels that it is judged by:
    compare a probe's held-out AUROC with both numbers. AUROCs are raw, not folded at .5; a
    direction and its opposite are equally likely. In MacDiarmid et al. 2024 the best of 1000 had
    95.3 %. The intervals are those of the two directions as chosen.
    """
    normal = np.random.default_rng(seed).standard_normal((features.shape[1], count))
    scores = np.full((len(labels), count), np.nan)
    scores[rows] = features[rows] @ normal
    order = np.argsort(column_aurocs(labels[rows][None], scores[rows].T, folds[rows]))
    chosen = order[-1], order[int(np.ceil(0.95 * count)) - 1]
    best, p95 = (estimate(auroc, labels, scores[:, one], folds, resamples) for one in chosen)
    return RandomDirections(best, p95)
