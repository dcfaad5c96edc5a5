"""Edits of what a scratchpad says: by regular expression, by kind of step, in other words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from scratchpad.errors import ConfigError
from scratchpad.interventions.base import Edit, NativeEdit, edited, generator, inapplicable
from scratchpad.interventions.layout import exchanged, in_place_of, rewritten
from scratchpad.interventions.specs import DELIMITED
from scratchpad.transcripts import Case, State, Step, StepKind, text_of

_REASONING: tuple[StepKind, ...] = ("inference", "plan", "decision")
_FORM = "Write 'replace:/PATTERN/TEXT/', or another punctuation mark for '/'"


@dataclass(frozen=True)
class Replace(NativeEdit):
    r"""Put TEXT for all that matches a regular expression (`replace:/PATTERN/TEXT/`).

    Tests whether the answer follows the words that match. A large effect means that it does.
    Pattern and text are those of Python's `re.sub`: ``\1`` is the first group, ``^`` and ``$``
    are the ends of lines. Any punctuation mark may stand for ``/``; it is written with a
    backslash before it where it does not end a part. A scratchpad without a match comes back
    `unchanged`; steps in which nothing changed keep their sampled tokens.
    """

    name: ClassVar[str] = "replace"
    delimited: ClassVar[str] = DELIMITED
    pattern: str = ""
    text: str = ""

    def __post_init__(self) -> None:
        if not self.pattern or not isinstance(self.pattern, str) or not isinstance(self.text, str):
            raise ConfigError("The intervention 'replace' was given no pattern", fix=f"{_FORM}.")
        try:
            self._replaced("")
        except (re.error, IndexError) as error:
            raise ConfigError(
                f"The intervention 'replace' cannot put {self.text!r} for {self.pattern!r}",
                str(error),
                "Mend the regular expression or the text.",
            ) from error

    @property
    def label(self) -> str:
        """Every replacement is another test."""
        return f"{self.name}:/{self.pattern}/{self.text}/"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read a pattern and a text between three delimiters."""
        found = re.fullmatch(DELIMITED, argument, re.DOTALL)
        if not found:
            raise ConfigError(
                f"The intervention 'replace' was given {argument!r}",
                "that is not a pattern and a text between three marks of one kind",
                f"{_FORM}.",
            )
        mark, pattern, text = found.group("mark", "first", "second")
        # Before punctuation a backslash means the same to a pattern; a text would keep it.
        return cls(pattern, text.replace(f"\\{mark}", mark))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Replace every match."""
        steps = case.scratchpads[state]
        yield edited(steps, rewritten(steps, self._replaced(text_of(steps))))

    def _replaced(self, text: str) -> str:
        return re.sub(self.pattern, self.text, text, flags=re.MULTILINE)


@dataclass(frozen=True)
class Sanitise(NativeEdit):
    """Take out every inference, plan and decision; what was observed, and all else, stays.

    Tests whether the answer needs the reasoning or does with what the scratchpad restates. A
    large effect means that what the model concluded or intended decides; none, where `empty` has
    one, that the observations are enough (see `relay`). Steps of the kind *other* stay, since
    they take no side; a scratchpad of reasoning alone comes out empty.
    """

    name: ClassVar[str] = "sanitise"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Take the reasoning out."""
        steps = case.scratchpads[state]
        if any(step.kind in _REASONING for step in steps):
            yield edited(steps, exchanged(steps, _REASONING, (), otherwise=0))
        else:
            yield inapplicable(steps, "the scratchpad has no inference, plan or decision")


@dataclass(frozen=True)
class Reword(NativeEdit):
    """Say every step in another of the world's own wordings, its content kept.

    Tests whether the wording carries something beside what it says (after the paraphrase of
    Lanham et al. 2023). A large effect means that it does: a code, or a habit of reading single
    words. The wordings are those the model was trained on, so that none does not yet mean
    that any wording will do. Steps that have no other wording stay as they are; without a writer
    it is not applicable.
    """

    name: ClassVar[str] = "reword"

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Reword the whole scratchpad."""
        steps = case.scratchpads[state]
        new = [_reworded(case, state, index, seed) for index in range(len(steps))]
        if any(new):
            kept = zip(new, steps, strict=True)
            yield edited(steps, tuple(other or step for other, step in kept))
        else:
            yield inapplicable(steps, "no step has another wording")


def _reworded(case: Case, state: State, index: int, seed: int) -> Step | None:
    if case.writer is None:
        return None
    step = case.scratchpads[state][index]
    step_seed = generator(seed, case, state, index).getrandbits(32)
    found = case.writer.reworded(step, state, step_seed)
    return None if found is None else in_place_of(found, step)
