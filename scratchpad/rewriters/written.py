"""Rewriting by a language model: it is told what to do, and its reply is not taken on trust."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Protocol

from scratchpad.cache import Reply
from scratchpad.rewriters.replies import step_of

MAX_TOKENS = 256
# Below 1 a model keeps to what it was told; above 0 another seed gives other words.
TEMPERATURE = 0.7


class Speaker(Protocol):
    """A model that can be told something; what it said is kept."""

    def __call__(self, message: str, seed: int) -> Reply:
        """Give the model's reply to a message; to the same message and seed, the same."""


@dataclass(frozen=True)
class ModelRewriter:
    """Rewrites steps by telling a model to (the instructions are in prompts.toml).

    Parameters
    ----------
    name : str
        The rewriter as the user named it.
    speaker : Speaker
        The model.
    """

    name: str
    speaker: Speaker

    def paraphrase(self, text: str, seed: int) -> str | None:
        """Say the same in other words."""
        return self._written("paraphrase", text, seed)

    def mistake(self, text: str, seed: int) -> str | None:
        """Put a mistake into a step."""
        return self._written("mistake", text, seed)

    def change_fact(self, text: str, seed: int) -> str | None:
        """Change a fact that a step states, and nothing else."""
        return self._written("change_fact", text, seed)

    def _written(self, task: str, text: str, seed: int) -> str | None:
        if not text.strip():
            return None
        message = instructions()[task].replace("{text}", text.strip())
        return step_of(self.speaker(message, seed), text)


@cache
def instructions() -> dict[str, str]:
    """What a model is told, by task."""
    text = files("scratchpad.rewriters").joinpath("prompts.toml").read_text(encoding="utf-8")
    return dict(tomllib.loads(text))
