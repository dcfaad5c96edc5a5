"""Transcripts that nothing is fitted to, scored by the probes that were chosen for the folds.

A group of questions that a fold holds is scored by the model fitted without that fold. A group that
no fold holds was seen by none of the models and is scored by all of them, each within its own fold:
scores of different models share no scale.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.captured import Activations
from probes.crossvalidation import Choice
from probes.examples import Examples
from probes.experiments.detection.experiment import Cell, Experiment
from probes.grid import probe_scores
from probes.metrics import Flags, Floats, Integers

CONTROL, NEAR_MISS = "control", "near miss"


@dataclass(frozen=True)
class Apart:
    """Transcripts beside those of the experiment, read at the same positions.

    Parameters
    ----------
    examples : Examples
    activations : Activations
        Of `examples.texts`.
    """

    examples: Examples
    activations: Activations


class Pairs(NamedTuple):
    """Which transcript is scored by the model of which fold; both (n,)."""

    rows: Integers
    folds: Integers


@dataclass(frozen=True)
class Scored:
    """Scores of transcripts set apart; arrays are parallel, one entry a pair.

    Parameters
    ----------
    examples : Examples
        The transcripts.
    rows, folds : array of int, shape (n,)
        Each pair's transcript, and the fold whose model scored it.
    cells : tuple of Cell
        What each fold's model reads.
    scores : array, shape (n,)
        NaN where a transcript lacks the position that the model reads.
    """

    examples: Examples
    rows: Integers
    folds: Integers
    cells: tuple[Cell, ...]
    scores: Floats

    @property
    def groups(self) -> NDArray[np.str_]:
        """The group of each pair's question."""
        return self.examples.groups[self.rows]

    @property
    def benign(self) -> Flags:
        """Which pairs have a score and a transcript that did not defect."""
        flags: Flags = np.isfinite(self.scores) & ~self.examples.labels[self.rows]
        return flags

    def benign_texts(self, fold: int) -> int:
        """Count the different benign texts that the model of a fold has scored."""
        prefixes = self.examples.prefix_ids(_column(self.examples, self.cells[fold]))
        return len({prefixes[row] for row in self.rows[self.benign & (self.folds == fold)]})


def score_apart(experiment: Experiment, choice: Choice[Cell], apart: Apart) -> Scored:
    """Score transcripts by each fold's chosen probe, fitted to the experiment's other folds."""
    examples, count = apart.examples, len(choice.keys)
    rows, folds = deal_apart(
        examples.groups, experiment.examples.groups, experiment.folds, count=count
    )
    scores = np.full(len(rows), np.nan)
    for cell in dict.fromkeys(choice.keys):
        column = _column(examples, cell)
        reads = np.array([key == cell for key in choice.keys])
        asked = reads[folds] & examples.present(column)[rows]
        if asked.any():
            features = apart.activations.layer(cell.layer)[rows[asked], column]
            scores[asked] = _held_out(experiment, cell, features, folds[asked])
    return Scored(examples, rows, folds, choice.keys, scores)


def deal_apart(
    groups: Sequence[str] | NDArray[np.str_],
    known: Sequence[str] | NDArray[np.str_],
    folds: Integers,
    *,
    count: int,
) -> Pairs:
    """Say which folds' models may score transcripts that are not in any fold.

    Parameters
    ----------
    groups : sequence of str, length n
        The group of each transcript.
    known, folds : sequence of str and array of int, length m
        Group and fold of each row that models are fitted to.
    count : int
        How many folds there are.
    """
    home = dict(zip(map(str, known), folds.tolist(), strict=True))
    pairs = [
        (row, fold)
        for row, group in enumerate(map(str, groups))
        for fold in ((home[group],) if group in home else range(count))
    ]
    rows, dealt = np.array(pairs, dtype=np.intp).reshape(-1, 2).T
    return Pairs(rows, dealt)


def _held_out(
    experiment: Experiment, cell: Cell, features: NDArray[np.float32], folds: Integers
) -> Floats:
    """Scores of further rows by the models fitted without their folds."""
    fitted, further = experiment.rows(cell.position), np.ones(len(folds), dtype=np.bool_)
    (found,) = probe_scores(
        cell.probe,
        np.concatenate([experiment.features(cell), features]),
        np.concatenate([experiment.examples.labels, ~further])[None],
        np.concatenate([experiment.folds, folds]),
        np.concatenate([fitted, ~further]),
        np.concatenate([fitted, further]),
        device=experiment.config.device,
    )
    return found.held_out[len(fitted) :]


def _column(examples: Examples, cell: Cell) -> int:
    return examples.position_names.index(cell.position)
