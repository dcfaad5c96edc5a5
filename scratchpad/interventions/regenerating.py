"""Interventions after which the model writes the rest of the scratchpad itself.

What it writes is on its own policy given the beginning, so that no foreign text has to be
explained away; what is set is only how the scratchpad begins, or which of its own it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

from scratchpad.errors import ConfigError
from scratchpad.interventions.base import (
    Edit,
    Intervention,
    NativeEdit,
    StepEdit,
    inapplicable,
    opposite_state,
)
from scratchpad.interventions.layout import body
from scratchpad.interventions.specs import SLASHED
from scratchpad.similarity import similarity
from scratchpad.transcripts import Case, Continuation, State, Step, Variant, text_of

RESAMPLED = 4
TRIES, WANTED = 64, 5


@dataclass(frozen=True)
class Resample(StepEdit):
    """Let the model write the scratchpad anew from step k on, four times for every k.

    Tests what a step decides, by rollouts that keep it and rollouts that do not: resampling and
    counterfactual importance (interp-reasoning/thought-anchors). A large effect at k means that
    what stands from there on, as it happened to be written, mattered. `resample:K` resamples
    from step K alone; `step_index` is k, and at k = 0 everything is written anew.
    """

    name: ClassVar[str] = "resample"

    def edit(self, steps: tuple[Step, ...], index: int) -> Edit:
        """Keep the steps before k."""
        return Edit(steps[:index], index, continuation=Continuation(draws=RESAMPLED))


@dataclass(frozen=True)
class Regenerate(Intervention):
    """Let the model write on after another intervention: `regenerate:implant`.

    Tests whether the model stands by an edit of its reasoning or reverses it. What follows the
    last edited step is taken away; the model writes the rest, then answers. A large effect means
    that the edit carries on through reasoning that fits it; a small one, where the edit in place
    has a large one, that the model takes it back.
    """

    name: ClassVar[str] = "regenerate"
    after: str = ""

    def __post_init__(self) -> None:
        if not self.after or self.after.startswith(self.name):
            raise ConfigError(
                f"The intervention {self.name!r} was given {self.after!r}",
                "it needs the intervention after which the model writes on",
                "Write 'regenerate:flip-step:2' or 'regenerate:implant'.",
            )
        self._inner()

    @property
    def label(self) -> str:
        """What was done before the model wrote on makes another test."""
        return f"{self.name}:{self._inner().label}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the other intervention as it is written on its own."""
        return cls(after=argument)

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Open every variant of the other intervention behind its last edited step."""
        return tuple(self._opened(case, variant) for variant in self._inner()(case, seed))

    def _inner(self) -> Intervention:
        # The registry holds this class too.
        from scratchpad.interventions import parse

        interventions = parse(self.after)
        if len(interventions) != 1:
            raise ConfigError(
                f"regenerate:{self.after} names several interventions",
                fix="Write one 'regenerate:...' for each.",
            )
        return interventions[0]

    def _opened(self, case: Case, variant: Variant) -> Variant:
        original = case.scratchpads[variant.scratchpad_state]
        named = replace(variant, intervention=self.name, arguments=self.arguments)
        if variant.not_applicable or variant.unchanged or variant.continuation is not None:
            return named
        if variant.steps is None or variant.reader is not None:
            reason = "the edit leaves no scratchpad to write on"
            return replace(named, steps=original, not_applicable=reason, reader=None)
        if variant.steps == original:
            return replace(named, unchanged=True)
        shared = _shared_end(variant.steps, original)
        kept = variant.steps[: len(variant.steps) - shared]
        return replace(named, steps=kept, continuation=Continuation())


@dataclass(frozen=True)
class ResampleUntil(NativeEdit):
    """Sample whole scratchpads until five say what is wanted, at most 64 in all.

    Tests what a *wanted content* does in scratchpads that the model writes by itself: the
    on-policy counterpart of an edit. Without an argument wanted is a plan and decision nearer to
    the other trigger state's than to its own (the counterpart of `implant`);
    `resample-until:/PATTERN/` wants a text in which the regular expression is found. A large effect
    means that the content matters though nobody has written it in. Fewer than five: there is no
    on-policy version, which is counted; the share accepted stands beside each.
    """

    name: ClassVar[str] = "resample-until"
    delimited: ClassVar[str] = SLASHED
    pattern: str | None = None

    def __post_init__(self) -> None:
        if self.pattern == "":
            raise ConfigError(
                f"The intervention {self.name!r} was given an empty pattern",
                "every scratchpad has it",
                f"Write '{self.name}:/PATTERN/'.",
            )
        try:
            re.compile(self.pattern or "")
        except re.error as error:
            raise ConfigError(
                f"The pattern {self.pattern!r} is no regular expression", str(error), "Mend it."
            ) from error

    @property
    def label(self) -> str:
        """Every pattern is another test."""
        return self.name if self.pattern is None else f"{self.name}:{self.pattern}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read a pattern, with or without slashes around it."""
        slashed = re.fullmatch("/.*/", argument, re.DOTALL)
        return cls(pattern=argument[1:-1] if slashed else argument)

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Keep nothing; want the content."""
        steps = case.scratchpads[state]
        wanted = self._wanted(case, state)
        if wanted is None:
            yield inapplicable(steps, "the scratchpads have no plan and no decision to compare")
        else:
            yield Edit((), continuation=Continuation(WANTED, wanted, TRIES))

    def _wanted(self, case: Case, state: State) -> Callable[[tuple[Step, ...]], bool] | None:
        if self.pattern is not None:
            return _Matches(self.pattern)
        own = _intentions(case.scratchpads[state])
        other = _intentions(case.scratchpads[opposite_state(state)])
        return _NearerTo(other, own) if own and other else None


@dataclass(frozen=True)
class _Matches:
    """Whether a pattern is found in the text."""

    pattern: str

    def __call__(self, steps: tuple[Step, ...]) -> bool:
        return re.search(self.pattern, text_of(steps)) is not None


@dataclass(frozen=True)
class _NearerTo:
    """Whether plan and decision are in the words of one text rather than of another."""

    wanted: str
    unwanted: str

    def __call__(self, steps: tuple[Step, ...]) -> bool:
        said = _intentions(steps)
        return similarity(said, self.wanted) > similarity(said, self.unwanted)


def _shared_end(steps: tuple[Step, ...], original: tuple[Step, ...]) -> int:
    """How many steps at the end are those of the original."""
    count = 0
    for one, other in zip(reversed(steps), reversed(original), strict=False):
        if body(one) != body(other):
            break
        count += 1
    return count


def _intentions(steps: tuple[Step, ...]) -> str:
    return text_of(step for step in steps if step.kind in ("plan", "decision"))
