"""A probe experiment's data with its folds, and the held-out scores of every reader of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from probes.captured import Activations
from probes.crossvalidation import Scores, can_fit, group_folds
from probes.evaluation import Resamples, auroc_difference, estimate
from probes.examples import Examples
from probes.grid import PROBES, probe_scores
from probes.metrics import Flags, Floats, Integers, auroc
from probes.text_baselines import text_scores
from scratchpad.errors import ConfigError, DataError
from scratchpad.statistics import DRAWS, Estimate


@dataclass(frozen=True)
class DetectConfig:
    """How the experiment is run.

    Parameters
    ----------
    folds : int
        Folds of the cross-validation, 3 or more.
    draws : int
        Bootstrap samples.
    random_directions : int
        How many random directions to compare with.
    shuffles : int
        How often the labels are shuffled.
    device : str
        Where probes are fitted and judged.
    """

    folds: int = 5
    draws: int = DRAWS
    random_directions: int = 1000
    shuffles: int = 20
    device: str = "cpu"

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise ConfigError(
                f"{self.folds} folds are too few",
                "one is held out and one more chooses the layer",
                "Ask for 3 or more.",
            )


class Cell(NamedTuple):
    """Where and how activations are read."""

    position: str
    layer: int
    probe: str


@dataclass(frozen=True)
class Experiment:
    """Examples with their activations, dealt into folds.

    Parameters
    ----------
    examples : Examples
    activations : Activations
    config : DetectConfig
    seed : int
    folds : array of int, shape (n,)
    resamples : Resamples
        The bootstrap samples that all estimates share.
    """

    examples: Examples
    activations: Activations
    config: DetectConfig
    seed: int
    folds: Integers
    resamples: Resamples

    @classmethod
    def deal(
        cls,
        examples: Examples,
        activations: Activations,
        config: DetectConfig,
        seed: int,
    ) -> Self:
        """Deal the examples into folds; raises `DataError` if they do not suffice."""
        found = activations.layer(activations.layers[0]).shape
        expected = (len(examples.ids), len(examples.position_names))
        if found[:2] != expected:
            raise ValueError(f"activations: shape {found}, expected {expected} + width")
        folds = group_folds(examples.labels, examples.groups, config.folds, seed)
        resamples = Resamples.draw(examples.groups, config.draws, seed, config.device)
        dealt = cls(examples, activations, config, seed, folds, resamples)
        if not dealt.positions:
            raise DataError(
                "No position is present in enough transcripts of both outcomes",
                f"looked for {', '.join(examples.position_names)} in {len(examples.ids)}",
                "Give more questions, or transcripts with scratchpads.",
            )
        return dealt

    @property
    def positions(self) -> tuple[str, ...]:
        """The positions at which both outcomes occur in enough folds, in the order of the text."""
        labels = self.examples.labels
        names = self.examples.position_names
        return tuple(name for name in names if can_fit(labels, self.folds, self.rows(name)))

    @property
    def absent(self) -> dict[str, int]:
        """How many transcripts lack each position."""
        names = self.examples.position_names
        return {name: int((~self.rows(name)).sum()) for name in names}

    def rows(self, position: str) -> Flags:
        """Which transcripts have the position, shape (n,)."""
        return self.examples.present(self._column(position))

    def features(self, cell: Cell) -> NDArray[np.float32]:
        """The activations that a cell reads, shape (n, width)."""
        return self.activations.layer(cell.layer)[:, self._column(cell.position)]

    def probe_scores(self) -> dict[Cell, Scores]:
        """Score by every probe, in the order of the text, then of depth, then of the probes."""
        cells = [
            Cell(position, layer, probe)
            for position in self.positions
            for layer in self.activations.layers
            for probe in PROBES
        ]
        return {cell: self._cross_scores(cell) for cell in cells}

    def reader_scores(self) -> dict[str, dict[str, Scores]]:
        """Score by every text reader at every position."""
        return {
            position: text_scores(
                self.examples.prefix_ids(self._column(position)),
                [prefixes[self._column(position)] for prefixes in self.examples.prefixes],
                self.examples.labels,
                self.folds,
                self.rows(position),
            )
            for position in self.positions
        }

    def auroc(self, scores: Floats) -> Estimate:
        """AUROC of held-out scores, compared within folds."""
        return estimate(auroc, self.examples.labels, scores, self.folds, self.resamples)

    def auroc_minus(self, scores: Floats, others: Floats) -> Estimate:
        """AUROC of held-out scores minus that of others, paired."""
        labels = self.examples.labels
        return auroc_difference(labels, scores, others, self.folds, self.resamples)

    def _cross_scores(self, cell: Cell) -> Scores:
        (scores,) = probe_scores(
            cell.probe,
            self.features(cell),
            self.examples.labels[None],
            self.folds,
            self.rows(cell.position),
            device=self.config.device,
        )
        return scores

    def _column(self, position: str) -> int:
        return self.examples.position_names.index(position)
