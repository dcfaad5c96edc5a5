"""What every intervention has in common: its name, its arguments, how it makes variants."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, fields
from random import Random
from typing import Any, ClassVar, NamedTuple, Self

from scratchpad.errors import ConfigError
from scratchpad.transcripts import (
    CLEAN,
    TRIGGERED,
    Case,
    Continuation,
    ReaderEdit,
    State,
    Step,
    Variant,
    text_of,
)

STATES: tuple[State, State] = (CLEAN, TRIGGERED)


class Edit(NamedTuple):
    """What an intervention makes of one scratchpad; the fields are those of `Variant`."""

    steps: tuple[Step, ...] | None
    step_index: int | None = None
    not_applicable: str = ""
    unchanged: bool = False
    continuation: Continuation | None = None
    reader: ReaderEdit | None = None


@dataclass(frozen=True)
class Intervention(ABC):
    """A change of the scratchpad: its fields are its parameters, and calling it is pure.

    Called with a case and a seed it gives all its variants of that case. The same case and seed
    give the same variants; the case itself is mixed into the randomness, so one seed will do for
    a whole run. What cannot be made of a case comes back with the reason in `not_applicable`
    and the native steps, to be counted. `delimited` is the form, as a regular expression, of an
    argument that stands between delimiters and may hold commas.
    """

    name: ClassVar[str]
    delimited: ClassVar[str] = ""

    @abstractmethod
    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make the variants of a case."""

    @property
    def arguments(self) -> dict[str, Any]:
        """The parameters that were set: with `name`, enough to build the intervention again."""
        values = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    @property
    def label(self) -> str:
        """What its variants are summed up under: the name, and what makes it another test."""
        return self.name

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Build the intervention from what stands after the colon in `name:argument`.

        Raises
        ------
        ConfigError
            If the argument makes no sense, naming what is allowed.
        """
        raise ConfigError(
            f"The intervention {cls.name!r} was given {argument!r}",
            "it takes no argument",
            f"Write {cls.name!r}.",
        )

    def variant(self, edit: Edit, prompt_state: State, scratchpad_state: State) -> Variant:
        """Label an edit with this intervention and with the states it belongs to."""
        return Variant(self.name, self.arguments, prompt_state, scratchpad_state, **edit._asdict())


@dataclass(frozen=True)
class NativeEdit(Intervention):
    """An edit of one scratchpad, read under its own prompt; made of both trigger states."""

    def __call__(self, case: Case, seed: int) -> tuple[Variant, ...]:
        """Make every edit of the clean and of the triggered scratchpad."""
        return tuple(
            self.variant(edit, state, state)
            for state in STATES
            for edit in self.edits(case, state, seed)
        )

    @abstractmethod
    def edits(self, case: Case, state: State, seed: int) -> Iterable[Edit]:
        """Edit the scratchpad of one trigger state."""


@dataclass(frozen=True)
class StepEdit(NativeEdit):
    """An edit of one step: of every step in turn, or of step K alone (`name:K`, from 0)."""

    step: int | None = None

    def __post_init__(self) -> None:
        require_step(self.name, self.step)

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the number of a step."""
        return cls(step=step_number(argument))

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Edit the one step, or each."""
        steps = case.scratchpads[state]
        return each_step(steps, self.step, lambda index: self.edit(steps, index))

    @abstractmethod
    def edit(self, steps: tuple[Step, ...], index: int) -> Edit:
        """Edit one step of a scratchpad."""


def edited(original: tuple[Step, ...], steps: tuple[Step, ...], index: int | None = None) -> Edit:
    """Make an edit, flagged where its text is that of the original."""
    return Edit(steps, index, unchanged=text_of(steps) == text_of(original))


def inapplicable(original: tuple[Step, ...], reason: str, index: int | None = None) -> Edit:
    """Make the edit that could not be made."""
    return Edit(original, index, not_applicable=reason)


def each_step(
    steps: tuple[Step, ...], only: int | None, edit: Callable[[int], Edit]
) -> Iterator[Edit]:
    """Edit one step (`only`), or every step in turn (`None`)."""
    if not steps:
        yield inapplicable(steps, "the scratchpad has no steps", only)
    elif only is not None and only >= len(steps):
        yield inapplicable(steps, "the scratchpad has no such step", only)
    else:
        yield from map(edit, range(len(steps)) if only is None else [only])


def opposite_state(state: State) -> State:
    """Give the other trigger state."""
    return TRIGGERED if state == CLEAN else CLEAN


def generator(seed: int, case: Case, *keys: int) -> Random:
    """Make the random generator of one case; further keys set streams of it apart.

    Seeded by text, which `random.Random` hashes the same way in every process.
    """
    return Random("/".join(map(str, (seed, case.question.question_id, case.draw, *keys))))


def require_step(name: str, step: Any, *, or_all: bool = False) -> None:
    """Raise `ConfigError` unless `step` is `None`, a step number or, where allowed, "all"."""
    is_number = isinstance(step, int) and not isinstance(step, bool) and step >= 0
    if step is None or is_number or (or_all and step == "all"):
        return
    allowed = f"Write {name!r} for every step in turn, or {name + ':K'!r} for step K = 0, 1, ..."
    also = f", or {name + ':all'!r} for all steps at once" if or_all else ""
    raise ConfigError(
        f"The intervention {name!r} was given the step {step!r}", fix=f"{allowed}{also}"
    )


def step_number(argument: str) -> Any:
    """Read a step number; anything else stays text, which `require_step` then judges."""
    return int(argument) if argument.isascii() and argument.isdigit() else argument
