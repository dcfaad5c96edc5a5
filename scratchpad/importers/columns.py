"""Rows whose prompt, scratchpad and answer are columns of their own."""

from __future__ import annotations

from dataclasses import dataclass

from scratchpad.importers.base import Importer
from scratchpad.importers.layout import Laid, apart
from scratchpad.importers.values import Row, text_in


@dataclass(frozen=True)
class Columns(Importer):
    """Plain columns, named on the command line.

    Parameters
    ----------
    prompt, scratchpad, answer : str
        The three columns. The scratchpad is the text between the delimiters.
    """

    prompt: str = "prompt"
    scratchpad: str = "scratchpad"
    answer: str = "answer"

    def lay_out(self, row: Row) -> Laid:
        """Take the three columns as they are."""
        scratchpad, answer = text_in(row, self.scratchpad), text_in(row, self.answer)
        return apart(text_in(row, self.prompt), scratchpad, answer, self.dialect)
