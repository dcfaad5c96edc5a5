"""Interventions that leave the text alone and change the model that reads it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from scratchpad.interventions.base import Edit, NativeEdit, each_step, require_step, step_number
from scratchpad.transcripts import Case, ReaderEdit, State


@dataclass(frozen=True)
class Unlearn(NativeEdit):
    """Unlearn the content of one step: every step in turn, or step K (`unlearn:K`, from 0).

    Tests whether the answer *without* a scratchpad rests on what the step says, held in the
    weights (faithfulness by unlearning, Tutek et al. 2025). Effect is the answer after unlearning
    minus the answer before. A large effect means that step and answer draw on the same weights;
    a small one where the step became no less likely (`efficacy`) means nothing. What a
    scratchpad does as a text is not tested: see `drop-step` and `flip-step`.
    """

    name: ClassVar[str] = "unlearn"
    step: int | None = None

    def __post_init__(self) -> None:
        require_step(self.name, self.step)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the number of a step."""
        return cls(step=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Unlearn the one step, or each."""
        steps = case.scratchpads[state]

        def unlearn(index: int) -> Edit:
            return Edit(steps, index, reader=ReaderEdit("unlearn", index))

        return each_step(steps, self.step, unlearn)
