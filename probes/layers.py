"""How layers are numbered and named, and where a model keeps them.

Layer k is what leaves decoder layer k (counted from 0, before any final norm); `EMBEDDINGS` is
what enters the first.
"""

from __future__ import annotations

from typing import Any

import torch

from scratchpad.errors import ModelError

EMBEDDINGS = -1


def hook_name(layer: int) -> str:
    """Name the place as TransformerLens' bridge does.

    >>> hook_name(EMBEDDINGS), hook_name(0)
    ('blocks.0.hook_resid_pre', 'blocks.0.hook_resid_post')
    """
    return "blocks.0.hook_resid_pre" if layer == EMBEDDINGS else f"blocks.{layer}.hook_resid_post"


def decoder_layers(model: torch.nn.Module) -> torch.nn.ModuleList:
    """Find a model's decoder layers, whatever the architecture calls them.

    They are the outermost `ModuleList` that is as long as the configuration says the model is
    deep (experts inside a layer can form a list of the same length).

    Raises
    ------
    ModelError
        If there is no such list.
    """
    config: Any = model.config
    depth = int(config.get_text_config().num_hidden_layers)
    found = [
        (name.count("."), name, module)
        for name, module in model.named_modules()
        if isinstance(module, torch.nn.ModuleList) and len(module) == depth
    ]
    if not found:
        raise ModelError(
            f"{type(model).__name__} has no list of {depth} decoder layers",
            "activations are read at the output of every decoder layer",
            "Use a decoder-only checkpoint of a common architecture.",
        )
    return min(found, key=lambda item: item[:2])[2]
