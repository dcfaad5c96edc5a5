"""What training starts from: an untrained model of a size, or a base checkpoint."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import LlamaConfig, LlamaForCausalLM

from scratchpad.encoding import Encoder
from scratchpad.errors import ModelError
from scratchpad.models import LoadedModel, load_model
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
    loaded = load_model(config.base, config.made_dialect(), device=device, dtype="float32")
    if loaded.tokenizer.eos_token_id is None:
        raise ModelError(
            f"The tokenizer of {config.base!r} has no end-of-text token",
            "a model trained without one never ends an answer",
            "Set its eos_token and save it again.",
        )
    if not config.lora:
        return loaded
    if (Path(config.base) / "adapter_config.json").exists():
        raise ModelError(
            f"{config.base!r} is an adapter",
            "an adapter on an adapter cannot be loaded again",
            "Merge it into its base first, or leave --lora out.",
        )
    return LoadedModel(loaded.name, _with_adapter(loaded.model, config), loaded.encoder)


def _with_adapter(model: Any, config: TrainConfig) -> Any:
    from peft import LoraConfig, get_peft_model

    folder = Path(config.base)
    # A relative path would be read from wherever the adapter is loaded.
    model.config._name_or_path = str(folder.resolve()) if folder.exists() else config.base
    torch.manual_seed(config.seed)
    settings = LoraConfig(
        task_type="CAUSAL_LM",
        target_modules="all-linear",
        r=ADAPTER_RANK,
        lora_alpha=2 * ADAPTER_RANK,
        lora_dropout=0.0,
    )
    return get_peft_model(model, settings)


def with_saved_adapter(loaded: LoadedModel, folder: Path) -> LoadedModel:
    """A base with an adapter from a folder, ready to be trained further."""
    from peft import PeftModel

    model = PeftModel.from_pretrained(loaded.model, str(folder), is_trainable=True)
    return LoadedModel(loaded.name, model, loaded.encoder)
