"""The direction that steers: chosen and fitted on some groups, judged on the others."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from probes.captured import Captured
from probes.crossvalidation import choose
from probes.evaluation import Resamples, estimate
from probes.examples import Examples
from probes.experiments.detection.experiment import Cell, DetectConfig, Experiment
from probes.fits import DifferenceOfMeans, LogisticProbe, MassMean, RidgeProbe
from probes.grid import probe_scores
from probes.metrics import Floats, auroc
from scratchpad.errors import unknown_name
from scratchpad.statistics import DRAWS, Estimate

FITS: dict[str, type[Any]] = {
    "difference of means": DifferenceOfMeans,
    "mass mean": MassMean,
    "ridge": RidgeProbe,
    "logistic": LogisticProbe,
}
"""Probes that can steer, by the names of `probes.grid.PROBES`, each with its usual penalty."""

_FOLDS = 5


class Found(NamedTuple):
    """A direction of length 1 that points to defection, where it was fitted, and its unit.

    `norm` is the mean norm of the residual stream there.
    """

    cell: Cell
    vector: Floats
    norm: float


def find_direction(examples: Examples, captured: Captured, probe: str, seed: int) -> Found:
    """Choose layer and position by held-out AUROC within these examples, and fit to all of them.

    Raises
    ------
    ConfigError
        If the probe is unknown.
    DataError
        If only one outcome occurs, or in too few groups.
    """
    if probe not in FITS:
        raise unknown_name("probe", probe, FITS)
    labels, groups = examples.labels, examples.groups
    fewest = min(len(np.unique(groups[labels == side])) for side in (True, False))
    config = DetectConfig(folds=max(3, min(_FOLDS, fewest)))
    experiment = Experiment.deal(examples, captured, config, seed)
    cells = [
        Cell(position, layer, probe)
        for position in experiment.positions
        for layer in captured.layers
    ]
    scores = {
        cell: probe_scores(
            probe,
            experiment.features(cell),
            labels[None],
            experiment.folds,
            experiment.rows(cell.position),
        )[0]
        for cell in cells
    }
    best = choose(scores, labels, experiment.folds).favourite
    rows = experiment.rows(best.position)
    features = experiment.features(best)[rows]
    direction = FITS[probe]().fit(features, labels[rows]).direction_
    norms = np.linalg.norm(features, axis=1)
    return Found(best, direction / np.linalg.norm(direction), float(norms.mean()))


def held_out_auroc(found: Found, examples: Examples, captured: Captured, seed: int) -> Estimate:
    """AUROC of the direction on examples that it was not fitted to."""
    column = examples.position_names.index(found.cell.position)
    features = captured.layer(found.cell.layer)[:, column]
    resamples = Resamples.draw(examples.groups, DRAWS, seed)
    together = np.zeros(len(examples.ids), dtype=np.intp)
    scores = features.astype(np.float64) @ found.vector
    return estimate(auroc, examples.labels, scores, together, resamples)


def random_units(count: int, width: int, seed: int) -> Floats:
    """Directions of length 1 drawn evenly from all, (count, width)."""
    drawn = np.random.default_rng(seed).standard_normal((count, width))
    units: Floats = drawn / np.linalg.norm(drawn, axis=1, keepdims=True)
    return units
