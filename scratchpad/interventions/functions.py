"""An edit that the user brings along."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from scratchpad.errors import ConfigError, DataError
from scratchpad.interventions.base import Edit, NativeEdit, edited
from scratchpad.interventions.layout import rewritten
from scratchpad.transcripts import Case, State, text_of

_FORM = "Write 'function:MODULE:ATTRIBUTE' for a function that is installed or on PYTHONPATH."


@dataclass(frozen=True)
class Function(NativeEdit):
    """Edit the text by a function of the user's own (`function:MODULE:ATTRIBUTE`).

    Tests whatever the function changes; a large effect means that the answer depends on it. It is
    called as `edit(text, case, state)` with the scratchpad's text, the case and its trigger
    state, returns the new text, and has to return the same for the same. The result is split
    into steps anew; steps that come back as they were keep their sampled tokens.
    """

    name: ClassVar[str] = "function"
    function: str = ""

    def __post_init__(self) -> None:
        if not all(str(self.function).partition(":")):
            raise ConfigError(f"The intervention 'function' was given {self.function!r}", fix=_FORM)

    @property
    def label(self) -> str:
        """Every function is another test."""
        return f"{self.name}:{self.function}"

    @classmethod
    def parse(cls, argument: str) -> Self:
        """Read the name of a function and import it, so that a wrong one is found out at once."""
        made = cls(argument)
        made.load()
        return made

    def load(self) -> Callable[[str, Case, State], Any]:
        """Import the function.

        Raises
        ------
        ConfigError
            If it cannot be imported or is no function.
        """
        module, _, attribute = self.function.partition(":")
        try:
            found = getattr(importlib.import_module(module), attribute)
        except Exception as error:  # a user's module may fail in any way
            raise ConfigError(
                f"Cannot import the edit {self.function!r}", _told(error), _FORM
            ) from error
        if not callable(found):
            raise ConfigError(f"The edit {self.function!r} is no function", fix=_FORM)
        return found  # type: ignore[no-any-return]

    def edits(self, case: Case, state: State, seed: int) -> Iterator[Edit]:
        """Call the function once."""
        steps = case.scratchpads[state]
        yield edited(steps, rewritten(steps, self._called(text_of(steps), case, state)))

    def _called(self, text: str, case: Case, state: State) -> str:
        where = f"The edit {self.function!r} on question {case.question.question_id!r}"
        edit = self.load()
        try:
            result = edit(text, case, state)
        except Exception as error:  # nor is it our bug if the function fails
            raise DataError(f"{where} failed", _told(error), "Mend the function.") from error
        if not isinstance(result, str):
            raise DataError(
                f"{where} returned {type(result).__name__}", fix="Return the text of a scratchpad."
            )
        return result


def _told(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
