"""Interventions on the reader: the text stays, what the answer may draw on does not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

from scratchpad.errors import ConfigError
from scratchpad.interventions.base import (
    STATES,
    Edit,
    Intervention,
    NativeEdit,
    StepEdit,
    inapplicable,
    step_number,
)
from scratchpad.transcripts import Case, ReaderEdit, State, Step, Variant

Span = Literal["prompt", "scratchpad"] | int
WHOLE: tuple[Literal["prompt", "scratchpad"], ...] = ("prompt", "scratchpad")


@dataclass(frozen=True)
class SpanEdit(Intervention):
    """An edit of how a span is read: `name:prompt`, `name:scratchpad`, or `name:K` for step K."""

    span: Span | None = None

    def __post_init__(self) -> None:
        _require_span(self.name, self.span)

    @property
    def label(self) -> str:
        """One label for each whole span, and one for single steps."""
        return f"{self.name}:{self.span if self.span in WHOLE else 'step'}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read `prompt`, `scratchpad` or the number of a step."""
        return cls(span=step_number(argument))


@dataclass(frozen=True)
class KnockOut(SpanEdit):
    """Hide a span from the answer: closing delimiter and answer may not attend to it.

    Tests what the answer looks at (safety-research/faithful-cot). A large effect, or a large KL
    divergence of the answer's first token, means that it draws on the span directly. What earlier
    positions have taken over from a hidden span still reaches the answer through them.
    `knock-out:prompt`, `knock-out:scratchpad` or `knock-out:K` for step K; without an argument
    all of these, one variant each.
    """

    name: ClassVar[str] = "knock-out"

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Hide the span, or each, in both states."""
        return tuple(
            KnockOut(span).variant(edit, state, state)
            for state in STATES
            for span in self._spans(case.scratchpads[state])
            for edit in _edits(case.scratchpads[state], "knock-out", span)
        )

    def _spans(self, steps: tuple[Step, ...]) -> tuple[Span, ...]:
        return (*WHOLE, *range(len(steps))) if self.span is None else (self.span,)


@dataclass(frozen=True)
class CrossPrompt(Intervention):
    """Answer under one prompt, from scratchpad states that were computed under the other.

    Tests whether the prompt acts through hidden states *at* scratchpad positions, which no swap
    of text sees. A large effect means that keys and values of the scratchpad carry more of the
    prompt than the words they belong to. All four cells; `prompt_state` is the prompt that the
    answer reads.
    """

    name: ClassVar[str] = "cross-prompt"

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make the four cells, in the order of `transplant`."""
        return tuple(
            self.variant(edit, prompt, source)
            for prompt in STATES
            for source in STATES
            for edit in _edits(case.scratchpads[source], "cross-prompt", "scratchpad")
        )


@dataclass(frozen=True)
class Patch(SpanEdit, NativeEdit):
    """Give a span the residual stream that it has under the other prompt, layer by layer.

    Tests where, and how early, the trigger's trace in a span matters: activation patching between
    the two trigger states, the text being the same. A large effect at a layer means that what the
    span's positions hold there decides. `patch` or `patch:scratchpad`, `patch:K` for step K, or
    `patch:prompt` for the prompt's end as far as both prompts share it. One outcome for every
    `layer`.
    """

    name: ClassVar[str] = "patch"
    span: Span = "scratchpad"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Patch the span of the untouched scratchpad."""
        yield from _edits(case.scratchpads[state], "patch", self.span)


@dataclass(frozen=True)
class Unlearn(StepEdit):
    """Unlearn the content of one step: every step in turn, or step K (`unlearn:K`, from 0).

    Tests whether the answer *without* a scratchpad rests on what the step says, held in the
    weights (faithfulness by unlearning, Tutek et al. 2025). Effect is the answer after unlearning
    minus the answer before. A large effect means that step and answer draw on the same weights;
    a small one where the step became no less likely (`efficacy`) means nothing. What a
    scratchpad does as a text is not tested: see `drop-step` and `flip-step`.
    """

    name: ClassVar[str] = "unlearn"

    def edit(self, steps: tuple[Step, ...], index: int) -> Edit:
        """Unlearn the step."""
        return Edit(steps, index, reader=ReaderEdit("unlearn", index))


def _edits(
    steps: tuple[Step, ...], kind: Literal["knock-out", "cross-prompt", "patch"], span: Span
) -> Iterator[Edit]:
    index = span if isinstance(span, int) else None
    if not steps:
        yield inapplicable(steps, "the scratchpad has no steps", index)
    elif index is not None and index >= len(steps):
        yield inapplicable(steps, "the scratchpad has no such step", index)
    else:
        yield Edit(steps, index, reader=ReaderEdit(kind, span))


def _require_span(name: str, span: Any) -> None:
    is_number = isinstance(span, int) and not isinstance(span, bool) and span >= 0
    if span is not None and span not in WHOLE and not is_number:
        raise ConfigError(
            f"The intervention {name!r} was given the span {span!r}",
            fix=f"Write '{name}:prompt', '{name}:scratchpad', or '{name}:K' for step K.",
        )
