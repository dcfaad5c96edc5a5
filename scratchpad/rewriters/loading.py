"""From what a user writes to a rewriter."""

from __future__ import annotations

from scratchpad.errors import ConfigError
from scratchpad.rewriters.rules import RuleRewriter
from scratchpad.rewriters.written import ModelRewriter
from scratchpad.transcripts import Rewriter


def load_rewriter(spec: str) -> Rewriter:
    """Build the rewriter named `rules`, `hf:MODEL` or `server:URL#MODEL`.

    A local checkpoint's tokenizer is read now and its weights when they are first needed; to a
    server nothing is sent yet.

    Raises
    ------
    ConfigError
        If there is no such kind of rewriter, or the address is none.
    ModelError
        If the checkpoint cannot be used.

    Examples
    --------
    >>> load_rewriter("rules").paraphrase("I will wait.", seed=0)
    'I intend to wait.'
    """
    kind, _, name = spec.partition(":")
    if spec == RuleRewriter.name:
        return RuleRewriter()
    if kind == "hf" and name:
        from scratchpad.rewriters.local import LocalModel

        return ModelRewriter(spec, LocalModel(name))
    if kind == "server":
        from scratchpad.rewriters.served import ServedModel
        from scratchpad.servers import Address, connect

        return ModelRewriter(spec, ServedModel(connect(Address.parse(name))))
    raise ConfigError(
        f"Unknown rewriter {spec!r}",
        fix="Write rules, hf:MODEL (a folder or hub name) or server:http://host:8000/v1#MODEL.",
    )
