"""Sample continuations of token prefixes, batched and seeded.

`load_model` has put the checkpoint's own generation settings aside: the settings are ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from transformers import GenerationConfig

BATCH_ROWS = 64


class Sample(NamedTuple):
    """Sampled tokens without the end token; `finished` says whether the model ended them."""

    ids: tuple[int, ...]
    finished: bool


def end_token_ids(model: Any, tokenizer: Any) -> list[int]:
    """The tokens at which this model ends its text: the tokenizer's and the checkpoint's."""
    named = [tokenizer.eos_token_id, model.generation_config.eos_token_id]
    flat = [t for item in named for t in (item if isinstance(item, list) else [item])]
    return sorted({int(token) for token in flat if token is not None})


@torch.inference_mode()
def sample(
    model: Any,
    tokenizer: Any,
    prefixes: Sequence[Sequence[int]],
    *,
    max_new_tokens: int,
    seed: int,
    temperature: float = 1.0,
) -> Iterator[Sample]:
    """Continue each prefix, in order; `temperature=0` decodes greedily.

    At temperature 1 the draws are from the model's own distribution (top-p 1, no top-k). The
    batches depend on `prefixes` alone and each is seeded by `(seed, its number)`, so the same
    call gives the same tokens; the global random state is left as it was.
    """
    ends = end_token_ids(model, tokenizer)
    config = GenerationConfig(
        do_sample=temperature > 0,
        temperature=temperature if temperature > 0 else None,
        top_k=0 if temperature > 0 else None,
        top_p=1.0 if temperature > 0 else None,
        max_new_tokens=max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if ends else 0,
    )
    for number in range(0, len(prefixes), BATCH_ROWS):
        batch = prefixes[number : number + BATCH_ROWS]
        with torch.random.fork_rng(devices=_devices(model)):
            torch.manual_seed((seed * 1_000_003 + number) % 2**63)
            rows = _generate(model, batch, config)
        for row in rows:
            end = next((k for k, token in enumerate(row) if token in ends), None)
            yield Sample(tuple(row[:end]), end is not None)


def _generate(model: Any, batch: Sequence[Sequence[int]], config: Any) -> list[list[int]]:
    """Left-pad, generate and return the new tokens of each row."""
    longest = max(len(prefix) for prefix in batch)
    ids = torch.full((len(batch), longest), int(config.pad_token_id), dtype=torch.long)
    mask = torch.zeros((len(batch), longest), dtype=torch.long)
    for number, prefix in enumerate(batch):
        ids[number, longest - len(prefix) :] = torch.tensor(prefix)
        mask[number, longest - len(prefix) :] = 1
    output = model.generate(
        input_ids=ids.to(model.device),
        attention_mask=mask.to(model.device),
        generation_config=config,
    )
    return [row[longest:] for row in output.tolist()]


def _devices(model: Any) -> list[torch.device]:
    return [model.device] if model.device.type == "cuda" else []
