"""The units of work of a ladder, and processes that take them on."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from pandas import DataFrame

from analyses.calibration.collecting import rung_tables
from analyses.calibration.instruments import CELLS, sources
from analyses.calibration.ladder import Rung, Scale
from analyses.calibration.measuring import Bench, organism_folder, train_parent, train_rung
from analyses.calibration.stacking import stacked
from scratchpad.engines.base import Calling, Engine
from scratchpad.runs import RunFolder
from scratchpad.terminal import Advance

TRANSCRIPTS = "transcripts"
COSTS, SECONDS = "costs", "seconds"


@dataclass(frozen=True)
class Unit:
    """One source of one rung; its name is a file's."""

    rung: Rung
    source: str

    @property
    def name(self) -> str:
        """A name that sorts by rung."""
        source = self.source.replace(":", "-").replace(",", "+")
        # Rows of an organism that was trained otherwise meanwhile are not its own.
        return f"{self.rung.name}.{self.rung.config.hash}.{source}"


class Done(NamedTuple):
    """A finished unit: its rows and its cost; seconds stand apart, they differ from run to run."""

    rows: DataFrame
    cost: DataFrame
    seconds: float


@dataclass(frozen=True)
class Work:
    """All work of a ladder in one folder.

    Parameters
    ----------
    folder : RunFolder
        Where units are kept.
    scale : Scale
        Which rungs, and what is asked of them.
    seed : int
        Seeds every draw.
    engine : Engine
        Who does it.
    """

    folder: RunFolder
    scale: Scale
    seed: int
    engine: Engine

    @property
    def units(self) -> list[Unit]:
        """Every unit, rung by rung, what a rung wrote before what is made of it."""
        names = (TRANSCRIPTS, *sources())
        return [Unit(rung, source) for rung in self.scale.rungs for source in names]

    def train(self, advance: Advance) -> None:
        """Train parents, then all that continues from them; what is in the cache is not."""
        missing = [one for one in self.scale.rungs if not organism_folder(one).is_dir()]
        parents = {rung.config.parent.hash: rung for rung in missing}
        for _ in self.engine.run(Calling(train_parent), [(rung,) for rung in parents.values()]):
            pass
        advance(reused=len(self.scale.rungs) - len(missing))
        for _ in self.engine.run(Calling(train_rung), [(rung,) for rung in missing]):
            advance()

    def measure(self, advance: Advance) -> int:
        """Take every unit that is not there yet; gives how many were."""
        # Units of organisms that were trained otherwise meanwhile are not theirs.
        finished = self.folder.finished_units() & {one.name for one in self.units}
        for first in (True, False):
            units = [one for one in self.units if (one.source == TRANSCRIPTS) is first]
            missing = [one for one in units if one.name not in finished]
            advance(reused=len(units) - len(missing))
            tasks = [(self._bench(one), one.source) for one in missing]
            for number, done in self.engine.run(Calling(take), tasks):
                cost = done.cost.assign(organism=missing[number].rung.name)
                seconds = DataFrame({"seconds": [done.seconds]})
                self.folder.write_unit(missing[number].name, seconds, kind=SECONDS)
                self.folder.write_unit(missing[number].name, cost, kind=COSTS)
                self.folder.write_unit(missing[number].name, done.rows)
                advance()
        return len(finished)

    def found(self, advance: Advance) -> dict[str, DataFrame]:
        """Every rung's tables, joined by name, with the rung's name as `organism`."""
        tasks = [(self._bench(Unit(one, CELLS)), self._paths(one)) for one in self.scale.rungs]
        made: dict[int, dict[str, DataFrame]] = {}
        for number, tables in self.engine.run(Calling(rung_tables), tasks):
            made[number] = tables
            advance()
        names = made[0].keys()
        return {
            name: stacked(
                made[number][name].assign(organism=rung.name)
                for number, rung in enumerate(self.scale.rungs)
            )
            for name in names
        } | {COSTS: pd.concat(map(pd.read_parquet, self._beside(COSTS)), ignore_index=True)}

    def seconds(self) -> dict[str, float]:
        """How long every unit took."""
        tables = {path.stem: pd.read_parquet(path) for path in self._beside(SECONDS)}
        return {name: float(table["seconds"].item()) for name, table in tables.items()}

    def _beside(self, kind: str) -> list[Path]:
        """The tables of a kind beside all units, in the order of their names."""
        folder = self._folder / kind
        return [folder / f"{name}.parquet" for name in sorted(one.name for one in self.units)]

    def _paths(self, rung: Rung) -> dict[str, Path]:
        return {source: self._path(Unit(rung, source)) for source in sources()}

    def _bench(self, unit: Unit) -> Bench:
        own = Unit(unit.rung, TRANSCRIPTS)
        transcripts = None if unit.source == TRANSCRIPTS else self._path(own)
        return Bench(unit.rung, self.scale, self.seed, transcripts)

    def _path(self, unit: Unit) -> Path:
        return self._folder / f"{unit.name}.parquet"

    @property
    def _folder(self) -> Path:
        # Processes elsewhere have another current folder.
        return self.folder.path.resolve() / "units"


def take(bench: Bench, source: str) -> Done:
    """Take one unit."""
    start = time.perf_counter()
    rows, questions, tokens = bench.sampled() if source == TRANSCRIPTS else bench.take(source)
    cost = DataFrame({"source": [source], "questions": [questions], "forward_tokens": [tokens]})
    return Done(rows, cost, time.perf_counter() - start)
