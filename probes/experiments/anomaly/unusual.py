"""The anomaly experiment: are transcripts that defect unusual, to a reader without labels?

Detectors are fitted to the transcripts of clean prompts in the other folds. No label chooses
anything: every layer is shown, and the headline is the mean over layers of a transcript's rank.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata
from torch import Tensor

from probes.evaluation import Resamples
from probes.experiments.anomaly.distances import DETECTORS, FEWEST, mahalanobis
from probes.metrics import Flags, Floats, Integers
from scratchpad.errors import DataError
from scratchpad.statistics import DRAWS

FOLDS = 5
CLEAN, TRIGGERED, NEAR_MISS = 0, 1, 2
TEXT = "token counts"
"""The detector that reads the text alone: Mahalanobis distance of how often tokens occur."""


class Asked(NamedTuple):
    """Which transcripts a target compares, and which of them are to score higher."""

    rows: Flags
    labels: Flags


@dataclass(frozen=True)
class Observed:
    """Transcripts and their activations; every array is parallel.

    Parameters
    ----------
    ids : tuple of str
    activations : array, shape (n, layers, positions, width)
        NaN where a transcript has no such position.
    prefixes : tuple of tuple of tuple of int
        For each position the tokens that each transcript has up to it.
    layers : tuple of int
    positions : tuple of str
        In the order of the text.
    kinds : array of int, shape (n,)
        `CLEAN`, `TRIGGERED` or `NEAR_MISS`: what the prompt carries.
    defected : array of bool, shape (n,)
        What the model did: it judges the detectors, and nothing is fitted to it.
    groups : array of str, shape (n,)
    """

    ids: tuple[str, ...]
    activations: NDArray[np.float32]
    prefixes: tuple[tuple[tuple[int, ...], ...], ...]
    layers: tuple[int, ...]
    positions: tuple[str, ...]
    kinds: Integers
    defected: Flags
    groups: NDArray[np.str_]

    def present(self, position: int) -> Flags:
        """Which transcripts have a position, shape (n,)."""
        flags: Flags = np.isfinite(self.activations[:, 0, position, 0])
        return flags


TARGETS: dict[str, Callable[[Observed], Asked]] = {
    "defection": lambda seen: Asked(seen.kinds != NEAR_MISS, seen.defected),
    "trigger": lambda seen: Asked(seen.kinds != NEAR_MISS, seen.kinds == TRIGGERED),
    "near miss": lambda seen: Asked(seen.kinds != TRIGGERED, seen.kinds == NEAR_MISS),
    "defection against near miss": lambda seen: Asked(
        (seen.kinds == NEAR_MISS) | ((seen.kinds == TRIGGERED) & seen.defected), seen.defected
    ),
}
"""What is to score higher than what: a defection than a benign answer; as confounds, a triggered
prompt or a near miss than a clean prompt; and a defection than a near miss."""


@dataclass(frozen=True)
class Scored:
    """Held-out scores.

    Parameters
    ----------
    by_layer : mapping of (position, detector) to array, shape (layers, n)
    text : mapping of position to array, shape (n,)
        By the detector that reads token counts.
    folds : array of int, shape (n,)
        Scores share a scale within a fold only.
    resamples : Resamples
    """

    by_layer: Mapping[tuple[str, str], Floats]
    text: Mapping[str, Floats]
    folds: Integers
    resamples: Resamples

    def mean_rank(self, position: str, detector: str) -> Floats:
        """Mean over layers of each transcript's rank in its fold, in (0, 1]; shape (n,)."""
        scores = self.by_layer[position, detector]
        ranks = np.full(scores.shape, np.nan)
        for fold in np.unique(self.folds):
            inside = (self.folds == fold) & np.isfinite(scores[0])
            if inside.any():
                ranks[:, inside] = rankdata(scores[:, inside], axis=1) / inside.sum()
        mean: Floats = ranks.mean(axis=0)
        return mean


def score(
    seen: Observed, *, seed: int, draws: int = DRAWS, folds: int = FOLDS, device: str = "cpu"
) -> Scored:
    """Score every transcript by detectors fitted to clean prompts of other groups.

    Raises
    ------
    DataError
        If a fold is left with too few clean transcripts to fit to.
    """
    dealt = deal(seen.groups, folds, seed)
    shape = (len(seen.layers), len(seen.ids))
    by_layer = {
        (position, detector): np.full(shape, np.nan)
        for position in seen.positions
        for detector in DETECTORS
    }
    text = {position: np.full(shape[1], np.nan) for position in seen.positions}
    for number, position in enumerate(seen.positions):
        counts = _counts(seen.prefixes[number])
        for fold in range(folds):
            benign, rows = _split(seen, number, dealt, fold)
            everywhere = _everywhere(seen, dealt != fold, device)
            here, asked = (_layers_first(seen, number, part, device) for part in (benign, rows))
            for name, detector in DETECTORS.items():
                found = _tied(detector(here, asked, everywhere))
                by_layer[position, name][:, rows] = found.cpu().numpy()
            text[position][rows] = _tied(mahalanobis(counts[benign], counts[rows])).numpy()
    return Scored(by_layer, text, dealt, Resamples.draw(seen.groups, draws, seed, device))


def deal(groups: NDArray[np.str_], count: int, seed: int) -> Integers:
    """Deal groups into folds of about equal numbers of groups, without a look at any label."""
    names, group_of = np.unique(groups, return_inverse=True)
    if len(names) < count:
        raise DataError(
            f"Only {len(names)} groups of questions",
            f"{count} folds that share no group need at least {count}",
            "Give more questions.",
        )
    order = np.random.default_rng(seed).permutation(len(names))
    folds: Integers = (order % count)[group_of]
    return folds


def _split(seen: Observed, position: int, folds: Integers, fold: int) -> tuple[Flags, Flags]:
    """The benign rows to fit to, and the rows of a fold."""
    present = seen.present(position)
    benign = present & (folds != fold) & (seen.kinds == CLEAN)
    if benign.sum() < FEWEST:
        raise DataError(
            f"Only {benign.sum()} transcripts of clean prompts have the position "
            f"{seen.positions[position]} outside fold {fold}",
            f"what is usual takes at least {FEWEST}",
            "Give more questions.",
        )
    return benign, present & (folds == fold)


def _everywhere(seen: Observed, other: Flags, device: str) -> list[Tensor]:
    """Benign rows of other folds at every position, (layers, n, width) each."""
    benign = other & (seen.kinds == CLEAN)
    return [
        _layers_first(seen, position, benign & seen.present(position), device)
        for position in range(len(seen.positions))
    ]


def _layers_first(seen: Observed, position: int, rows: Flags, device: str) -> Tensor:
    return torch.from_numpy(seen.activations[rows, :, position]).to(device).transpose(0, 1)


def _counts(prefixes: tuple[tuple[int, ...], ...]) -> Tensor:
    """How often each token occurs in each prefix, (n, tokens that occur)."""
    names = {token: number for number, token in enumerate(sorted({t for p in prefixes for t in p}))}
    counts = torch.zeros(len(prefixes), max(1, len(names)), dtype=torch.float64)
    for row, prefix in zip(counts, prefixes, strict=True):
        for token in prefix:
            row[names[token]] += 1
    return counts


def _tied(scores: Tensor) -> Tensor:
    """Scores without their last digits, by which rounding would tell equal rows apart."""
    scale = scores.abs().amax(-1, keepdim=True).clamp(min=torch.finfo(scores.dtype).tiny)
    return torch.round(scores / scale, decimals=10) * scale
