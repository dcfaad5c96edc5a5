"""From a prefix tree to what the model is fed: trunks, and rows of branches that hang off them.

A trunk is read once and its keys and values are kept. Whatever hangs off it becomes a piece: its
tokens one after another, each of which may attend to the trunk up to where the piece hangs and to
its own ancestors within the piece. Pieces are packed into rows and rows into batches.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from scratchpad.scoring.prefix_tree import Branch

# Branches shorter than this share a row: each row copies the trunk's keys and values once.
SHORTEST_ROW = 256
# A subtree whose forks hold more tokens than this is worth a trunk of its own.
FORKED_TOKENS = 512


class Readings(NamedTuple):
    """Which scores are read off: after which input, of which token, into which slot."""

    sources: np.ndarray
    targets: np.ndarray
    slots: np.ndarray


@dataclass(frozen=True)
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


@dataclass(frozen=True)
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
            if id(side) in on_path or side.size == 0 or not _reads_anything(side):
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


def packed(pieces: Sequence[Piece]) -> list[list[Piece]]:
    """Pack pieces into rows: short ones together, rows of like length beside one another.

    Longest first, so that a batch of neighbouring rows pads little.
    """
    rows: list[list[Piece]] = []
    room = 0
    for piece in sorted(pieces, key=lambda one: (-len(one.ids), one.reach, one.ids.tobytes())):
        if rows and len(piece.ids) <= room:
            rows[-1].append(piece)
            room -= len(piece.ids)
        else:
            rows.append([piece])
            room = SHORTEST_ROW - len(piece.ids)
    return rows


def _reads_anything(branch: Branch) -> bool:
    return branch.inputs > 0


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
