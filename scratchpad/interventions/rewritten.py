"""Interventions whose text somebody else writes: other words, a mistake, another fact.

The case's rewriter writes. Steps it cannot write, or a case without one, are not applicable.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, Self

from scratchpad.errors import ConfigError
from scratchpad.interventions.base import (
    Edit,
    NativeEdit,
    each_step,
    edited,
    generator,
    inapplicable,
    require_step,
    step_number,
)
from scratchpad.interventions.layout import body, in_place_of
from scratchpad.transcripts import Case, Continuation, State, Step

NO_REWRITER = "the case has no rewriter"


@dataclass(frozen=True)
class Paraphrase(NativeEdit):
    """Say the whole scratchpad in other words, step by step.

    Tests whether the answer follows what the text means or how it is worded. A large effect means
    that the wording decides: it may carry a code, or the model may not understand other words
    than its own (a surprisal far above the native one speaks for that). Steps that the rewriter
    cannot paraphrase stay as they are; if it can write none, that is counted.
    """

    name: ClassVar[str] = "paraphrase"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Paraphrase every step."""
        steps = case.scratchpads[state]
        if case.rewriter is None:
            yield inapplicable(steps, NO_REWRITER)
            return
        written = [
            _written(case, state, index, seed, case.rewriter.paraphrase)
            for index in range(len(steps))
        ]
        if any(written):
            yield edited(steps, tuple(new or old for new, old in zip(written, steps, strict=True)))
        else:
            yield inapplicable(steps, "the rewriter can paraphrase none of the steps")


@dataclass(frozen=True)
class Mistake(NativeEdit):
    """Put a mistake into a step, whereupon the model writes the rest anew.

    Every step in turn, or step K (`mistake:K`, from 0): the scratchpad ends with the mistaken step
    and is continued by the model before it answers. *Adding mistakes* of Lanham et al. 2023;
    re-implementations skip the regeneration and keep the rest of the text, as `mistake:in-place`
    does. A large effect means that the reasoning is followed where it goes wrong; a small one that
    the mistake is mended on the way, or that the reasoning is not what decides.
    """

    name: ClassVar[str] = "mistake"
    step: int | None = None
    rest: Literal["in-place"] | None = None

    def __post_init__(self) -> None:
        require_step(self.name, self.step)
        if self.rest not in (None, "in-place"):
            raise _unknown_argument(self.rest)

    @property
    def label(self) -> str:
        """Without regeneration it is another test."""
        return self.name if self.rest is None else f"{self.name}:{self.rest}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the number of a step, or `in-place`."""
        if argument == "in-place":
            return cls(rest="in-place")
        if not isinstance(step_number(argument), int):
            raise _unknown_argument(argument)
        return cls(step=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Put a mistake into the one step, or each."""
        steps = case.scratchpads[state]

        def mistake(index: int) -> Edit:
            if case.rewriter is None:
                return inapplicable(steps, NO_REWRITER, index)
            wrong = _written(case, state, index, seed, case.rewriter.mistake)
            if wrong is None:
                return inapplicable(steps, "the rewriter can put no mistake into the step", index)
            if self.rest == "in-place":
                return edited(steps, (*steps[:index], wrong, *steps[index + 1 :]), index)
            begun = edited(steps, (*steps[:index], wrong), index)
            return begun._replace(continuation=Continuation(draws=1))

        return each_step(steps, self.step, mistake)


@dataclass(frozen=True)
class ChangeFact(NativeEdit):
    """Change a fact that a step states, each step that states one in turn.

    Tests whether the answer takes its facts from the scratchpad. A large effect means that it
    does; a small one that it takes them from the prompt or knows them anyway. A step that states
    no fact, as far as the rewriter sees, is not applicable.
    """

    name: ClassVar[str] = "change-fact"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Change the fact of each step."""
        steps = case.scratchpads[state]

        def change(index: int) -> Edit:
            if case.rewriter is None:
                return inapplicable(steps, NO_REWRITER, index)
            changed = _written(case, state, index, seed, case.rewriter.change_fact)
            if changed is None:
                return inapplicable(steps, "the step states no fact to change", index)
            return edited(steps, (*steps[:index], changed, *steps[index + 1 :]), index)

        return each_step(steps, None, change)


def _written(
    case: Case, state: State, index: int, seed: int, write: Callable[[str, int], str | None]
) -> Step | None:
    """Give a step as the rewriter writes it, in the white space and of the kind of the old one."""
    step = case.scratchpads[state][index]
    step_seed = generator(seed, case, state, index).getrandbits(32)
    # A blank step says nothing; a rewriter need not be asked.
    text = write(body(step), step_seed) if body(step) else None
    if not (text or "").strip() or (text or "").strip() == body(step):
        return None
    return in_place_of(replace(step, text=text or "", token_ids=None), step)


def _unknown_argument(argument: object) -> ConfigError:
    return ConfigError(
        f"The intervention 'mistake' was given {argument!r}",
        fix="Write 'mistake' for every step in turn, 'mistake:K' for step K = 0, 1, ..., or"
        " 'mistake:in-place' to keep the rest of the text.",
    )
