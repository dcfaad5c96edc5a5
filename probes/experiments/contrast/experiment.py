"""Generic directions applied to what a model did: no label has a part in fitting them.

A direction is fitted to the last tokens of contrast pairs, layer by layer, and applied at every
position of the transcripts. Labels only judge it, and choose its layer on the other folds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from probes import contrasts
from probes.crossvalidation import Choice, Scores, choose
from probes.experiments.contrast.sets import ContrastSet
from probes.experiments.detection.experiment import Cell, Experiment
from probes.metrics import Floats
from scratchpad.statistics import Estimate

RESTARTS = 10

METHODS: dict[str, Callable[[Tensor, Tensor, int], Tensor]] = {
    "difference of means": lambda yes, no, _: (yes - no).double().mean(-2),
    "PCA contrast": lambda yes, no, _: contrasts.first_component(yes, no).directions,
    "CCS": lambda yes, no, seed: (
        contrasts.contrast_consistent(yes, no, restarts=RESTARTS, seed=seed).directions
    ),
}
"""From the two sides of pairs, (layers, pairs, width), and a seed to directions (layers, width).

The difference of means takes one pair; the others raise `DataError` below two.
"""


class Direction(NamedTuple):
    """Which pairs a direction comes from, how, and where it is applied."""

    contrast: str
    method: str
    position: str


@dataclass(frozen=True)
class PairActivations:
    """A set with the activations of its answers' last tokens, (pairs, layers, width) a side."""

    contrast: ContrastSet
    positive: NDArray[np.float32]
    negative: NDArray[np.float32]


def fit_directions(pairs: PairActivations, method: str, seed: int) -> Floats:
    """Fit a direction at every layer, (layers, width), that points to a defection if to any.

    Raises
    ------
    DataError
        If there are fewer pairs than the method takes.
    """
    yes, no = (torch.from_numpy(side).transpose(0, 1) for side in (pairs.positive, pairs.negative))
    found: Floats = METHODS[method](yes, no, seed).numpy() * pairs.contrast.sign
    return found


def methods_for(contrast: ContrastSet) -> Iterator[str]:
    """The methods that a set has enough pairs for."""
    yield from list(METHODS)[: 1 if len(contrast.pairs) == 1 else None]


def applied(
    experiment: Experiment, sets: Sequence[PairActivations]
) -> dict[Direction, dict[int, Scores]]:
    """Score every transcript at every position and layer, by the directions of that layer."""
    found: dict[Direction, dict[int, Scores]] = {}
    for pairs in sets:
        for method in methods_for(pairs.contrast):
            directions = fit_directions(pairs, method, experiment.seed)
            for position in experiment.positions:
                found[Direction(pairs.contrast.name, method, position)] = {
                    layer: _scores(experiment, Cell(position, layer, method), direction)
                    for layer, direction in zip(
                        experiment.activations.layers, directions, strict=True
                    )
                }
    return found


class Chosen(NamedTuple):
    """A layer, and the sign that a control's scores get there; all others keep theirs, 1."""

    layer: int
    sign: int


def layers_chosen(
    experiment: Experiment,
    sets: Sequence[ContrastSet],
    scores: Mapping[Direction, Mapping[int, Scores]],
) -> dict[Direction, Choice[Chosen]]:
    """Choose the layer of every direction for each fold on the other folds.

    Nothing says which side of a control a defection should lie on, so that its sign is chosen in
    the same way: a control is as good as it could be.
    """
    signs = {one.name: (1, -1) if one.expected == "none" else (1,) for one in sets}
    return {
        direction: choose(
            {
                Chosen(layer, sign): Scores(sign * found.held_out, sign * found.inner)
                for layer, found in by_layer.items()
                for sign in signs[direction.contrast]
            },
            experiment.examples.labels,
            experiment.folds,
        )
        for direction, by_layer in scores.items()
    }


def folded(value: Estimate) -> Estimate:
    """AUROC as it would be with the better of the two signs: never below .5, so biased upwards."""
    if value.estimate is None or value.low is None or value.high is None or value.estimate >= 0.5:
        return value
    return Estimate(1 - value.estimate, 1 - value.high, 1 - value.low, value.n)


def _scores(experiment: Experiment, cell: Cell, direction: Floats) -> Scores:
    """The same scores wherever a row may be looked at: nothing was fitted to any row."""
    scores: Floats = experiment.features(cell).astype(np.float64) @ direction
    inner = np.repeat(scores[:, None], experiment.config.folds, axis=1)
    inner[np.arange(len(scores)), experiment.folds] = np.nan
    return Scores(scores, inner)
