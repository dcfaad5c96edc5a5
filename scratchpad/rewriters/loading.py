"""From what a user writes to a rewriter, or to a model that can be told something."""

from __future__ import annotations

from scratchpad.errors import ConfigError
from scratchpad.rewriters.rules import RuleRewriter
from scratchpad.rewriters.written import ModelRewriter, Speaker
from scratchpad.transcripts import Rewriter


def load_rewriter(spec: str) -> Rewriter:
    """Build the rewriter named `rules`, `hf:MODEL` or `server:URL#MODEL`.

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
    if spec == RuleRewriter.name:
        return RuleRewriter()
    return ModelRewriter(spec, load_speaker(spec, f"rewriter {spec!r}", f"{RuleRewriter.name}, "))


def load_speaker(spec: str, what: str, others: str = "") -> Speaker:
    """Build the model named `hf:MODEL` or `server:URL#MODEL`.

    A local checkpoint's tokenizer is read now and its weights when they are first needed; to a
    server nothing is sent yet. `what` and `others` are for the error: what was wanted, and what
    else would have done.

    Raises
    ------
    ConfigError
        If there is no such kind of model, or the address is none.
    ModelError
        If the checkpoint cannot be used.
    """
    kind, _, name = spec.partition(":")
    if kind == "hf" and name:
        from scratchpad.rewriters.local import LocalModel

        return LocalModel(name)
    if kind == "server":
        from scratchpad.rewriters.served import ServedModel
        from scratchpad.servers import Address, connect

        return ServedModel(connect(Address.parse(name)))
    raise ConfigError(
        f"Unknown {what}",
        fix=f"Write {others}hf:MODEL (a folder or hub name) or server:http://host:8000/v1#MODEL.",
    )
