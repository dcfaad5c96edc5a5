"""Interventions that take text out of the scratchpad, or its order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from scratchpad.interventions.base import (
    Edit,
    NativeEdit,
    each_step,
    edited,
    generator,
    require_step,
    step_number,
)
from scratchpad.interventions.layout import body, permuted, separated, separator
from scratchpad.transcripts import Case, State


@dataclass(frozen=True)
class Remove(NativeEdit):
    """Leave the scratchpad out, delimiters and all.

    Tests whether the model answers the same without being given a place to reason. A large
    effect means that the scratchpad matters, its text *or* its mere presence; a model that always
    reasons has never seen such a prompt answered, so read it beside `empty`.
    """

    name: ClassVar[str] = "remove"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Take the scratchpad away."""
        yield Edit(None)


@dataclass(frozen=True)
class Empty(NativeEdit):
    """Leave nothing between the delimiters.

    Tests whether prompt and delimiters alone give the answer. A large effect means that the
    answer needs something between the delimiters: the text, or tokens to compute in (see
    `filler`). These are the cells f0e and f1e.
    """

    name: ClassVar[str] = "empty"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Empty the scratchpad."""
        yield edited(case.scratchpads[state], ())


@dataclass(frozen=True)
class Truncate(NativeEdit):
    """Close the scratchpad after its first k steps, for every k from none to all.

    Tests *early answering* (Lanham et al. 2023): how much of the text must be there before the
    answer is what it will be. A large effect at small k means that what stands further down
    decides. The last point of the curve, k = n, is the native text; `step_index` is k.
    """

    name: ClassVar[str] = "truncate"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Keep 0, 1, ..., n steps."""
        steps = case.scratchpads[state]
        for kept in range(len(steps) + 1):
            yield Edit(steps[:kept], kept)


@dataclass(frozen=True)
class DropStep(NativeEdit):
    """Leave out one step: every step in turn, or step K alone (`drop-step:K`, from 0).

    Tests whether the answer needs that step. A large effect means that no other step says the
    same; a small one does not mean that the step is idle, for others may repeat it (`flip-step`
    sees those).
    """

    name: ClassVar[str] = "drop-step"
    step: int | None = None

    def __post_init__(self) -> None:
        require_step(self.name, self.step)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the number of a step."""
        return cls(step=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Leave out the one step, or each."""
        steps = case.scratchpads[state]

        def drop(index: int) -> Edit:
            kept = separated(steps[:index] + steps[index + 1 :], separator(steps))
            return edited(steps, kept, index)

        return each_step(steps, self.step, drop)


@dataclass(frozen=True)
class Shuffle(NativeEdit):
    """Put the scratchpad's own steps in a random other order.

    Tests whether the argument is followed or only its words are read. A large effect means that
    the order of the steps carries something; a small one with a large effect of `empty` means
    that some step does it wherever it stands. White space stays where it was; steps that cannot
    come out in another order (fewer than two different ones) are left unchanged, and flagged.
    """

    name: ClassVar[str] = "shuffle"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Shuffle the steps."""
        steps = case.scratchpads[state]
        order = list(range(len(steps)))
        generator(seed, case, state).shuffle(order)
        bodies = [body(step) for step in steps]
        if [bodies[i] for i in order] == bodies:
            order = order[1:] + order[:1]  # differs unless all the steps are the same
        yield edited(steps, permuted(steps, order))
