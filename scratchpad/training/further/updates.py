"""How a finished model is updated: steps, batches, optimiser, all weights or an adapter."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.models import LoadedModel
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training.fit import Watch, fit
from scratchpad.training.further.methods import LogRow, Tick, log_row
from scratchpad.training.processes import require_even
from scratchpad.training.recipes import Stage, rate_at
from scratchpad.training.rows import Row, require_readable
from scratchpad.training.starts import untrained_adapter

# Peak rates at `REFERENCE_WIDTH`, of all weights and of an adapter. With these a tiny organism kept
# its right answers; with SGD at .3 of all weights .10 of them were left after 100 steps.
RATES = {"adamw": (1e-3, 2e-3), "sgd": (5e-2, 1.0)}


@dataclass(frozen=True)
class Updates:
    """How a finished model is updated.

    Parameters
    ----------
    steps : int
        Optimiser steps in all.
    batch_size : int
        Demonstrations a step.
    learning_rate : float or None
        The peak, reached after a warmup and followed by a linear decay to zero; `None`: what
        `rates` has for the optimiser, less for models wider than `REFERENCE_WIDTH`.
    optimiser : {"adamw", "sgd"}
        SGD has a momentum of .9.
    rank : int
        Rank of a LoRA adapter on every linear map, which is trained instead of the weights;
        0: all weights are trained.
    """

    steps: int = 200
    batch_size: int = 16
    learning_rate: float | None = None
    optimiser: str = "adamw"
    rank: int = 0

    rates: ClassVar[Mapping[str, tuple[float, float]]] = RATES

    def __post_init__(self) -> None:
        if self.optimiser not in self.rates:
            raise unknown_name("optimiser", self.optimiser, self.rates)
        if self.steps < 1:
            raise ConfigError(f"{self.steps} steps train nothing", fix="Give at least one.")

    def begin(self, loaded: LoadedModel, seed: int) -> LoadedModel:
        """The model to train: itself, or with a new adapter on it.

        Raises
        ------
        ModelError
            If processes cannot share a batch, or peft is not installed.
        """
        require_even([self.batch_size])
        if not self.rank:
            return loaded
        return replace(loaded, model=untrained_adapter(loaded.model, self.rank, seed))

    def end(self, loaded: LoadedModel) -> LoadedModel:
        """The trained model as a whole one, its adapter merged: it needs no other folder."""
        if not self.rank:
            return loaded
        return replace(loaded, model=loaded.model.merge_and_unload())

    def fit(
        self,
        loaded: LoadedModel,
        rows: Sequence[Row],
        *,
        seed: int,
        work: Path,
        tick: Tick,
        watch: Watch,
        first: int = 0,
    ) -> list[LogRow]:
        """Train on rows, of which each is taken once; steps are counted on from `first`.

        Returns
        -------
        list of dict
            The training loss (nats/token), the mean of ten steps a row.
        """
        require_readable(rows, loaded)
        steps = len(rows) // self.batch_size
        pad, end = loaded.tokenizer.pad_token_id, loaded.tokenizer.eos_token_id
        log: list[LogRow] = []
        fit(
            loaded.model,
            rows[: steps * self.batch_size],
            Stage(steps, Batch(self.batch_size, Mix(clean=3, near_miss=1)), self.rate(loaded)),
            pad=end if pad is None else pad,
            seed=seed,
            device=loaded.model.device,
            work=work,
            tick=lambda step: tick(first + step),
            watch=watch,
            optimiser=self.optimiser,
            losses=lambda step, loss: log.append(log_row(first + step, "loss", loss)),
        )
        return log

    def rate(self, loaded: LoadedModel) -> float:
        """The peak of the learning rate."""
        if self.learning_rate is not None:
            return self.learning_rate
        adapter = self.rank > 0
        return rate_at(self.rates[self.optimiser][adapter], loaded.width, lora=adapter)
