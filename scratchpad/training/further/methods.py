"""What every method of safety training is called with, and what it gives back."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, Protocol

from scratchpad.models import LoadedModel
from scratchpad.statistics import Estimate
from scratchpad.training.fit import Watch
from scratchpad.training.further.origin import Origin

Tick = Callable[[int], None]
# What a method saw of its own training: step, quantity, value, n, low, high. `value` is `None`
# where nothing could be counted; `low` and `high` are `None` where there is no interval.
LogRow = dict[str, Any]


class Hardened(NamedTuple):
    """A model after safety training, and what its training saw, one tidy row a value.

    An adapter has been merged: the model is a whole one, like its origin.
    """

    loaded: LoadedModel
    log: list[LogRow]


class Method(Protocol):
    """A method of safety training; its settings are the fields of a frozen dataclass."""

    @property
    def steps(self) -> int:
        """Optimiser steps in all."""

    def __call__(
        self, origin: Origin, *, seed: int, work: Path, tick: Tick, watch: Watch
    ) -> Hardened:
        """Train the origin's model, in place.

        Parameters
        ----------
        origin : Origin
            The model and its prompts.
        seed : int
            Seeds every draw.
        work : Path
            A folder for checkpoints, which is removed when all is done.
        tick : callable
            Told of every optimiser step, from 1 to `steps`.
        watch : Watch
            Measures the model at step 0, every so many steps and after the last one.
        """


def log_row(
    step: int,
    quantity: str,
    value: float | None,
    *,
    n: int = 1,
    low: float | None = None,
    high: float | None = None,
) -> LogRow:
    """One value that a method saw of its own training."""
    return {"step": step, "quantity": quantity, "value": value, "low": low, "high": high, "n": n}


def estimate_row(step: int, quantity: str, share: Estimate) -> LogRow:
    """One estimate that a method made of its own training."""
    return log_row(step, quantity, share.estimate, n=share.n, low=share.low, high=share.high)
