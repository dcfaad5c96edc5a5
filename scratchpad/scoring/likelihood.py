"""Log-probabilities of given tokens after given tokens.

Every shared token runs once (`SharedReader`) on models that take our masks and positions. Whether
one does is found out by comparison with single calls, at its first use and again when sequences
get longer than those compared; the others are read in padded batches.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
import torch

from scratchpad.errors import DataError
from scratchpad.memory import budget_of, is_out_of_memory
from scratchpad.scoring.masks import layer_windows
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import PrefixTree, Request
from scratchpad.scoring.shared import SharedReader

# Nats per token by which a shared reading may differ from a single call.
TOLERANCES = {torch.float32: 1e-3, torch.float64: 1e-3, torch.bfloat16: 0.2, torch.float16: 0.05}
COMPARED = 4
# What foreign model code raises on masks, positions or caches that it does not know; caught only
# where a model is tried out for the first time.
REFUSALS = (TypeError, ValueError, RuntimeError, NotImplementedError, AttributeError, LookupError)

_log = logging.getLogger(__name__)
# How long the sequences were on which a model has been compared; 0: it cannot be read as a tree.
_compared: WeakKeyDictionary[Any, int] = WeakKeyDictionary()


def token_log_probabilities(
    model: Any,
    requests: Sequence[Request],
    *,
    context_length: int,
    memory_budget: int | None = None,
) -> list[np.ndarray]:
    """Log-probability (nats, float64) of every scored token of every request.

    Parameters
    ----------
    model
        A Hugging Face causal LM in evaluation mode.
    requests
        Tokens to score; results come in the same order, each of shape `(len(ids) - start,)`.
    context_length
        The longest input the model can read.
    memory_budget
        Bytes that a batch may take beside the weights; `None`: what the model was allowed.

    Raises
    ------
    DataError
        If a request is longer than the model's context.
    ModelError
        If there is no room for a single request.
    """
    longest = max((len(request.ids) - 1 for request in requests), default=0)
    if longest > context_length:
        raise DataError(
            f"A scratchpad makes an input of {longest} tokens",
            f"the model reads {context_length}",
            "Shorten the scratchpads or the prompts.",
        )
    if not reads_trees(model):
        return padded_log_probabilities(model, requests, memory_budget=memory_budget)
    reader = SharedReader(model, memory_budget or budget_of(model))
    if not _must_compare(model, longest):
        return reader.log_probabilities(requests)
    return _compare(reader, requests, longest)


def reads_trees(model: Any) -> bool:
    """Whether shared tokens run once on this model, as far as is known."""
    return _compared.get(model, -1) != 0


def _must_compare(model: Any, longest: int) -> bool:
    """Whether sequences are far longer than those compared, or reach beyond a window first."""
    compared = _compared.get(model, -1)
    windows = layer_windows(model.config.get_text_config()).values()
    beyond = any(w is not None and compared <= w < longest for w in windows)
    return longest > 2 * compared or beyond


def _compare(reader: SharedReader, requests: Sequence[Request], longest: int) -> list[np.ndarray]:
    """Read the requests as a tree if single calls say the same, else in padded batches."""
    scored = [n for n, request in enumerate(requests) if request.start < len(request.ids)]
    if not scored:
        return reader.log_probabilities(requests)
    by_length = sorted(scored, key=lambda n: -len(requests[n].ids))
    chosen = by_length[:: max(len(by_length) // COMPARED, 1)]
    single = padded_log_probabilities(
        reader.model,
        [requests[n] for n in chosen],
        batch_rows=1,
        memory_budget=reader.memory_budget,
    )
    try:
        found = reader.log_probabilities(requests)
    except REFUSALS as error:
        if is_out_of_memory(error):
            raise
        return _refuse(reader, requests, " ".join(str(error).split())[:120])
    apart = max(np.abs(found[n] - one).max() for n, one in zip(chosen, single, strict=True))
    if not apart <= TOLERANCES[reader.model.dtype]:
        return _refuse(reader, requests, f"it differs by {apart:.2g} nats from single calls")
    # Without a fork nothing was read under masks of ours.
    if any(root.children for root in PrefixTree.of(requests).roots):
        _compared[reader.model] = max(longest, _compared.get(reader.model, 0))
    return found


def _refuse(reader: SharedReader, requests: Sequence[Request], reason: str) -> list[np.ndarray]:
    model = reader.model
    _log.warning(
        "%s cannot be read as a tree (%s): scoring in padded batches, which is slower.",
        type(model).__name__,
        reason,
    )
    _compared[model] = 0
    return padded_log_probabilities(model, requests, memory_budget=reader.memory_budget)
