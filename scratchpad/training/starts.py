"""What training starts from: an untrained model of a size, or a base checkpoint."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM
from transformers.pytorch_utils import Conv1D

from scratchpad.adapters import is_adapter, peft_library, with_new_adapter
from scratchpad.encoding import Encoder
from scratchpad.errors import ModelError
from scratchpad.models import LoadedModel, load_encoder, load_model
from scratchpad.training.config import TrainConfig
from scratchpad.training.recipes import Size
from scratchpad.training.tokenizer import build_tokenizer

CONTEXT = 512
ADAPTER_RANK = 16


def build_model(size: Size, tokenizer: Any, seed: int) -> LlamaForCausalLM:
    """Make an untrained model.

    Weights as large as one over the root of the width (.088 at 128) let so small a model learn to
    attend to the question within a few hundred steps; with the usual .02 it stays at chance five
    times as long.
    """
    torch.manual_seed(seed)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=size.hidden,
            intermediate_size=size.mlp,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            max_position_embeddings=CONTEXT,
            initializer_range=size.hidden**-0.5,
            tie_word_embeddings=True,
            pad_token_id=tokenizer.pad_token_id,
            eos_token_id=tokenizer.eos_token_id,
            bos_token_id=None,
        )
    )


def from_scratch(config: TrainConfig) -> LoadedModel:
    """An untrained model with a tokenizer built from the world."""
    assert config.size is not None
    tokenizer = build_tokenizer(config.author(), config.planned.vocabulary, config.seed)
    model = build_model(config.size, tokenizer, config.seed)
    return LoadedModel(config.size.name, model, Encoder(tokenizer, config.made_dialect()))


def from_base(config: TrainConfig, device: str) -> LoadedModel:
    """A base checkpoint, with a new adapter on it where one is to be trained.

    Raises
    ------
    ModelError
        If it cannot be loaded, its tokenizer lacks the delimiters or an end of text, or an adapter
        is to be put on an adapter.
    """
    _require_trainable(config)
    loaded = load_model(config.base, config.made_dialect(), device=device, dtype="float32")
    if config.lora:
        return replace(loaded, model=with_trainable_adapter(loaded.model, config.base, config.seed))
    # Merging an adapter leaves the weights of its base frozen.
    loaded.model.requires_grad_(True)
    return loaded


def _require_trainable(config: TrainConfig) -> None:
    """Check what can be known of a base before its weights are loaded."""
    if config.lora:
        peft_library()
    if config.lora and is_adapter(config.base):
        raise ModelError(
            f"{config.base!r} is an adapter",
            "an adapter on an adapter cannot be loaded again",
            "Merge it into its base first, or leave --lora out.",
        )
    dialect = config.made_dialect()
    tokenizer = load_encoder(config.base, dialect).tokenizer
    # Fails on a chat template that cannot be used.
    dialect.render("Hello.", tokenizer)
    if tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer of {config.base!r} has no end-of-text token",
            "a model trained without one never ends an answer",
            "Set its eos_token and save it again.",
        )


def with_trainable_adapter(model: Any, base: str, seed: int) -> Any:
    """Put a new adapter on a model that was loaded from a folder or hub name `base`."""
    folder = Path(base)
    # A relative path would be read from wherever the adapter is loaded.
    model.config._name_or_path = str(folder.resolve()) if folder.exists() else base
    return untrained_adapter(model, ADAPTER_RANK, seed)


def untrained_adapter(model: Any, rank: int, seed: int) -> Any:
    """Put a new adapter of a rank on every linear map of a model; at first it changes nothing."""
    torch.manual_seed(seed)
    return with_new_adapter(
        model,
        target_modules="all-linear",
        r=rank,
        lora_alpha=2 * rank,
        lora_dropout=0.0,
        # GPT-2 keeps its matrices the other way round.
        fan_in_fan_out=any(isinstance(module, Conv1D) for module in model.modules()),
    )
