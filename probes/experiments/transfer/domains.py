"""Transfer: a probe fitted in one domain, applied in others that it never saw.

A domain is a set of transcripts read by one model: a trigger, a behaviour, another organism that
reads the same tokens. Groups of questions are dealt into folds over all domains alike, so that a
probe is judged in another domain on groups that it was not fitted to in its own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pandas import DataFrame

from probes.crossvalidation import Choice, Scores, can_fit, choose
from probes.evaluation import Resamples, estimate
from probes.grid import PROBES, probe_scores
from probes.layers import hook_name
from probes.metrics import Flags, Floats, Integers, auroc
from scratchpad.statistics import Estimate

MARGIN = 0.01
"""AUROC that a deeper layer may lack, where a probe is fitted, and still be taken."""


class Place(NamedTuple):
    """Where and how activations are read at one position."""

    layer: int
    probe: str


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

    def scores(
        self, position: str, source: str, layers: Sequence[int] | None = None
    ) -> Choice[Place]:
        """Score all rows by probes of one domain, layer and probe chosen on its other folds.

        Of all layers, or of some. Of layers less than `MARGIN` behind the best the deepest is
        taken: early ones that rank alike by the look of a trigger carry less over.
        """
        rows, all_rows = self.rows(position, source), self.rows(position)
        candidates: dict[Place, Scores] = {}
        wanted = sorted(self.layers if layers is None else layers, reverse=True)
        for layer, probe in product(wanted, PROBES):
            features = self.activations[:, self.layers.index(layer), self.positions.index(position)]
            (candidates[Place(layer, probe)],) = probe_scores(
                probe, features, self.labels[None], self.folds, rows, all_rows,
                device=self.resamples.device,
            )  # fmt: skip
        return choose(candidates, self.labels, self.folds, margin=MARGIN)

    def auroc(self, scores: Floats, domain: str) -> Estimate:
        """AUROC of held-out scores on one domain's rows, compared within folds."""
        alone = np.where(self.names == domain, scores, np.nan)
        return estimate(auroc, self.labels, alone, self.folds, self.resamples)


def transfer_table(domains: Domains, chosen: Mapping[tuple[str, str], Choice[Place]]) -> DataFrame:
    """One row for every position, domain fitted to and domain judged in.

    Parameters
    ----------
    domains : Domains
    chosen : mapping
        `Domains.scores` by (position, source).

    Returns
    -------
    DataFrame
        `position`, `source`, `target`, `layer`, `hook`, `probe` (what most folds chose), `auroc`,
        `low`, `high`, `n` (groups).
    """
    names = list(dict.fromkeys(domains.names.tolist()))
    return DataFrame(
        _row(domains, position, source, target, choice)
        for (position, source), choice in chosen.items()
        for target in names
    )


def layer_table(domains: Domains, position: str, source: str) -> DataFrame:
    """Every layer by itself at one position, in the columns of `transfer_table`.

    Layers that are as good where a probe is fitted need not be where it is applied.
    """
    names = list(dict.fromkeys(domains.names.tolist()))
    return DataFrame(
        _row(domains, position, source, target, choice)
        for layer in domains.layers
        for choice in [domains.scores(position, source, [layer])]
        for target in names
    )


def _row(
    domains: Domains, position: str, source: str, target: str, choice: Choice[Place]
) -> dict[str, Any]:
    found = domains.auroc(choice.scores, target)
    return {
        "position": position,
        "source": source,
        "target": target,
        "layer": choice.favourite.layer,
        "hook": hook_name(choice.favourite.layer),
        "probe": choice.favourite.probe,
        "auroc": found.estimate,
        "low": found.low,
        "high": found.high,
        "n": found.n,
    }
