"""A rewriter whose text may stand in a scratchpad of a given dialect."""

from __future__ import annotations

from dataclasses import dataclass

from scratchpad.dialects import Dialect
from scratchpad.errors import DataError
from scratchpad.transcripts import Rewriter


@dataclass(frozen=True)
class Refusing:
    """Refuses what another rewriter writes where it holds one of a dialect's delimiters.

    It would end or open the scratchpad at the wrong place; a run must not end for it either.

    Parameters
    ----------
    rewriter : Rewriter
        Who writes.
    dialect : Dialect
        How the scratchpad is delimited.
    """

    rewriter: Rewriter
    dialect: Dialect

    @property
    def name(self) -> str:
        """The name of the rewriter that writes."""
        return self.rewriter.name

    def paraphrase(self, text: str, seed: int) -> str | None:
        """Say the same in other words."""
        return self._without_delimiter(self.rewriter.paraphrase(text, seed))

    def mistake(self, text: str, seed: int) -> str | None:
        """Put a mistake into a step."""
        return self._without_delimiter(self.rewriter.mistake(text, seed))

    def change_fact(self, text: str, seed: int) -> str | None:
        """Change a fact that a step states, and nothing else."""
        return self._without_delimiter(self.rewriter.change_fact(text, seed))

    def _without_delimiter(self, text: str | None) -> str | None:
        try:
            self.dialect.require_no_delimiter(text or "")
        except DataError:
            return None
        return text
