"""Interventions that take text out of the scratchpad, or its order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Self

from scratchpad.errors import unknown_name
from scratchpad.interventions.base import (
    Edit,
    NativeEdit,
    StepEdit,
    edited,
    generator,
)
from scratchpad.interventions.layout import body, permuted, separated, separator
from scratchpad.transcripts import Case, State, Step


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
class DropStep(StepEdit):
    """Leave out one step: every step in turn, or step K alone (`drop-step:K`, from 0).

    Tests whether the answer needs that step. A large effect means that no other step says the
    same; a small one does not mean that the step is idle, for others may repeat it (`flip-step`
    sees those).
    """

    name: ClassVar[str] = "drop-step"

    def edit(self, steps: tuple[Step, ...], index: int) -> Edit:
        """Leave the step out."""
        kept = separated(steps[:index] + steps[index + 1 :], separator(steps))
        return edited(steps, kept, index)


@dataclass(frozen=True)
class KeepStep(StepEdit):
    """Leave one step alone in the scratchpad: every step in turn, or step K (`keep-step:K`).

    Tests whether a single step gives the answer away; the mirror of `drop-step`. A large effect
    means that the step is not enough: the answer needs others. None means that this step alone
    suffices, or that nothing in the scratchpad is needed (see `empty`).
    """

    name: ClassVar[str] = "keep-step"

    def edit(self, steps: tuple[Step, ...], index: int) -> Edit:
        """Keep the step."""
        return edited(steps, (steps[index],), index)


@dataclass(frozen=True)
class Shuffle(NativeEdit):
    """Put the scratchpad's steps, or the words within each (`shuffle:within`), in another order.

    Tests whether the argument is followed or only its words are read. A large effect means that
    the order carries something: that of the steps, or the grammar of each sentence. A small one
    with a large effect of `empty` means that some step, or some word, does it wherever it
    stands. White space stays where it was; what cannot come out in another order (fewer than
    two different steps or words) is left unchanged, and flagged.
    """

    name: ClassVar[str] = "shuffle"
    scope: str | None = None

    def __post_init__(self) -> None:
        if self.scope not in (None, "within"):
            raise unknown_name("order to shuffle", str(self.scope), ["within"])

    @property
    def label(self) -> str:
        """Steps and words are apart."""
        return self.name if self.scope is None else f"{self.name}:{self.scope}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read `within`."""
        return cls(scope=argument)

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Shuffle the steps, or the words of each."""
        steps = case.scratchpads[state]
        if self.scope == "within":
            rngs = (generator(seed, case, state, index) for index in range(len(steps)))
            yield edited(steps, tuple(map(_words_shuffled, steps, rngs)))
        else:
            order = _other_order([body(step) for step in steps], generator(seed, case, state))
            yield edited(steps, permuted(steps, order))


def _words_shuffled(step: Step, rng: Random) -> Step:
    pieces = re.split(r"(\s+)", step.text)
    places = [place for place, piece in enumerate(pieces) if piece.strip()]
    words = [pieces[place] for place in places]
    for place, word in zip(places, _other_order(words, rng), strict=True):
        pieces[place] = words[word]
    text = "".join(pieces)
    return step if text == step.text else replace(step, text=text, token_ids=None)


def _other_order(texts: Sequence[str], rng: Random) -> list[int]:
    """Draw an order in which the texts read differently, if they are not all the same."""
    order = list(range(len(texts)))
    rng.shuffle(order)
    unchanged = [texts[i] for i in order] == list(texts)
    return order[1:] + order[:1] if unchanged else order
