"""A language model as a monitor of scratchpads."""

from __future__ import annotations

import re
from dataclasses import dataclass

from scratchpad.rewriters.written import Speaker, instructions

_THOUGHT = re.compile(r"\A.*</think(?:ing)?>", re.DOTALL)
_VERDICT = re.compile(r"\b(yes|no)\b", re.IGNORECASE)


@dataclass(frozen=True)
class ModelJudge:
    """Asks a model whether a scratchpad says that the model will defect.

    Parameters
    ----------
    speaker : Speaker
        The model; what it is told stands in prompts.toml.
    """

    speaker: Speaker

    def __call__(self, text: str) -> bool | None:
        """Read a scratchpad; `None` where the reply is neither yes nor no."""
        message = instructions()["monitor"].replace("{text}", text.strip())
        spoken = _THOUGHT.sub("", self.speaker(message, 0).text)
        said = {verdict.lower() for verdict in _VERDICT.findall(spoken)}
        return None if len(said) != 1 else said == {"yes"}
