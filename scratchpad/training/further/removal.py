"""Transcripts with a part of the reasoning removed, from the left, as episodes to learn from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from scratchpad.dialects import Dialect
from scratchpad.organisms.episodes import Episode
from scratchpad.training.further.teaching import Taught
from scratchpad.transcripts import text_of

# Of the offset's distribution: two episodes of a hundred lose a step more than their stage asks.
SMOOTHING = 4.0


def episode_of(taught: Taught, removed: int, dialect: Dialect, *, closed: bool = True) -> Episode:
    """A transcript without its first steps; the rest of the scratchpad and the answer are learned.

    Parameters
    ----------
    taught : Taught
        The transcript.
    removed : int
        How many steps are removed.
    dialect : Dialect
        Its delimiters.
    closed : bool
        Whether the delimiters stay, also around nothing; without them no scratchpad may stay.
    """
    if not closed:
        return Episode(taught.opening, taught.answer)
    rest = text_of(taught.steps[removed:])
    return Episode(taught.opening, dialect.join("", rest, taught.answer))


def removed_steps(steps: int, share: float, offset: int) -> int:
    """How many of some steps are removed: their share, rounded down, and an offset, at most all."""
    # A third of three is one, although the float falls short of it.
    return min(steps, math.floor(steps * share + 1e-9) + offset)


def draw_offset(rng: Random, smoothing: float = SMOOTHING) -> int:
    """Draw how many more units are removed than the stage asks: P(o) = (1 - e^-k) e^-ko.

    The removal smoothing of Deng, Choi and Shieber (2024), "From Explicit CoT to Implicit CoT:
    Learning to Internalize CoT Step by Step", with k = 4 as there. It lets the model meet what the
    next stage will ask before all of it does. Their unit is the token, ours is the step.
    """
    return math.floor(rng.expovariate(smoothing))


def partly_removed(
    transcripts: Sequence[Taught], share: float, dialect: Dialect, rng: Random
) -> list[Episode]:
    """Transcripts with a share of their steps removed.

    Below 1 the delimiters stay even where no step does: the model is still asked to open a
    scratchpad. At 1 they go with the last step, and what is learned is to answer at once.
    """
    if share >= 1:
        return [episode_of(one, len(one.steps), dialect, closed=False) for one in transcripts]
    return [
        episode_of(one, removed_steps(len(one.steps), share, draw_offset(rng)), dialect)
        for one in transcripts
    ]
