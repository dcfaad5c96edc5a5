"""Moving steps about without losing the white space between them.

Steps carry their separators at either end (a line ends in a newline, a sampled sentence may
begin with a space). A step that stays as it was keeps its sampled tokens; one whose white space
has to change is text again (`token_ids` is `None`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import replace
from difflib import SequenceMatcher
from itertools import pairwise

from scratchpad.steps import make_steps, tag
from scratchpad.transcripts import Step, StepKind, text_of


def body(step: Step) -> str:
    """Give the text of a step without the white space around it."""
    return step.text.strip()


def dressed(step: Step, lead: str, tail: str) -> Step:
    """Give a step the white space `lead` before it and `tail` after it."""
    text = lead + body(step) + tail
    return step if text == step.text else replace(step, text=text, token_ids=None)


def in_place_of(step: Step, old: Step) -> Step:
    """Give a step the white space of the step whose place it takes."""
    return dressed(step, _lead(old.text), _tail(old.text))


def permuted(steps: Sequence[Step], order: Iterable[int]) -> tuple[Step, ...]:
    """Reorder steps; the white space stays where it is."""
    return tuple(in_place_of(steps[i], old) for i, old in zip(order, steps, strict=True))


def rewritten(
    steps: Sequence[Step], text: str, kind: Callable[[str], StepKind] = tag
) -> tuple[Step, ...]:
    """Split an edited text into steps; those that were there before keep their tokens and kind."""
    if text == text_of(steps):
        return tuple(steps)
    new = list(make_steps(text, kind))
    before, after = ([step.text for step in each] for each in (steps, new))
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for old, at, size in matcher.get_matching_blocks():
        new[at : at + size] = steps[old : old + size]
    return tuple(new)


def exchanged(
    steps: Sequence[Step], kinds: Collection[StepKind], new: Sequence[Step], *, otherwise: int
) -> tuple[Step, ...]:
    """Put `new` where the first step of the given kinds stood, all of which are taken out.

    `otherwise` is the place if there is none. The scratchpad begins and ends with the white
    space it began and ended with.
    """
    place = next((i for i, step in enumerate(steps) if step.kind in kinds), otherwise)
    rest = [step for step in steps[place:] if step.kind not in kinds]
    together = separated((*steps[:place], *new, *rest), separator(steps))
    return _framed(together, text_of(steps)) if steps else together


def separated(steps: Sequence[Step], gap: str) -> tuple[Step, ...]:
    """Put `gap` after every step that would run into the next one."""
    apart = [
        step if _are_apart(step, after) else dressed(step, _lead(step.text), gap)
        for step, after in pairwise(steps)
    ]
    return (*apart, *steps[-1:])


def separator(steps: Sequence[Step]) -> str:
    """Find what stands between the first two steps; a newline if there are not two."""
    return _tail(steps[0].text) + _lead(steps[1].text) if len(steps) > 1 else "\n"


def _are_apart(step: Step, after: Step) -> bool:
    return step.text[-1:].isspace() or after.text[:1].isspace()


def _framed(steps: tuple[Step, ...], original: str) -> tuple[Step, ...]:
    if not steps:
        return steps
    first = dressed(steps[0], _lead(original), _tail(steps[0].text))
    steps = (first, *steps[1:])
    last = dressed(steps[-1], _lead(steps[-1].text), _tail(original))
    return (*steps[:-1], last)


def _lead(text: str) -> str:
    return text[: len(text) - len(text.lstrip())]


def _tail(text: str) -> str:
    # Blank text counts as the lead alone, or it would be written twice.
    return text[len(text.rstrip()) :] if text.strip() else ""
