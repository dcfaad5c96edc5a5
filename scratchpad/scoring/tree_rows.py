"""From a prefix tree to what the model is fed: trunks, and rows of branches that hang off them.

A trunk is read once and its keys and values are kept. Whatever hangs off it becomes a piece: its
tokens one after another, each of which may attend to the trunk up to where the piece hangs and to
its own ancestors within the piece. Pieces are packed into rows and rows into batches.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scratchpad.scoring.prefix_tree import Branch

# Branches shorter than this share a row: each row copies the trunk's keys and values once.
SHORTEST_ROW = 128
# A subtree whose forks hold more tokens than this is worth a trunk of its own.
FORKED_TOKENS = 512


class Readings(NamedTuple):
    """Which scores are read off: after which input, of which token, into which slot."""

    sources: np.ndarray
    targets: np.ndarray
    slots: np.ndarray


@dataclass(frozen=True, eq=False)
class Piece:
    """Tokens that are read together.

    Parameters
    ----------
    reach : int
        How many tokens of the trunk they attend to.
    ids, depths : ndarray of int64, shape (length,)
        The tokens, and how many tokens stand before each in its sequence.
    runs : list of (start, stop, parent)
        Tokens `start ... stop - 1` follow one another and all that `parent` may attend to, and
        `parent` itself; -1 stands for the trunk.
    readings : Readings
        `sources` index `ids`.
    """

    reach: int
    ids: np.ndarray
    depths: np.ndarray
    runs: list[tuple[int, int, int]]
    readings: Readings

    def attention(self) -> np.ndarray:
        """Which token attends to which: bool, (length, length)."""
        allowed = np.zeros((len(self.ids), len(self.ids)), dtype=bool)
        for start, stop, parent in self.runs:
            if parent >= 0:
                allowed[start:stop, : parent + 1] = allowed[parent, : parent + 1]
            allowed[start:stop, start:stop] = np.tri(stop - start, dtype=bool)
        return allowed


@dataclass(frozen=True, eq=False)
class Trunk:
    """A piece whose keys and values are kept, with what hangs off it."""

    piece: Piece
    pieces: list[Piece] = field(default_factory=list)
    trunks: list[Trunk] = field(default_factory=list)


def trunk_of(top: Branch) -> Trunk:
    """Plan the reading of a tree: its heaviest path is the trunk."""
    path = heaviest_path(top)
    trunk = Trunk(_piece(path, top.depth))
    on_path = set(map(id, path))
    for branch in path:
        for side in branch.children:
            if id(side) in on_path or not side.inputs:
                continue
            forked = side.size - sum(len(part.tokens) for part in heaviest_path(side))
            if forked > FORKED_TOKENS:
                trunk.trunks.append(trunk_of(side))
            else:
                trunk.pieces.append(_piece(list(side.below), side.depth))
    return trunk


def heaviest_path(top: Branch) -> list[Branch]:
    """The way down from a branch that always takes the child with most tokens below it."""
    path = [top]
    while path[-1].children:
        path.append(path[-1].heaviest)
    return path


Rows = list[list[Piece]]


def batched(pieces: Sequence[Piece], fits: Callable[[Rows], bool]) -> Iterator[Rows]:
    """Gather pieces into batches of rows that pad little.

    Long pieces are rows of their own, those of like length together; what room they leave is filled
    with short ones that reach no further along the trunk. Short pieces that are left share rows.
    """
    order = sorted(pieces, key=lambda one: (-len(one.ids), one.reach, one.ids.tobytes()))
    short = [piece for piece in order if len(piece.ids) < SHORTEST_ROW]
    for rows in _grouped([[p] for p in order if len(p.ids) >= SHORTEST_ROW], fits):
        _fill(rows, short, fits)
        yield rows
    yield from _grouped(_shared_rows(short), fits)


def length_of(row: Sequence[Piece]) -> int:
    """How many tokens a row holds."""
    return sum(len(piece.ids) for piece in row)


def _grouped(rows: Rows, fits: Callable[[Rows], bool]) -> Iterator[Rows]:
    """Neighbouring rows, as many as fit; a row that does not fit stands alone."""
    batch: Rows = []
    for row in rows:
        if batch and not fits([*batch, row]):
            yield batch
            batch = []
        batch.append(row)
    if batch:
        yield batch


def _fill(rows: Rows, short: list[Piece], fits: Callable[[Rows], bool]) -> None:
    """Put short pieces where rows leave room, taking them off the list."""
    longest = max(map(length_of, rows))
    reach = max(piece.reach for row in rows for piece in row)
    for row in rows:
        for piece in [one for one in short if one.reach <= reach]:
            if length_of(row) + len(piece.ids) <= longest:
                row.append(piece)
                if not fits(rows):
                    row.pop()
                    return
                short.remove(piece)


def _shared_rows(pieces: Sequence[Piece]) -> Rows:
    """Rows of short pieces, each as full as it gets, that reach about as far along the trunk."""
    rows: Rows = []
    for piece in sorted(pieces, key=lambda one: one.reach):
        room = (row for row in reversed(rows) if length_of(row) + len(piece.ids) <= SHORTEST_ROW)
        row = next(room, None)
        if row is None:
            rows.append([piece])
        else:
            row.append(piece)
    return rows


def _piece(branches: Sequence[Branch], reach: int) -> Piece:
    """Lay branches out one after another, each behind its parent."""
    last: dict[int, int] = {}
    runs, ids, depths, readings = [], list[np.ndarray](), list[np.ndarray](), list[np.ndarray]()
    start = 0
    for branch in branches:
        stop = start + branch.inputs
        parent = last.get(id(branch.parent), -1) if branch.parent else -1
        if stop > start:
            runs.append((start, stop, parent))
            ids.append(branch.tokens[: branch.inputs])
            depths.append(np.arange(branch.depth, branch.depth + branch.inputs))
        last[id(branch)] = stop - 1 if stop > start else parent
        readings += _read_off(branch, start)
        start = stop
    table = np.concatenate([np.zeros((0, 3), dtype=np.int64), *readings])
    return Piece(reach, np.concatenate(ids), np.concatenate(depths), runs, Readings(*table.T))


def _read_off(branch: Branch, start: int) -> Iterator[np.ndarray]:
    """Scores read off after a branch's inputs: of its own tokens and its children's first ones."""
    first = max(branch.first_scored - branch.depth, 1)
    own = np.arange(first, len(branch.tokens))
    yield np.stack([start + own - 1, branch.tokens[own], branch.slot + own], axis=1)
    after = start + branch.inputs - 1
    firsts = [c for c in branch.children if c.first_scored <= c.depth]
    if firsts:
        yield np.array([(after, int(c.tokens[0]), c.slot) for c in firsts], dtype=np.int64)
