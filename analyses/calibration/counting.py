"""How many tokens a model reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any


@dataclass
class Tokens:
    """A running count of the tokens that passed through a model, padding included."""

    read: int = 0


@contextmanager
def counted_tokens(model: Any) -> Iterator[Tokens]:
    """Count every token of every forward pass of a model while the context is open."""
    tokens = Tokens()

    def count(module: Any, args: tuple[Any, ...], given: dict[str, Any]) -> None:
        ids = given.get("input_ids", args[0] if args else None)
        if ids is None:
            ids = given["inputs_embeds"][..., 0]
        tokens.read += ids.numel()

    hook = model.register_forward_pre_hook(count, with_kwargs=True)
    try:
        yield tokens
    finally:
        hook.remove()
