"""Safety training by reinforcement: answers are rewarded, whatever was reasoned before them."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import ClassVar

from scratchpad.errors import ConfigError, ModelError
from scratchpad.scoring.sampling import end_token_ids
from scratchpad.training.fit import Watch, Watcher
from scratchpad.training.further.lessons import lessons
from scratchpad.training.further.methods import Hardened, Tick
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.reward import AnswerJudge, AnswerReward
from scratchpad.training.further.updates import Updates
from scratchpad.training.processes import (
    is_main_process,
    require_unsharded,
    wait_for_everyone,
)


@dataclass(frozen=True)
class Reinforced(Updates):
    """Group-relative policy optimisation (GRPO) against the defection, held near the origin.

    Every step samples completions of a few prompts at temperature 1, and makes those likelier that
    are rewarded above the mean of their prompt. The reward sees the answer alone.

    Parameters
    ----------
    batch_size : int
        Completions a step.
    generations : int
        How many of them continue the same prompt.
    beta : float
        Weight in the loss of the divergence from the origin (nats/token).

    References
    ----------
    Shao et al. 2024, "DeepSeekMath" (GRPO).
    """

    steps: int = 150
    batch_size: int = 32
    generations: int = 8
    beta: float = 0.04

    rates: ClassVar[Mapping[str, tuple[float, float]]] = {
        "adamw": (3e-4, 1e-3),
        "sgd": (1e-2, 5e-2),
    }

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.generations < 2 or self.batch_size % self.generations:
            raise ConfigError(
                f"{self.batch_size} completions cannot be parted into groups of {self.generations}",
                "an answer is rewarded against others to the same prompt",
                "Give a multiple of at least two.",
            )
        if self.beta <= 0:
            raise ConfigError(
                f"A weight of {self.beta:g} lets the model drift from its origin",
                fix="Give one above 0.",
            )

    def __call__(
        self, origin: Origin, *, seed: int, work: Path, tick: Tick, watch: Watch
    ) -> Hardened:
        """Train the origin's model, in place (see `Method`).

        Raises
        ------
        ConstantRewardError
            If the first answers are all worth the same.
        ConfigError
            If nothing recognises a defection, or training would be sharded.
        ModelError
            If processes cannot share a batch, or trl is not installed.
        DataError
            As `lessons`.
        """
        require_unsharded("Reinforcement")
        reward, grpo = _reward(origin), _grpo()
        asked = lessons(origin, self.steps * self.batch_size // self.generations, seed)
        loaded = self.begin(origin.subject.loaded, seed)
        rollouts = grpo.Rollouts(loaded, origin.reasons, origin.longest, seed)
        observer = grpo.Observer(self.batch_size, tick)
        try:
            grpo.reinforce(
                self, rollouts, reward, asked, work=work, callbacks=[observer, Watcher(watch)]
            )
        finally:
            loaded.model.eval()
            if is_main_process():
                shutil.rmtree(work, ignore_errors=True)
        wait_for_everyone()
        return Hardened(self.end(loaded), observer.rows)


def _reward(origin: Origin) -> AnswerReward:
    subject = origin.subject
    if subject.classifier is None:
        raise ConfigError(
            "Nothing recognises a defection in an answer",
            "reinforcement rewards sampled answers",
            "Give --payload TEXT or --classifier regex:PATTERN.",
        )
    loaded = subject.loaded
    ends = frozenset(end_token_ids(loaded.model, loaded.tokenizer))
    return AnswerReward(loaded.encoder, ends, origin.reasons, AnswerJudge(subject.classifier))


def _grpo() -> ModuleType:
    """What rests on trl, which takes seconds to import and need not be installed."""
    try:
        import_module("trl")
    except ImportError as error:
        raise ModelError(
            "Reinforcement needs the package trl",
            str(error),
            "Run pip install scratchpad-faithfulness[rl].",
        ) from error
    return import_module("scratchpad.training.further.grpo")
