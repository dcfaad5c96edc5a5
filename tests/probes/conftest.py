"""Tiny models with random weights, and a tokenizer, made in memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import transformers
from numpy.typing import NDArray
from tokenizers import Tokenizer, models, pre_tokenizers

from probes.examples import Examples

SHAPE = {
    "vocab_size": 32,
    "hidden_size": 16,
    "num_hidden_layers": 3,
    "num_attention_heads": 2,
    "max_position_embeddings": 64,
    "bos_token_id": 1,
    "eos_token_id": 1,
    "pad_token_id": 2,
}
GATED = {**SHAPE, "intermediate_size": 32, "num_key_value_heads": 2, "head_dim": 8}
CONFIGS: dict[str, Callable[[], transformers.PretrainedConfig]] = {
    "llama": lambda: transformers.LlamaConfig(**GATED),
    "mistral": lambda: transformers.MistralConfig(**GATED, sliding_window=4),
    "qwen2": lambda: transformers.Qwen2Config(**GATED),
    "gemma2": lambda: transformers.Gemma2Config(**GATED),
    "phi": lambda: transformers.PhiConfig(**SHAPE, intermediate_size=32),
    "gpt2": lambda: transformers.GPT2Config(**SHAPE),
    "gpt-neox": lambda: transformers.GPTNeoXConfig(**SHAPE, intermediate_size=32),
    "opt": lambda: transformers.OPTConfig(**SHAPE, ffn_dim=32, word_embed_proj_dim=16),
    # As many experts in a layer as there are layers: the two lists must not be confused.
    "mixtral": lambda: transformers.MixtralConfig(**GATED, num_local_experts=3),
}


@pytest.fixture
def make_model() -> Callable[[str], Any]:
    """Build a tiny model of a named architecture with random weights, in evaluation mode."""

    def build(name: str) -> Any:
        torch.manual_seed(0)
        return transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).eval()

    return build


@pytest.fixture
def tokenizer() -> Any:
    words = ["<unk>", "<eos>", "<pad>", *(f"w{number}" for number in range(29))]
    inner = Tokenizer(
        models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>")
    )
    inner.pre_tokenizer = pre_tokenizers.Whitespace()
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, unk_token="<unk>", eos_token="<eos>", pad_token="<pad>"
    )


@pytest.fixture
def make_examples() -> Callable[..., Examples]:
    """Build examples with the given texts as prefixes, one position unless more are named."""

    def build(
        labels: NDArray[np.bool_],
        *,
        triggered: NDArray[np.bool_] | None = None,
        texts: list[str] | None = None,
        names: tuple[str, ...] = ("close",),
        per_group: int = 2,
    ) -> Examples:
        count = len(labels)
        texts = ["the same words"] * count if texts is None else texts
        vocabulary = {word: i for i, word in enumerate(sorted(set(" ".join(texts).split())))}
        sequences = tuple(tuple(vocabulary[word] for word in text.split()) for text in texts)
        ends = np.array([len(ids) - 1 for ids in sequences])
        return Examples(
            ids=tuple(f"t{row}" for row in range(count)),
            sequences=sequences,
            positions=np.repeat(np.stack([ends, ends + 1], axis=1)[:, None], len(names), axis=1),
            position_names=names,
            prefixes=tuple((text,) * len(names) for text in texts),
            labels=labels,
            groups=np.array([f"g{row // per_group}" for row in range(count)]),
            triggered=np.arange(count) % 2 == 0 if triggered is None else triggered,
            left_out={"unterminated": 0, "not judged": 0},
        )

    return build
