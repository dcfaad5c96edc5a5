"""One trial: train the organism and its twin, train it further, and check up on it meanwhile."""

from __future__ import annotations

import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from pandas import DataFrame

from analyses.persistence.grid import Roots, Trial
from analyses.persistence.hardening import Hardening
from scratchpad.cache import cache_folder
from scratchpad.locks import FOREVER, locked
from scratchpad.organisms import read_organism
from scratchpad.subject import SubjectConfig
from scratchpad.training.config import TrainConfig
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.registry import METHODS
from scratchpad.training.further.reward import ConstantRewardError
from scratchpad.training.stages import Training
from scratchpad.training.train import train_organism

# How often a trial is measured, before and after among them.
CHECKPOINTS = 6


class Finished(NamedTuple):
    """The tables of a trial; seconds stand apart, they differ from run to run."""

    checkups: DataFrame
    verdicts: DataFrame
    log: DataFrame
    seconds: float


def organism_of(config: TrainConfig) -> Path:
    """Where an organism is kept, once it is trained."""
    return cache_folder() / "organisms" / config.hash


def train_parent(config: TrainConfig) -> None:
    """Train what several organisms continue from, unless it is in the cache."""
    Training(config).parent()


def train_origin(config: TrainConfig) -> None:
    """Train an organism, unless one of the same configuration is in the cache."""
    folder = organism_of(config)
    with locked(folder, "train", patience=FOREVER):
        train_organism(config, folder)


def run_trial(trial: Trial, roots: Roots) -> Finished:
    """Train a finished organism further; one that a reward could teach nothing stays as it is."""
    start = time.perf_counter()
    folder, twin = (organism_of(one) for one in (roots.organism(trial), roots.twin(trial)))
    origin = Origin.load(SubjectConfig(str(folder)))
    # Every method has an optimiser, whatever its other settings are.
    settings: Any = METHODS[trial.method]
    method = replace(settings, optimiser=trial.optimiser)
    harden = Hardening(origin, method, trial.seed, CHECKPOINTS, str(twin))
    with tempfile.TemporaryDirectory(prefix="trial-") as work:
        try:
            _, tables = harden(Path(work) / "work", lambda step: None)
        except ConstantRewardError:
            tables = harden.untrained()
    named = {name: table.assign(**described(trial)) for name, table in tables.items()}
    seconds = time.perf_counter() - start
    return Finished(named["checkups"], named["verdicts"], named["training_log"], seconds)


def described(trial: Trial) -> dict[str, Any]:
    """A trial's name and settings, as every table has them."""
    return {"trial": trial.name, **vars(trial)}


def began_from(trial: Trial, roots: Roots) -> dict[str, Any]:
    """What a trial began from, and which requirements that organism missed."""
    organism = read_organism(organism_of(roots.organism(trial)))
    failures = "; ".join(organism.failures)
    return described(trial) | {"payload_text": organism.payload, "failures": failures}
