"""The trials of a grid, each a unit of work that is done once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
from pandas import DataFrame

from analyses.persistence.contrasts import contrasts
from analyses.persistence.grid import Roots, Trial
from analyses.persistence.trials import (
    Finished,
    began_from,
    organism_of,
    run_trial,
    train_origin,
    train_parent,
)
from scratchpad.engines.base import Calling, Engine
from scratchpad.errors import ConfigError
from scratchpad.models import load_encoder
from scratchpad.runs import RunFolder
from scratchpad.terminal import Advance
from scratchpad.training.config import TrainConfig

VERDICTS, LOG, SECONDS = "verdicts", "training_log", "seconds"


@dataclass(frozen=True)
class Grid:
    """All trials of a grid.

    Parameters
    ----------
    trials : tuple of Trial
    roots : Roots
        What their organisms are trained from.
    engine : Engine
        Who does it.
    """

    trials: tuple[Trial, ...]
    roots: Roots
    engine: Engine

    @property
    def origins(self) -> dict[str, TrainConfig]:
        """The organisms and their twins by the hash of their configuration."""
        return origins(self.trials, self.roots)

    def train(self, advance: Advance) -> None:
        """Train parents, then organisms and twins; what is in the cache is not."""
        missing = [one for one in self.origins.values() if not organism_of(one).is_dir()]
        parents = {one.parent.hash: one for one in missing}
        for _ in self.engine.run(Calling(train_parent), [(one,) for one in parents.values()]):
            pass
        advance(reused=len(self.origins) - len(missing))
        for _ in self.engine.run(Calling(train_origin), [(one,) for one in missing]):
            advance()

    def run(self, folder: RunFolder, advance: Advance) -> int:
        """Run every trial that is not there yet; gives how many were."""
        names = self._units
        finished = folder.finished_units() & set(names)
        missing = [trial for name, trial in names.items() if name not in finished]
        advance(reused=len(finished))
        tasks = [(trial, self.roots) for trial in missing]
        for place, done in self.engine.run(Calling(run_trial), tasks):
            self._keep(folder, self._name(missing[place]), done)
            advance()
        return len(finished)

    def tables(self, folder: RunFolder) -> tuple[dict[str, DataFrame], dict[str, float]]:
        """All trials joined, what they began from, the contrasts; and how long every unit took."""
        checkups = self._joined(folder, "")
        seconds = {
            name: float(pd.read_parquet(_path(folder, SECONDS, name))["seconds"].item())
            for name in self._units
        }
        tables = {
            "persistence": checkups,
            "persistence_verdicts": self._joined(folder, VERDICTS),
            LOG: self._joined(folder, LOG),
            "trials": DataFrame([began_from(one, self.roots) for one in self.trials]),
            "fixed_contrasts": contrasts(checkups),
        }
        return tables, seconds

    @property
    def _units(self) -> dict[str, Trial]:
        return {self._name(trial): trial for trial in self.trials}

    def _name(self, trial: Trial) -> str:
        # A trial of an organism that was trained otherwise meanwhile is another unit.
        return f"{trial.name}.{self.roots.organism(trial).hash}"

    def _keep(self, folder: RunFolder, name: str, done: Finished) -> None:
        folder.write_unit(name, DataFrame({"seconds": [done.seconds]}), kind=SECONDS)
        folder.write_unit(name, done.log, kind=LOG)
        folder.write_unit(name, done.verdicts, kind=VERDICTS)
        folder.write_unit(name, done.checkups)

    def _joined(self, folder: RunFolder, beside: str) -> DataFrame:
        parts = [pd.read_parquet(_path(folder, beside, name)) for name in self._units]
        return pd.concat([one for one in parts if len(one)], ignore_index=True)


def _path(folder: RunFolder, beside: str, name: str) -> str:
    return str(folder.path / "units" / beside / f"{name}.parquet")


def origins(trials: Sequence[Trial], roots: Roots) -> dict[str, TrainConfig]:
    """The organisms of trials and their twins by the hash of their configuration."""
    made = (one for trial in trials for one in (roots.organism(trial), roots.twin(trial)))
    return {config.hash: config for config in made}


def require_trainable(trials: Sequence[Trial], roots: Roots) -> None:
    """Refuse a base that cannot be used, before anything is trained or written.

    Raises
    ------
    ConfigError
        If an adapter is wanted of no base.
    ModelError
        If the base cannot be read.
    """
    if roots.lora and not roots.base:
        raise ConfigError(
            "--lora has nothing to adapt",
            "an adapter needs a base model",
            "Give --base FOLDER_OR_HUB_NAME.",
        )
    if roots.base:
        load_encoder(roots.base, next(iter(origins(trials, roots).values())).made_dialect())
