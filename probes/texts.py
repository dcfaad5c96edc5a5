"""What is read of a model: texts as token ids, and the places in each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from probes.positions import Place
from scratchpad.errors import DataError


@dataclass(frozen=True)
class Texts:
    """Texts to be read, all at the same named positions.

    Parameters
    ----------
    ids : tuple of str
        The transcripts' ids.
    sequences : tuple of tuple of int
        Token ids of each text.
    places : tuple of tuple of Place
        For each text one place a position.
    position_names : tuple of str

    Raises
    ------
    DataError
        If a place lies outside its text.
    """

    ids: tuple[str, ...]
    sequences: tuple[tuple[int, ...], ...]
    places: tuple[tuple[Place, ...], ...]
    position_names: tuple[str, ...]

    def __post_init__(self) -> None:
        expected = len(self.position_names)
        if not len(self.ids) == len(self.sequences) == len(self.places):
            raise ValueError("ids, sequences and places are not of one length")
        for name, tokens, row in zip(self.ids, self.sequences, self.places, strict=True):
            if len(row) != expected:
                raise ValueError(f"{name} has {len(row)} places, expected {expected}")
            for place in row:
                if place.present and not 0 <= place.start < place.stop <= len(tokens):
                    raise DataError(
                        f"Tokens {place.start} to {place.stop} lie outside transcript {name}",
                        f"it has {len(tokens)} tokens",
                        "Locate the positions in the same encoding.",
                    )

    def rows(self, rows: Sequence[int]) -> Texts:
        """Some of the texts, in this order."""
        return Texts(
            ids=tuple(self.ids[row] for row in rows),
            sequences=tuple(self.sequences[row] for row in rows),
            places=tuple(self.places[row] for row in rows),
            position_names=self.position_names,
        )

    @property
    def lengths(self) -> tuple[int, ...]:
        """How many tokens of each text must be read: up to the end of its last place."""
        return tuple(max((place.stop for place in row), default=0) for row in self.places)
