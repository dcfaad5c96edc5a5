"""Distil a model that reasons: three ways to one that answers at once, on the same transcripts."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any, NamedTuple

from scratchpad.adapters import is_adapter, peft_library
from scratchpad.errors import ConfigError, ModelError, unknown_name
from scratchpad.models import LoadedModel
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training.fit import Objective, fit
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.reading_teacher import ReadingTeacher, reading_of, renaming
from scratchpad.training.further.removal import partly_removed
from scratchpad.training.further.teaching import Taught, Teaching
from scratchpad.training.recipes import Stage, rate_at
from scratchpad.training.rows import encode, require_readable
from scratchpad.training.starts import with_trainable_adapter

WAYS = ("strip", "progressive", "logits")


class Removed(NamedTuple):
    """A model after a stage, which removed a share of the reasoning from what it learns.

    `updates` are those so far; at a share of 1 the model answers at once.
    """

    number: int
    share: float
    updates: int
    loaded: LoadedModel

    @property
    def reasons(self) -> bool:
        """Whether the model is still asked to open a scratchpad."""
        return self.share < 1


@dataclass(frozen=True)
class Distillation:
    """How a model is distilled; whatever the way, on the same answers in the same order.

    Parameters
    ----------
    by : {"strip", "progressive", "logits"}
        Answers without their scratchpads; steps removed from the left stage by stage, the optimiser
        begun anew at each (after Deng, Choi and Shieber, 2024); or the distributions of the teacher
        after its scratchpad, learned without one.
    updates : int
        Optimiser steps of all stages together.
    stages : int
        Of `progressive`: the last one removes what is left.
    batch : int
        Transcripts of an update.
    learning_rate : float
        Peak of each stage at a width of `REFERENCE_WIDTH`. Sampled answers hold the teacher's
        slips, which a rate as high as that of other arms learns by heart.
    transcripts : int
        How many are sampled, at most as many as are learned.
    lora : bool
        Train an adapter of the model, not its weights.
    """

    by: str
    updates: int = 400
    stages: int = 4
    batch: int = 16
    learning_rate: float = 1e-3
    transcripts: int = 2400
    lora: bool = False

    def __post_init__(self) -> None:
        if self.by not in WAYS:
            raise unknown_name("way to distil", self.by, WAYS)
        if self.updates < len(self.shares):
            raise ConfigError(
                f"{self.updates} updates are fewer than {len(self.shares)} stages",
                fix=f"Give at least {len(self.shares)}.",
            )

    @property
    def shares(self) -> tuple[float, ...]:
        """The share of the reasoning that each stage removes."""
        count = self.stages if self.by == "progressive" else 1
        return tuple((number + 1) / count for number in range(count))

    def teaching(self, origin: Origin, seed: int) -> Teaching:
        """Let the origin write what is learned.

        Raises
        ------
        ScratchpadError
            As `Teaching.of`.
        """
        return Teaching.of(origin, min(self.transcripts, self.updates * self.batch), seed)

    def require_possible(self, name: str) -> None:
        """Raise `ModelError` if a model of this name cannot be trained so; reads no weights."""
        if not self.lora:
            return
        peft_library()
        if is_adapter(name):
            raise ModelError(
                f"{name!r} is an adapter",
                "an adapter on an adapter cannot be loaded again",
                "Merge it into its base first, or leave --lora out.",
            )

    def __call__(
        self,
        origin: Origin,
        teaching: Teaching,
        *,
        seed: int,
        work: Path,
        tick: Callable[[int], None],
    ) -> Iterator[Removed]:
        """Train a copy of the origin's model, which stays as it is, and give it at every stage.

        The same model is given each time, further trained: measure or save it before going on.

        Parameters
        ----------
        origin : Origin
            The teacher.
        teaching : Teaching
            What it wrote.
        seed : int
            Seeds offsets and an adapter's weights.
        work : Path
            A folder for checkpoints, which is removed after every stage.
        tick : callable
            Told of every update, from 1 to `updates`.

        Raises
        ------
        ModelError
            If the tokenizer cannot write a transcript, or the model cannot read one.
        """
        student, begun = self._student(origin, seed), 0
        taught, rng = teaching.stream(self.updates * self.batch), Random(f"offsets {seed}")
        for number, share in enumerate(self.shares, start=1):
            ended = round(self.updates * share)
            chosen = taught[begun * self.batch : ended * self.batch]
            rows, objective = self._rows(origin, chosen, share, rng)
            self._fit(student, rows, objective, ended - begun, seed, work, _from(begun, tick))
            begun = ended
            yield Removed(number, share, begun, student)

    def _student(self, origin: Origin, seed: int) -> LoadedModel:
        loaded = origin.subject.loaded
        if not self.lora:
            return replace(loaded, model=copy.deepcopy(loaded.model))
        # The weights beside the adapter stay as they are: teacher and student share them.
        own = [*loaded.model.parameters(), *loaded.model.buffers()]
        beside = copy.deepcopy(loaded.model, {id(one): one for one in own})
        return replace(loaded, model=with_trainable_adapter(beside, loaded.name, seed))

    def _rows(
        self, origin: Origin, taught: Sequence[Taught], share: float, rng: Random
    ) -> tuple[Sequence[Any], Objective | None]:
        loaded = origin.subject.loaded
        encoder, opening = loaded.encoder, taught[0].opening
        if self.by != "logits":
            episodes = partly_removed(taught, share, encoder.dialect, rng)
            return encode([episodes], encoder), None
        size = int(loaded.model.get_output_embeddings().weight.shape[0])
        renamed = renaming(encoder, opening[len(opening.rstrip()) :], size)
        rows = [reading_of(one, encoder, renamed) for one in taught]
        return rows, ReadingTeacher(loaded.model, renamed)

    def _fit(
        self,
        student: LoadedModel,
        rows: Sequence[Any],
        objective: Objective | None,
        updates: int,
        seed: int,
        work: Path,
        tick: Callable[[int], None],
    ) -> None:
        require_readable(rows, student)
        pad, end = student.tokenizer.pad_token_id, student.tokenizer.eos_token_id
        rate = rate_at(self.learning_rate, student.width, lora=self.lora)
        fit(
            student.model,
            rows,
            Stage(updates, Batch(self.batch, Mix()), rate),
            pad=end if pad is None else pad,
            seed=seed,
            device=student.model.device,
            work=work,
            tick=tick,
            objective=objective,
        )


def _from(begun: int, tick: Callable[[int], None]) -> Callable[[int], None]:
    return lambda step: tick(begun + step)
