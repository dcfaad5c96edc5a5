"""What a process that works for another tells it beside its results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from scratchpad.engines.base import Work
from scratchpad.memory import add_splits, splits
from scratchpad.placement import note_places, places


class Told(NamedTuple):
    """What came of a piece, how often memory ran out over it, and where the models' layers are."""

    result: Any
    splits: int
    places: dict[str, list[str]]


def telling(work: Work, arguments: Sequence[Any]) -> Told:
    """Do a piece and tell all that a manifest has to say of it."""
    before = splits()
    result = work(*arguments)
    return Told(result, splits() - before, places())


def heard(told: Told) -> Any:
    """Take over what another process tells; gives what came of the piece."""
    add_splits(told.splits)
    note_places(told.places)
    return told.result
