"""Log-probabilities of given text, from servers that echo a prompt with its log-probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from scratchpad.errors import ServerError
from scratchpad.servers.client import Client, ask_each

ELSEWHERE = "Serve the model with vLLM, load it here by its folder, or judge sampled answers."


class Token(NamedTuple):
    """A token of a text that was shown: the character at which it starts, and ln P (nats)."""

    text: str
    start: int
    log_probability: float

    @property
    def body(self) -> int:
        """Where its first character that is not white space stands."""
        bare = self.text.lstrip()
        return self.start + (len(self.text) - len(bare) if bare else 0)


def log_probabilities(client: Client, texts: Sequence[tuple[str, str]]) -> list[tuple[float, ...]]:
    """Log-probability (nats) of every token of each continuation, given its prefix.

    Parameters
    ----------
    texts : sequence of (prefix, continuation)
        As for sampling. They are encoded jointly, and a token that lies in both belongs to the
        part in which its first character that is not white space lies.

    Raises
    ------
    ServerError
        If the server gives no log-probabilities of text that it is shown (found out before any
        of the texts is sent), or its tokens do not spell a continuation.
    """
    require_log_probabilities(client)

    def one(text: tuple[str, str]) -> tuple[float, ...]:
        prefix, continuation = text
        tokens = _shown(client, prefix + continuation)
        if not tokens or tokens[0].start > len(prefix):
            raise ServerError(
                f"The server's tokens do not spell {continuation[:40]!r} after {prefix[-40:]!r}",
                "a token has no log-probability, or holds a part of a character",
                ELSEWHERE,
            )
        return tuple(token.log_probability for token in tokens if token.body >= len(prefix))

    return ask_each(one, texts)


def require_log_probabilities(client: Client) -> None:
    """Raise `ServerError` unless the server gives log-probabilities of text that it is shown."""
    _shown(client, "One two three")


def _shown(client: Client, text: str) -> list[Token]:
    """Show the model a text and give the log-probabilities of its last tokens, as far as known."""
    # Not every server lets a model write no token at all.
    question = {"prompt": text, "max_tokens": 1, "temperature": 1.0, "echo": True, "logprobs": 1}

    def read(reply: Any) -> list[Token]:
        told = reply["choices"][0].get("logprobs") or {}
        written = int((reply.get("usage") or {}).get("completion_tokens", 1))
        values = told.get("token_logprobs", [])
        values = values[: len(values) - written]
        if not any(value is not None for value in values):
            raise ServerError(
                f"The server {client.address.url} gives no log-probabilities of text it is shown",
                "it ignores `echo` and `logprobs`, as `transformers serve` does",
                ELSEWHERE,
            )
        return _ending(text, told["tokens"], values)

    return [Token(*token) for token in client.ask("completions", question, read)]


def _ending(text: str, tokens: Sequence[str], values: Sequence[float | None]) -> list[Token]:
    """Lay tokens along the text from its end, as far as they spell it and have a value.

    From the end, since servers put a beginning of text before it, and some count that in the
    offsets they give.
    """
    laid: list[Token] = []
    spelled = ""
    for token, value in zip(reversed(tokens[: len(values)]), reversed(values), strict=True):
        spelled = token + spelled
        if value is None or not text.endswith(spelled):
            break
        laid.insert(0, Token(token, len(text) - len(spelled), value))
    return laid
