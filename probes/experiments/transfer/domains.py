"""Transfer: a probe fitted in one domain, applied in others that it never saw.

A domain is a set of transcripts read by one model: a trigger, a behaviour, another organism that
reads the same tokens. Groups of questions are dealt into folds over all domains alike, so that a
probe is judged in another domain on groups that it was not fitted to in its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from probes.crossvalidation import Choice, Scores, can_fit, choose
from probes.evaluation import Resamples, estimate
from probes.experiments.detection.experiment import Cell
from probes.grid import PROBES, probe_scores
from probes.layers import hook_name
from probes.metrics import Flags, Floats, Integers, auroc
from scratchpad.statistics import Estimate

MARGIN = 0.01
"""AUROC that a deeper layer may lack, where a probe is fitted, and still be taken."""


@dataclass(frozen=True)
class Domains:
    """Transcripts of several domains, one below another.

    Parameters
    ----------
    activations : array, shape (n, layers, positions, width)
        NaN where a position is absent.
    layers, positions : tuple
        What the axes hold.
    labels : array of bool, shape (n,)
        Whether the model that wrote the transcript defected.
    names : array of str, shape (n,)
        The domain of each row.
    folds : array of int, shape (n,)
    resamples : Resamples
        By group of questions, over all domains alike.
    """

    activations: NDArray[np.float32]
    layers: tuple[int, ...]
    positions: tuple[str, ...]
    labels: Flags
    names: NDArray[np.str_]
    folds: Integers
    resamples: Resamples

    def rows(self, position: str, domain: str | None = None) -> Flags:
        """Which rows have a position, of one domain or of all."""
        here = np.isfinite(self.activations[:, 0, self.positions.index(position), 0])
        return here if domain is None else here & (self.names == domain)

    def can_teach(self, position: str, domain: str) -> bool:
        """Whether both outcomes occur often enough in a domain to fit there."""
        return can_fit(self.labels, self.folds, self.rows(position, domain))

    def candidates(self, position: str, source: str) -> dict[Cell, Scores]:
        """Score all rows by every probe of one domain at a position, the deepest layer first."""
        rows, all_rows, column = (
            self.rows(position, source), self.rows(position), self.positions.index(position)
        )  # fmt: skip
        found: dict[Cell, Scores] = {}
        for layer, probe in product(sorted(self.layers, reverse=True), PROBES):
            features = self.activations[:, self.layers.index(layer), column]
            (found[Cell(position, layer, probe)],) = probe_scores(
                probe, features, self.labels[None], self.folds, rows, all_rows,
                device=self.resamples.device,
            )  # fmt: skip
        return found

    def chosen(self, candidates: Mapping[Cell, Scores]) -> Choice[Cell]:
        """Choose layer and probe by how they rank the domain they were fitted in, on other folds.

        Of layers less than `MARGIN` behind the best the first, the deepest, is taken: early ones
        that rank alike by the look of a trigger carry less over.
        """
        return choose(candidates, self.labels, self.folds, margin=MARGIN)

    def auroc(self, scores: Floats, domain: str) -> Estimate:
        """AUROC of held-out scores on one domain's rows, compared within folds."""
        alone = np.where(self.names == domain, scores, np.nan)
        return estimate(auroc, self.labels, alone, self.folds, self.resamples)


def transfer_table(domains: Domains, chosen: Mapping[tuple[str, str], Choice[Cell]]) -> DataFrame:
    """One row for every position, domain fitted to and domain judged in.

    Parameters
    ----------
    domains : Domains
    chosen : mapping
        `Domains.chosen` by (position, source).

    Returns
    -------
    DataFrame
        `position`, `source`, `target`, `layer`, `hook`, `probe` (what most folds chose), `auroc`,
        `low`, `high`, `n` (groups).
    """
    return DataFrame(
        row for (_, source), choice in chosen.items() for row in _rows(domains, source, choice)
    )


def layer_table(domains: Domains, candidates: Mapping[str, Mapping[Cell, Scores]]) -> DataFrame:
    """Every layer by itself, in the columns of `transfer_table`.

    Layers that are as good where a probe is fitted need not be where it is applied.

    Parameters
    ----------
    domains : Domains
    candidates : mapping
        `Domains.candidates` by source.
    """
    return DataFrame(
        row
        for source, cells in candidates.items()
        for layer in domains.layers
        for here in [{cell: scores for cell, scores in cells.items() if cell.layer == layer}]
        for row in _rows(domains, source, domains.chosen(here))
    )


def _rows(domains: Domains, source: str, choice: Choice[Cell]) -> Iterator[dict[str, Any]]:
    cell = choice.favourite
    for target in dict.fromkeys(domains.names.tolist()):
        found = domains.auroc(choice.scores, target)
        yield {
            "position": cell.position,
            "source": source,
            "target": target,
            "layer": cell.layer,
            "hook": hook_name(cell.layer),
            "probe": cell.probe,
            "auroc": found.estimate,
            "low": found.low,
            "high": found.high,
            "n": found.n,
        }
