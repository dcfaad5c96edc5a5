"""From the tokens of a padded batch to one vector a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from probes.positions import Place, Pool


class _Segments(NamedTuple):
    """The places of one pool, numbered through the batch, and the cells that each one takes."""

    places: torch.Tensor
    rows: torch.Tensor
    columns: torch.Tensor
    lengths: torch.Tensor

    def to(self, device: torch.device) -> _Segments:
        return _Segments(*(part.to(device) for part in self))


class Pooling:
    """Picks and pools the wanted tokens of every layer of one batch.

    Parameters
    ----------
    mask : array of int, shape (batch, cached + tokens)
        1 where a row has a token, 0 where it is padded.
    places : sequence of sequence of Place
        For each row as many, indices into its tokens without the padding.
    cached : int
        How many columns of the mask stand for cached keys: of them nothing can be read.

    Raises
    ------
    ValueError
        If a place lies in the cached part or outside its row.
    """

    def __init__(
        self, mask: NDArray[np.int64], places: Sequence[Sequence[Place]], cached: int
    ) -> None:
        self._shape = (len(places), len(places[0]))
        columns = [np.flatnonzero(row) - cached for row in mask]
        pools: tuple[Pool, ...] = ("mean", "max")
        self._segments = {pool: _segments(columns, places, pool) for pool in pools}

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Pool a layer of shape (batch, tokens, width) to float32 (batch, places, width).

        NaN where a place is absent.
        """
        batch, places = self._shape
        pooled = hidden.new_full((batch * places, hidden.shape[-1]), np.nan, dtype=torch.float32)
        for pool, segments in self._segments.items():
            moved = self._segments[pool] = segments.to(hidden.device)
            if len(moved.places) > 0:
                tokens = hidden[moved.rows, moved.columns].float()
                pooled[moved.places] = torch.segment_reduce(
                    tokens, pool, lengths=moved.lengths, unsafe=True
                )
        return pooled.reshape(batch, places, -1)


def _segments(
    columns: Sequence[NDArray[np.int64]], places: Sequence[Sequence[Place]], pool: Pool
) -> _Segments:
    numbers, rows, cells, lengths = [], [], [], []
    for row, wanted in enumerate(places):
        for position, place in enumerate(wanted):
            if place.present and place.pool == pool:
                taken = columns[row][place.start : place.stop].tolist()
                if len(taken) < place.stop - place.start or taken[0] < 0:
                    raise ValueError(f"row {row}: {place} is cached or outside the row")
                numbers.append(row * len(wanted) + position)
                rows += [row] * len(taken)
                cells += taken
                lengths.append(len(taken))
    return _Segments(*(torch.tensor(part).long() for part in (numbers, rows, cells, lengths)))
