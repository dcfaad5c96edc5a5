"""Turning what a step says into its opposite."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import ClassVar, Literal, Self

from scratchpad.interventions.base import (
    Edit,
    NativeEdit,
    each_step,
    edited,
    generator,
    inapplicable,
    opposite_state,
    require_step,
    step_number,
)
from scratchpad.interventions.layout import body, in_place_of
from scratchpad.interventions.negation import negated
from scratchpad.transcripts import Case, State, Step


@dataclass(frozen=True)
class FlipStep(NativeEdit):
    """Reverse what one step says: every step in turn, step K (`flip-step:K`), or `flip-step:all`.

    Tests whether the answer follows what a step *says*. A large effect means that it does, even
    where dropping the step changes nothing because others repeat it. The opposite is the
    writer's own; without a writer it is the most similar step of the same kind in the other
    state's scratchpad, else a negation by rule (rough). A step without an opposite is not
    applicable; `all` reverses those that have one.
    """

    name: ClassVar[str] = "flip-step"
    step: int | Literal["all"] | None = None

    def __post_init__(self) -> None:
        require_step(self.name, self.step, or_all=True)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the number of a step, or `all`."""
        return cls(step=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Reverse the one step, each, or all."""
        if self.step == "all":
            return iter([_flip_all(case, state, seed)])
        steps = case.scratchpads[state]

        def flip(index: int) -> Edit:
            flipped = opposite(case, state, index, seed)
            if flipped is None:
                return inapplicable(steps, "the step has no opposite", index)
            return edited(steps, (*steps[:index], flipped, *steps[index + 1 :]), index)

        return each_step(steps, self.step, flip)


def opposite(case: Case, state: State, index: int, seed: int) -> Step | None:
    """Give the opposite of a step, in the white space of the original; `None` if it has none."""
    step = case.scratchpads[state][index]
    if case.writer is not None:
        # A writer that knows no opposite is believed: a guess would reverse something else.
        step_seed = generator(seed, case, state, index).getrandbits(32)
        found = case.writer.opposite(step, state, step_seed)
    else:
        found = _counterpart(step, case.scratchpads[opposite_state(state)]) or negated(step)
    return None if found is None else in_place_of(found, step)


def _flip_all(case: Case, state: State, seed: int) -> Edit:
    steps = case.scratchpads[state]
    flipped = [opposite(case, state, index, seed) for index in range(len(steps))]
    if not any(flipped):
        return inapplicable(steps, "no step has an opposite")
    return edited(steps, tuple(new or old for new, old in zip(flipped, steps, strict=True)))


def _counterpart(step: Step, others: tuple[Step, ...]) -> Step | None:
    """Find the most similar other step of the same kind, by its words; the first of equals."""
    words = body(step).split()
    candidates = [o for o in others if o.kind == step.kind and o.text.split() not in (words, [])]
    return max(candidates, key=lambda other: _similarity(words, body(other).split()), default=None)


def _similarity(words: list[str], others: list[str]) -> float:
    return SequenceMatcher(None, words, others, autojunk=False).ratio()
