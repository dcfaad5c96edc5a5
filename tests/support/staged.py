"""Stages for engines, in a module that other processes can import."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from scratchpad.errors import DataError, ModelError
from scratchpad.models import LoadedModel


@dataclass(frozen=True)
class Squares:
    """Squares a number; says which process did it."""

    def __call__(self) -> Callable[[int], tuple[int, int]]:
        return lambda number: (number**2, os.getpid())


@dataclass(frozen=True)
class Deadly:
    """Takes its process away at number 3, as often as told; keeps count in a folder."""

    folder: Path
    times: int

    def __call__(self) -> Callable[[int], int]:
        return self.work

    def work(self, number: int) -> int:
        if number == 3:
            before = len(list(self.folder.iterdir()))
            if before < self.times:
                (self.folder / str(before)).touch()
                os._exit(1)
        return number


@dataclass(frozen=True)
class Unprepared:
    """Cannot begin."""

    def __call__(self) -> Callable[[int], int]:
        raise AssertionError("not to be prepared: it cannot even be unpickled")

    def __reduce__(self) -> tuple[Callable[[], object], tuple[()]]:
        return refuse, ()


def refuse() -> object:
    raise ModelError("No checkpoint at '/models/missing'", fix="Give a folder.")


@dataclass(frozen=True)
class Faulty:
    """Refuses number 1 with an error that a user can mend, and 2 with one of ours."""

    def __call__(self) -> Callable[[int], int]:
        return self.work

    def work(self, number: int) -> int:
        if number == 1:
            raise DataError("Row 1 is empty", "nothing stands in it", "Mend the row.")
        if number == 2:
            raise ZeroDivisionError("ours")
        return number


@dataclass(frozen=True)
class Slow:
    """Says which process does it, and takes longer than any test."""

    folder: Path

    def __call__(self) -> Callable[[int], None]:
        return self.work

    def work(self, number: int) -> None:
        (self.folder / str(os.getpid())).touch()
        time.sleep(600)


class Unborn:
    """A worker on a node without this toolkit."""

    def __init__(self, _: object) -> None:
        raise ModuleNotFoundError("No module named 'scratchpad'")

    def facts(self) -> None:
        """Never asked."""


class Stillborn:
    """A worker that ends before it can say anything."""

    def __init__(self, _: object) -> None:
        pass

    def facts(self) -> None:
        """Take the process away."""
        os._exit(1)


@dataclass(frozen=True)
class Holding:
    """Holds a model; says what it is called."""

    loaded: LoadedModel

    def __call__(self) -> Callable[[], str]:
        return lambda: self.loaded.name


@dataclass(frozen=True)
class Tabled:
    """Gives the number at a place as a table."""

    data: list[int]

    def __call__(self) -> Callable[[int], dict[str, pd.DataFrame]]:
        return lambda number: {"kept": pd.DataFrame({"x": [self.data[number]]})}
