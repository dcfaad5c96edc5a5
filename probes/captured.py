"""Activations as an experiment reads them: a layer at a time, from memory or from disk."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


class Activations(Protocol):
    """Captured activations; `probes.store.Store` and `Captured` are such."""

    @property
    def layers(self) -> tuple[int, ...]:
        """The layers that were captured."""

    def layer(self, layer: int) -> NDArray[np.float32]:
        """One layer, shape (transcripts, positions, width); NaN where a position is absent."""


@dataclass(frozen=True)
class Captured:
    """Activations in memory.

    Parameters
    ----------
    vectors : array of float32, shape (transcripts, layers, positions, width)
        As `probes.activations.capture` gives them.
    layers : tuple of int
        What the second axis holds.
    """

    vectors: NDArray[np.float32]
    layers: tuple[int, ...]

    def layer(self, layer: int) -> NDArray[np.float32]:
        """One layer, shape (transcripts, positions, width)."""
        return self.vectors[:, self.layers.index(layer)]
