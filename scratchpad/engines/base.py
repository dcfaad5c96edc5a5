"""What an engine is, and the one that does everything in this process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

Work = Callable[..., Any]


class Stage(Protocol):
    """What is done with every tuple of arguments: a frozen dataclass that can be pickled.

    It may say as `worker_bytes` how much memory a worker needs for it.
    """

    def __call__(self) -> Work:
        """Prepare; called once per worker."""


class Done(NamedTuple):
    """The place of a tuple of arguments, and what came of it."""

    place: int
    result: Any


class Engine(Protocol):
    """Whoever does the pieces of a stage."""

    @property
    def elsewhere(self) -> bool:
        """Whether other processes do them, with models that they load themselves."""

    def run(self, stage: Stage, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Done]:
        """Do a stage with every tuple of arguments; gives each as it gets done.

        Parameters
        ----------
        stage : Stage
        arguments : sequence of tuple
        """


@runtime_checkable
class Shares(Protocol):
    """An engine whose workers may see other folders than this process."""

    def require_shared(self, folders: Sequence[Path]) -> None:
        """Refuse one of whose nodes does not see the folders."""


@dataclass(frozen=True)
class Calling:
    """The stage of a function.

    Parameters
    ----------
    function : callable
        Of a module, so that it can be pickled.
    """

    function: Work

    def __call__(self) -> Work:
        """The function."""
        return self.function


@dataclass(frozen=True)
class Here:
    """Does every piece in this process, in order."""

    elsewhere = False

    def run(self, stage: Stage, arguments: Sequence[tuple[Any, ...]]) -> Iterator[Done]:
        """Do a stage with every tuple of arguments."""
        if not arguments:
            return
        work = stage()
        for place, one in enumerate(arguments):
            yield Done(place, work(*one))


HERE = Here()
