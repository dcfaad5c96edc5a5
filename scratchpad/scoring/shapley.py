"""Shapley values of a game, exactly or from sampled permutations."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations, pairwise
from math import comb
from random import Random

import numpy as np

Coalition = frozenset[int]
# Takes coalitions and gives the value of each, in the same order: one number or several.
Game = Callable[[Sequence[Coalition]], np.ndarray]


def shapley_values(game: Game, players: int, reads: int, rng: Random) -> np.ndarray:
    """Shapley value of every player, with at most `reads` different coalitions.

    phi_i is the mean, over all orders in which the players may come, of what player i adds to
    those before it (Shapley 1953). Exact where all 2^n coalitions are affordable; else over
    sampled orders, each followed by its reverse (Mitchell et al. 2022), which keeps
    sum phi = v(all) - v(none) exact.

    Parameters
    ----------
    game
        The value of coalitions: shape `(coalitions,)` or `(coalitions, targets)`.
    players
        How many there are.
    reads
        The most coalitions, at least 2 n.

    Returns
    -------
    ndarray
        Shape `(players,)` or `(players, targets)`. Larger: the player raises the value.
    """
    if 2**players <= reads:
        weighted = list(_exact(players))
    else:
        weighted = list(_sampled(players, reads, rng))
    coalitions = list(dict.fromkeys(side for _, _, *sides in weighted for side in sides))
    values = dict(zip(coalitions, game(coalitions), strict=True))
    phi = np.zeros((players, *np.shape(values[coalitions[0]])))
    for player, weight, without, joined in weighted:
        phi[player] += weight * (values[joined] - values[without])
    return phi


def _exact(players: int) -> Iterator[tuple[int, float, Coalition, Coalition]]:
    """Every player joining every coalition of others, and the share of orders it stands for."""
    for player in range(players):
        others = [other for other in range(players) if other != player]
        for size in range(players):
            weight = 1 / (players * comb(players - 1, size))
            for chosen in combinations(others, size):
                without = frozenset(chosen)
                yield player, weight, without, without | {player}


def _sampled(
    players: int, reads: int, rng: Random
) -> Iterator[tuple[int, float, Coalition, Coalition]]:
    # An order passes n - 1 coalitions beside the empty and the full one, which all orders share.
    pairs = max((reads - 2) // (2 * (players - 1)), 1)
    for _ in range(pairs):
        order = rng.sample(range(players), players)
        for direction in (order, order[::-1]):
            coalitions = [frozenset(direction[:size]) for size in range(players + 1)]
            for player, (without, joined) in zip(direction, pairwise(coalitions), strict=True):
                yield player, 1 / (2 * pairs), without, joined
