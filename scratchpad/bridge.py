"""TransformerLens' bridge onto a model that is already loaded: hooks under its names."""

from __future__ import annotations

import copy
import tempfile
from typing import Any
from weakref import WeakKeyDictionary

import torch

from scratchpad.errors import ModelError
from scratchpad.memory import is_out_of_memory
from scratchpad.models import LoadedModel
from scratchpad.placement import is_placed
from scratchpad.scoring.likelihood import REFUSALS, TOLERANCES

# The bridge of each model, or why there is none.
_booted: WeakKeyDictionary[Any, Any] = WeakKeyDictionary()


def bridge(loaded: LoadedModel) -> Any:
    """Boot a `TransformerBridge` on a copy that shares the model's parameters, once a model.

    The bridge modifies the model that it is given, so that it gets a copy; its log-probabilities
    are compared with the original's.

    Raises
    ------
    ModelError
        If TransformerLens knows no such architecture, its log-probabilities differ, or the model's
        layers are in several places.
    """
    if loaded.model not in _booted:
        try:
            _booted[loaded.model] = _boot(loaded)
        except ModelError as error:
            _booted[loaded.model] = error
    found = _booted[loaded.model]
    if isinstance(found, ModelError):
        raise found
    return found


def _boot(loaded: LoadedModel) -> Any:
    from transformer_lens.model_bridge import TransformerBridge
    from transformers import AutoTokenizer

    model = loaded.model
    if is_placed(model):
        raise ModelError(
            "TransformerLens cannot read a model whose layers are in several places",
            fix="Leave out `patch`, or load it with --device cuda or cpu.",
        )
    shared = {id(part): part for part in [*model.parameters(), *model.buffers()]}
    kind = type(model).__name__
    try:
        # It reads configuration and tokenizer from one folder; an adapter's lacks the first.
        with tempfile.TemporaryDirectory() as folder:
            model.config.save_pretrained(folder)
            loaded.tokenizer.save_pretrained(folder)
            booted = TransformerBridge.boot_transformers(
                folder,
                hf_model=copy.deepcopy(model, shared),
                tokenizer=AutoTokenizer.from_pretrained(folder),
                device=str(model.device),
                dtype=model.dtype,
            )
        apart = _difference(model, booted)
    except REFUSALS as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:120]
        raise ModelError(
            f"TransformerLens cannot read a {kind}", reason, "Leave out `patch`."
        ) from error
    if not apart <= TOLERANCES[model.dtype]:
        raise ModelError(
            f"TransformerLens reads this {kind} differently",
            f"its log-probabilities differ by {apart:.2g}",
            "Leave out `patch`.",
        )
    return booted


@torch.inference_mode()
def _difference(model: Any, booted: Any) -> float:
    """How far log-probabilities differ (nats): of the likeliest token after each of some tokens."""
    ids = torch.arange(1, 33, device=model.device)[None] % int(model.config.vocab_size)
    logits = model(input_ids=ids).logits, booted(ids, return_type="logits")
    original, bridged = (torch.log_softmax(part.float(), dim=-1) for part in logits)
    likeliest = original.argmax(dim=-1, keepdim=True)
    return float((original - bridged).gather(-1, likeliest).abs().max())
