"""Rewriting by rule: rough, English only, and there without a model.

The rules stand in `phrasing` (other words), `mistakes` and `facts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import ClassVar

from scratchpad.rewriters.facts import other_fact
from scratchpad.rewriters.mistakes import mistaken
from scratchpad.rewriters.phrasing import rephrased


@dataclass(frozen=True)
class RuleRewriter:
    """Rewrites steps by English rules; `None` where no rule fits.

    Rough: a paraphrase exchanges stock phrases and moves clauses, it does not understand them; a
    mistake may turn out to be true; another name may be of another kind than the first. A model
    does better (`hf:MODEL`, `server:URL#MODEL`).
    """

    name: ClassVar[str] = "rules"

    def paraphrase(self, text: str, seed: int) -> str | None:
        """Exchange stock phrases, after moving a clause where one can be moved."""
        return _changed(text, rephrased(text, _generator("paraphrase", text, seed)))

    def mistake(self, text: str, seed: int) -> str | None:
        """Make a number wrong, a claim its opposite, or deny it."""
        return _changed(text, mistaken(text, _generator("mistake", text, seed)))

    def change_fact(self, text: str, seed: int) -> str | None:
        """Change a number, a quoted word or a name, wherever in the step it stands."""
        return _changed(text, other_fact(text, _generator("fact", text, seed)))


def _generator(task: str, text: str, seed: int) -> Random:
    return Random(f"{task}/{seed}/{text}")


def _changed(text: str, written: str | None) -> str | None:
    return None if written == text else written
