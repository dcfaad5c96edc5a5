"""The beginning of a scratchpad that belongs elsewhere, in place of the whole one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, Self

from scratchpad.errors import unknown_name
from scratchpad.interventions.base import Edit, NativeEdit, edited, inapplicable, opposite_state
from scratchpad.transcripts import Case, State, Step

SOURCES = ("other-state", "other-question")


@dataclass(frozen=True)
class Prefix(NativeEdit):
    """Read the first k steps of another scratchpad, for every k from one to all.

    Tests how much foreign reasoning it takes to turn the answer. A large effect at small k means
    that a few words of it do. `prefix` (or `prefix:other-state`) takes the scratchpad of the
    other trigger state, where the last point, k = n, is the transplant; `prefix:other-question`
    takes that of another question in the same state, where a large effect means that the answer
    needs a scratchpad on its own question. The scratchpad is closed after k steps and read under
    this state's prompt; `step_index` is k.
    """

    name: ClassVar[str] = "prefix"
    source: str = "other-state"

    def __post_init__(self) -> None:
        if self.source not in SOURCES:
            raise unknown_name("source of a prefix", str(self.source), SOURCES)

    @property
    def label(self) -> str:
        """The sources are apart."""
        return f"{self.name}:{self.source}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the name of a source."""
        return cls(source=argument)

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Keep 1, ..., n steps of the source."""
        steps, source = case.scratchpads[state], self._source(case, state)
        if source is None:
            yield inapplicable(steps, "there is no other question")
        elif not source:
            yield inapplicable(steps, "the other scratchpad has no steps")
        else:
            for kept in range(1, len(source) + 1):
                yield edited(steps, source[:kept], kept)

    def _source(self, case: Case, state: State) -> tuple[Step, ...] | None:
        if self.source == "other-state":
            return case.scratchpads[opposite_state(state)]
        return None if case.donor is None else case.donor[state]
