"""What generic directions tell, as tables: at every layer, and with the layer chosen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pandas import DataFrame

from probes.controls import RandomDirections, random_directions
from probes.crossvalidation import Choice, Scores
from probes.experiments.contrast.experiment import Chosen, Direction, folded
from probes.experiments.contrast.sets import ContrastSet
from probes.experiments.detection.experiment import Cell, Experiment
from probes.layers import hook_name
from probes.metrics import Floats, column_aurocs
from scratchpad.statistics import Estimate

Randoms = Mapping[tuple[str, int], RandomDirections]


def randoms_of(experiment: Experiment) -> dict[tuple[str, int], RandomDirections]:
    """The best and the 95th of many random directions at every position and layer."""
    return {
        (position, layer): random_directions(
            experiment.features(Cell(position, layer, "")),
            experiment.examples.labels,
            experiment.folds,
            experiment.rows(position),
            experiment.resamples,
            count=experiment.config.random_directions,
            seed=experiment.seed,
        )
        for position in experiment.positions
        for layer in experiment.activations.layers
    }


def layer_table(
    experiment: Experiment,
    sets: Sequence[ContrastSet],
    scores: Mapping[Direction, Mapping[int, Scores]],
    randoms: Randoms,
) -> DataFrame:
    """One row per set, method, position and layer, with the random directions there."""
    expected = {one.name: one.expected for one in sets}
    return DataFrame(
        {
            **_named(direction, expected[direction.contrast]),
            "layer": layer,
            "hook": hook_name(layer),
            **_auroc(experiment.auroc(found.held_out)),
            "random_best": randoms[direction.position, layer].best.estimate,
            "random_p95": randoms[direction.position, layer].p95.estimate,
        }
        for direction, by_layer in scores.items()
        for layer, found in by_layer.items()
    )


def choice_table(
    experiment: Experiment,
    sets: Sequence[ContrastSet],
    chosen: Mapping[Direction, Choice[Chosen]],
    texts: Mapping[str, Choice[str]],
) -> DataFrame:
    """One row per set, method and position: the layer chosen on other folds, and comparisons."""
    expected = {one.name: one.expected for one in sets}
    rows = []
    for direction, choice in chosen.items():
        text = texts[direction.position]
        raw = experiment.auroc(choice.scores)
        control = best_control(experiment, sets, chosen, direction)
        rows.append(
            {
                **_named(direction, expected[direction.contrast]),
                "layer": choice.favourite.layer,
                **_auroc(raw),
                **_prefixed("folded", folded(raw)),
                "reader": text.favourite,
                **_prefixed("text_auroc", experiment.auroc(text.scores)),
                **_prefixed("minus_text", experiment.auroc_minus(choice.scores, text.scores)),
                **_prefixed("minus_control", minus_control(experiment, choice.scores, control)),
            }
        )
    return DataFrame(rows)


def best_control(
    experiment: Experiment,
    sets: Sequence[ContrastSet],
    chosen: Mapping[Direction, Choice[Chosen]],
    direction: Direction,
) -> Floats | None:
    """Scores of the control set that does best in the same place."""
    names = [one.name for one in sets if one.expected == "none" and one.name != direction.contrast]
    beside = [direction._replace(contrast=name) for name in names]
    found = [chosen[one].scores for one in beside if one in chosen]
    return max(found, key=lambda scores: _plain_auroc(experiment, scores), default=None)


def _plain_auroc(experiment: Experiment, scores: Floats) -> float:
    """AUROC without an interval."""
    rows = np.isfinite(scores)
    labels, folds = experiment.examples.labels[rows], experiment.folds[rows]
    return float(column_aurocs(labels[None], scores[rows][None], folds)[0])


def minus_control(experiment: Experiment, scores: Floats, control: Floats | None) -> Estimate:
    """AUROC of a direction less that of the best control, paired."""
    if control is None:
        return Estimate.undefined(len(np.unique(experiment.examples.groups)), "no control set")
    return experiment.auroc_minus(scores, control)


def _named(direction: Direction, expected: str) -> dict[str, Any]:
    return {
        "set": direction.contrast,
        "expected": expected,
        "method": direction.method,
        "position": direction.position,
    }


def _auroc(value: Estimate) -> dict[str, Any]:
    return {"auroc": value.estimate, "low": value.low, "high": value.high, "n": value.n}


def _prefixed(name: str, value: Estimate) -> dict[str, Any]:
    return {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
