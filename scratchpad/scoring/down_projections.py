"""The matrices by which MLPs write back to the residual stream, whatever they are called."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import nn
from transformers.pytorch_utils import Conv1D

NONE_FOUND = "no MLP of this model has a down-projection of its own (fused experts have none)"


class _Sizes(NamedTuple):
    """How many numbers a linear map takes and gives."""

    into: int
    out: int


def down_projections(model: Any) -> list[Any]:
    """Find the linear maps from intermediate to hidden size, one or more in every layer.

    They are known by their shape (`down_proj`, `c_proj`, `fc2`, `dense_4h_to_h` and others): of
    the linear maps that stand side by side in a layer, one that gives as many numbers as the
    residual stream has, and takes as many as a neighbour (or, gate and value fused, half a
    neighbour) makes of the stream. Attention has such a pair too and is left out by its name;
    state-space mixers are by having parameters beside their maps.
    """
    width = int(model.config.get_text_config().hidden_size)
    return [
        down
        for name, module in model.named_modules()
        if _may_be_mlp(name, module)
        for down in _downward(module, width)
    ]


def _may_be_mlp(name: str, module: nn.Module) -> bool:
    parts = name.lower().split(".")
    in_layer = any(part.isdigit() for part in parts)
    attends = any("attn" in part or "attention" in part for part in parts)
    return in_layer and not attends and not any(True for _ in module.parameters(recurse=False))


def _downward(module: nn.Module, width: int) -> list[nn.Module]:
    maps = [(child, sizes) for child in module.children() if (sizes := _sizes(child))]
    made = {sizes.out for _, sizes in maps if sizes.into == width}
    return [
        child
        for child, (into, out) in maps
        if out == width != into and (into in made or 2 * into in made)
    ]


def _sizes(module: nn.Module) -> _Sizes | None:
    if not isinstance(module, nn.Linear | Conv1D) or not module.weight.is_floating_point():
        return None
    rows, columns = module.weight.shape
    # GPT-2 keeps its weights the other way round.
    return _Sizes(columns, rows) if isinstance(module, nn.Linear) else _Sizes(rows, columns)


@contextmanager
def copied_weights(modules: Sequence[Any]) -> Iterator[list[torch.Tensor]]:
    """Lend modules copies of their weights; the weights themselves are never written to."""
    originals = [module.weight for module in modules]
    try:
        for module, weight in zip(modules, originals, strict=True):
            module.weight = nn.Parameter(weight.detach().clone())
        yield [module.weight for module in modules]
    finally:
        for module, weight in zip(modules, originals, strict=True):
            module.weight = weight
