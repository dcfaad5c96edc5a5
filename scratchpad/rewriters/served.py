"""A model on an OpenAI-compatible server, as a rewriter's speaker."""

from __future__ import annotations

from dataclasses import dataclass

from scratchpad.cache import Reply
from scratchpad.rewriters.written import MAX_TOKENS, TEMPERATURE
from scratchpad.servers import Client, chat


@dataclass(frozen=True)
class ServedModel:
    """Speaks for a served model; its client keeps what it says."""

    client: Client

    def __call__(self, message: str, seed: int) -> Reply:
        """Give the model's reply to a message."""
        return chat(self.client, message, max_tokens=MAX_TOKENS, temperature=TEMPERATURE, seed=seed)
