"""From the tokens of a padded batch to one vector a place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from probes.positions import Place, Pool


class _Span(NamedTuple):
    """Several tokens of one row, and the number of their place in the batch."""

    number: int
    row: int
    columns: slice | list[int]
    pool: Pool


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
        self._spans: list[_Span] = []
        points = []
        for row, wanted in enumerate(places):
            columns = np.flatnonzero(mask[row]) - cached
            for position, place in enumerate(wanted):
                number = row * len(wanted) + position
                taken = columns[place.start : place.stop].tolist() if place.present else []
                if len(taken) < place.stop - place.start or min(taken, default=0) < 0:
                    raise ValueError(f"row {row}: {place} is cached or outside the row")
                if len(taken) == 1:
                    points.append((number, row, taken[0]))
                elif taken:
                    self._spans.append(_Span(number, row, _sliced(taken), place.pool))
        self._points = torch.tensor(points, dtype=torch.long).reshape(-1, 3).T

    def __call__(self, hidden: torch.Tensor) -> torch.Tensor:
        """Pool a layer of shape (batch, tokens, width) to float32 (batch, places, width).

        NaN where a place is absent.
        """
        batch, places = self._shape
        pooled = hidden.new_full((batch * places, hidden.shape[-1]), np.nan, dtype=torch.float32)
        self._points = self._points.to(hidden.device)
        numbers, rows, columns = self._points
        pooled[numbers] = hidden[rows, columns].float()
        # One by one: gathering the tokens of all spans would copy most of the layer.
        for span in self._spans:
            tokens = hidden[span.row, span.columns].float()
            pooled[span.number] = tokens.mean(dim=0) if span.pool == "mean" else tokens.amax(dim=0)
        return pooled.reshape(batch, places, -1)


def _sliced(columns: list[int]) -> slice | list[int]:
    """Neighbouring columns as a slice, which takes no copy; padding may lie between others."""
    whole = columns[-1] - columns[0] + 1 == len(columns)
    return slice(columns[0], columns[-1] + 1) if whole else columns
