"""Sequences of tokens as a tree in which every shared beginning stands once.

What is known of a token depends on the tokens before it alone, so that one place in the tree holds
the answer for every sequence that passes through it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np


class Request(NamedTuple):
    """Score `ids[start:]`, each token given all before it; `start >= 1`."""

    ids: tuple[int, ...]
    start: int


@dataclass(eq=False)
class Branch:
    """Tokens without a fork between them.

    Parameters
    ----------
    tokens : ndarray of int64
    depth : int
        How many tokens stand before them.
    parent : Branch or None
    children : list of Branch
    first_scored : int
        The depth from which on tokens are scored; beyond the branch's end if none are.
    slot : int
        Where the branch's scores begin in the table of the whole tree.
    size : int
        Tokens of the branch and all below it.
    """

    tokens: np.ndarray
    depth: int
    parent: Branch | None
    children: list[Branch] = field(default_factory=list)
    first_scored: int = np.iinfo(np.int64).max
    slot: int = 0
    size: int = 0

    @property
    def end(self) -> int:
        """The depth behind the last token."""
        return self.depth + len(self.tokens)

    @property
    def inputs(self) -> int:
        """How many tokens the model reads; nothing is asked after the last token of a leaf."""
        return len(self.tokens) if self.children else len(self.tokens) - 1

    @property
    def heaviest(self) -> Branch:
        """The child with most tokens in and below it."""
        return max(self.children, key=lambda child: child.size)

    @property
    def below(self) -> Iterator[Branch]:
        """The branch and all below it, each before its children."""
        waiting = [self]
        while waiting:
            branch = waiting.pop()
            yield branch
            waiting += reversed(branch.children)


class PrefixTree(NamedTuple):
    """A forest and the branch at whose end each request ends (`None`: nothing is scored)."""

    roots: list[Branch]
    leaves: list[Branch | None]

    @property
    def size(self) -> int:
        """How many different tokens, each with all before it, there are."""
        return sum(root.size for root in self.roots)

    @classmethod
    def of(cls, requests: Sequence[Request]) -> PrefixTree:
        """Build the tree of some requests."""
        roots: list[Branch] = []
        leaves: list[Branch | None] = [None] * len(requests)
        before, path = np.zeros(0, dtype=np.int64), list[Branch]()
        # In rising order a sequence follows those with which it shares most.
        for number in sorted(range(len(requests)), key=lambda n: requests[n].ids):
            if requests[number].start >= len(requests[number].ids):
                continue
            tokens = np.array(requests[number].ids, dtype=np.int64)
            shared = _common(before, tokens)
            path = _cut(path, shared, roots)
            if shared < len(tokens):
                parent = path[-1] if path else None
                leaf = Branch(tokens[shared:], shared, parent)
                (parent.children if parent else roots).append(leaf)
                path = [*path, leaf]
            leaves[number] = path[-1]
            before = tokens
        tree = cls(roots, leaves)
        tree._finish(requests)
        return tree

    def scores(self, requests: Sequence[Request], table: np.ndarray) -> list[np.ndarray]:
        """Each request's part of a table of scores, one number per token of the tree."""
        found = []
        for (_, start), leaf in zip(requests, self.leaves, strict=True):
            parts, branch = [], leaf
            while branch is not None and branch.end > start:
                skipped = max(start - branch.depth, 0)
                parts.append(table[branch.slot + skipped : branch.slot + len(branch.tokens)])
                branch = branch.parent
            found.append(np.concatenate(parts[::-1]) if parts else np.zeros(0))
        return found

    def _finish(self, requests: Sequence[Request]) -> None:
        for (_, start), leaf in zip(requests, self.leaves, strict=True):
            branch = leaf
            while branch is not None and branch.end > start:
                branch.first_scored = min(branch.first_scored, start)
                branch = branch.parent
        slot = 0
        for root in self.roots:
            branches = list(root.below)
            for branch in branches:
                branch.slot, slot = slot, slot + len(branch.tokens)
            for branch in reversed(branches):
                branch.size = len(branch.tokens) + sum(child.size for child in branch.children)


def _cut(path: list[Branch], shared: int, roots: list[Branch]) -> list[Branch]:
    """Shorten a path to its first `shared` tokens, forking the branch that they end in."""
    path = [branch for branch in path if branch.depth < shared]
    if not path or path[-1].end == shared:
        return path
    # The lower part stays the same object: requests that end at its end hold it.
    lower = path[-1]
    kept = shared - lower.depth
    upper = Branch(lower.tokens[:kept], lower.depth, lower.parent, [lower])
    siblings = lower.parent.children if lower.parent else roots
    siblings[siblings.index(lower)] = upper
    lower.tokens, lower.depth, lower.parent = lower.tokens[kept:], shared, upper
    return [*path[:-1], upper]


def _common(first: np.ndarray, second: np.ndarray) -> int:
    """How many tokens two sequences share at their beginning."""
    length = min(len(first), len(second))
    different = np.flatnonzero(first[:length] != second[:length])
    return int(different[0]) if len(different) else length
