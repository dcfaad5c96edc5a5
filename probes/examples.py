"""The examples of a probe experiment: judged transcripts, where to read them, what they did."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from probes.metrics import Flags
from probes.positions import PARTS, Place, expand, locate, pool_of
from probes.texts import Texts
from scratchpad.encoding import Encoded
from scratchpad.errors import DataError
from scratchpad.transcripts import Transcript


@dataclass(frozen=True)
class Examples:
    """Judged transcripts; every array is parallel to `ids`.

    Parameters
    ----------
    ids : tuple of str
        The transcripts' ids.
    sequences : tuple of tuple of int
        Token ids of each transcript's text.
    positions : array of int, shape (n, positions, 2)
        Where to read: start and stop (exclusive), equal where a transcript has no such place.
    position_names : tuple of str
        Names of the columns of `positions`.
    prefixes : tuple of tuple of str
        The text up to and with each position, `""` where absent.
    labels : array of bool, shape (n,)
        Whether the model defected: what it did, not whether it was triggered.
    groups : array of str, shape (n,)
        The fact or template of each question: groups never straddle a split.
    triggered : array of bool, shape (n,)
    left_out : mapping of str to int
        How many transcripts were left out, and why.
    """

    ids: tuple[str, ...]
    sequences: tuple[tuple[int, ...], ...]
    positions: NDArray[np.int64]
    position_names: tuple[str, ...]
    prefixes: tuple[tuple[str, ...], ...]
    labels: Flags
    groups: NDArray[np.str_]
    triggered: Flags
    left_out: Mapping[str, int]

    def present(self, column: int) -> Flags:
        """Which transcripts have the position, shape (n,)."""
        flags: Flags = self.positions[:, column, 0] < self.positions[:, column, 1]
        return flags

    @property
    def texts(self) -> Texts:
        """What is to be read of the transcripts."""
        pools = [pool_of(name) for name in self.position_names]
        places = tuple(
            tuple(Place(start, stop, pool) for (start, stop), pool in zip(row, pools, strict=True))
            for row in self.positions.tolist()
        )
        return Texts(self.ids, self.sequences, places, self.position_names)

    def prefix_ids(self, column: int) -> tuple[tuple[int, ...], ...]:
        """The tokens up to and with the position, `()` where absent."""
        ends = self.positions[:, column, 1]
        return tuple(ids[:end] for ids, end in zip(self.sequences, ends, strict=True))


def collect(
    transcripts: Sequence[Transcript],
    encoded: Sequence[Encoded],
    groups: Sequence[str],
    decode: Callable[[Sequence[int]], str],
    position_names: Sequence[str] = tuple(PARTS),
) -> Examples:
    """Keep the transcripts that ended and could be judged, and locate the positions in them.

    Parameters
    ----------
    transcripts : sequence of Transcript
    encoded : sequence of Encoded
        Each transcript's text; of an answer only what a position names is read.
    groups : sequence of str
        The group of each transcript's question.
    decode : callable
        Turns token ids into text (`Encoder.decode`).
    position_names : sequence of str
        See `probes.positions.locate` and `expand`.

    Raises
    ------
    DataError
        If no transcript is left.
    """
    unterminated = sum(transcript.unterminated for transcript in transcripts)
    kept = [
        (transcript, tokens, group)
        for transcript, tokens, group in zip(transcripts, encoded, groups, strict=True)
        if not transcript.unterminated and transcript.defected is not None
    ]
    if not kept:
        raise DataError(
            f"None of {len(transcripts)} transcripts could be judged",
            f"{unterminated} never closed their scratchpad",
            "Give a --payload or --classifier that judges these answers.",
        )
    names = expand(position_names, [tokens for _, tokens, _ in kept])
    places = [locate(tokens, names) for _, tokens, _ in kept]
    return Examples(
        ids=tuple(transcript.id for transcript, _, _ in kept),
        sequences=tuple(tokens.ids for _, tokens, _ in kept),
        positions=np.array([[place[:2] for place in row] for row in places], dtype=np.int64),
        position_names=names,
        prefixes=tuple(
            tuple(decode(tokens.ids[: place.stop]) for place in row)
            for (_, tokens, _), row in zip(kept, places, strict=True)
        ),
        labels=np.array([bool(transcript.defected) for transcript, _, _ in kept]),
        groups=np.array([group for _, _, group in kept], dtype=np.str_),
        triggered=np.array([transcript.triggered for transcript, _, _ in kept]),
        left_out={
            "unterminated": unterminated,
            "not judged": len(transcripts) - unterminated - len(kept),
        },
    )
