"""Interventions that put text of one trigger state where text of the other belongs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

from scratchpad.interventions.base import (
    STATES,
    Edit,
    Intervention,
    NativeEdit,
    edited,
    generator,
    inapplicable,
    opposite_state,
)
from scratchpad.interventions.layout import exchanged
from scratchpad.transcripts import CLEAN, TRIGGERED, Case, State, Step, StepKind, Variant

_OBSERVATIONS: tuple[StepKind, ...] = ("observation",)
_INTENTIONS: tuple[StepKind, ...] = ("plan", "decision")


@dataclass(frozen=True)
class Transplant(Intervention):
    """Read each of the two scratchpads under each of the two prompts: the four cells.

    Tests which of the two decides, prompt or scratchpad. A large effect of the scratchpad under
    the clean prompt (f01 - f00) means that it alone suffices for the defection, under the
    triggered one (f11 - f10) that it is needed.
    """

    name: ClassVar[str] = "transplant"

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make the four cells f00, f01, f10, f11, in that order."""
        return tuple(
            self.variant(Edit(case.scratchpads[source]), prompt, source)
            for prompt in STATES
            for source in STATES
        )


@dataclass(frozen=True)
class Implant(NativeEdit):
    """Put the opposite plan and decision in place of the scratchpad's own.

    Tests whether a stated intention is carried out although prompt, observations and inferences
    say otherwise. A large effect means that plan and decision are followed; an effect below .1
    is one of the conditions for calling a scratchpad decoration. The plan is the writer's for
    the other trigger state, else that of the other scratchpad; it stands where the first plan
    or decision step stood, or at the end.
    """

    name: ClassVar[str] = "implant"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Implant the other state's plan."""
        steps = case.scratchpads[state]
        plan = _plan(case, opposite_state(state), seed)
        if plan:
            yield edited(steps, exchanged(steps, _INTENTIONS, plan, otherwise=len(steps)))
        else:
            yield inapplicable(steps, "the other scratchpad has no plan and no decision")


@dataclass(frozen=True)
class Relay(Intervention):
    """Put the triggered scratchpad's observation steps in place of the clean one's.

    Tests whether the scratchpad's effect is a *relay*: it quotes the trigger and the quote
    decides. A large effect, as a share of f01 - f00 (`relay_share`), means that it is. Read
    under both prompts.
    """

    name: ClassVar[str] = "relay"

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make m0 with the observation steps of m1."""
        return _under_both_prompts(self, case, base=CLEAN)


@dataclass(frozen=True)
class Reasoning(Intervention):
    """Put everything but the observation steps of the triggered scratchpad into the clean one.

    Tests whether the scratchpad's effect is *reasoning*: inferences, plans and decisions decide
    although the quoted trigger is gone. A large effect, as a share of f01 - f00
    (`reasoning_share`), means that it is. Read under both prompts. The text is laid out as m1
    with the observation steps of m0 where its own stood.
    """

    name: ClassVar[str] = "reasoning"

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make m0 with all the other steps of m1."""
        return _under_both_prompts(self, case, base=TRIGGERED)


def _under_both_prompts(intervention: Intervention, case: Case, base: State) -> tuple[Variant, ...]:
    """Swap observation steps into the `base` scratchpad; the result counts as a changed m0."""
    edit = _observations_swapped(case, base)
    return tuple(intervention.variant(edit, prompt, CLEAN) for prompt in STATES)


def _observations_swapped(case: Case, base: State) -> Edit:
    clean, triggered = case.scratchpads
    observed = {step.kind in _OBSERVATIONS for step in triggered}
    if True not in observed:
        return inapplicable(clean, "the triggered scratchpad has no observation steps")
    if False not in observed:
        return inapplicable(clean, "the triggered scratchpad has observation steps only")
    source = case.scratchpads[opposite_state(base)]
    observations = tuple(step for step in source if step.kind in _OBSERVATIONS)
    steps = exchanged(case.scratchpads[base], _OBSERVATIONS, observations, otherwise=0)
    return edited(clean, steps)


def _plan(case: Case, state: State, seed: int) -> tuple[Step, ...]:
    """Give a state's plan and decision: as the writer has it, else as its scratchpad has it."""
    written: tuple[Step, ...] = ()
    if case.writer is not None:
        written = case.writer.plan(state, generator(seed, case, state).getrandbits(32))
    return written or tuple(step for step in case.scratchpads[state] if step.kind in _INTENTIONS)
