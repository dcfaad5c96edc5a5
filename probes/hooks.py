"""Hooks on the decoder layers of an unmodified model, and no more of its forward than they need.

They read what TransformerLens' bridge reads under the names of `probes.layers.hook_name`; the
bridge itself is slower and changes the model that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

import torch

from probes.layers import EMBEDDINGS, decoder_layers

See = Callable[[int, torch.Tensor], None]


class _Enough(Exception):  # noqa: N818 - it is an outcome, not a fault
    """The last wanted layer has been seen."""


def run(model: Any, layers: Collection[int], see: See, inputs: Mapping[str, Any]) -> None:
    """Run a model on inputs up to the last of some layers; it is left as it was.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model; dropout is off while it runs.
    layers : collection of int
        One or more of `probes.activations.layers_of(model)`.
    see : callable
        Called with each layer and the residual stream there, shape (batch, tokens, width), in the
        order of depth. It must copy what it keeps.
    inputs : mapping
        What the model's forward takes.
    """
    blocks, last = decoder_layers(model), max(layers)

    def seen(layer: int, hidden: torch.Tensor) -> None:
        see(layer, hidden)
        if layer == last:
            raise _Enough

    with _evaluating(model), torch.inference_mode(), ExitStack() as hooks:
        for layer in layers:
            hooks.callback(_hook(blocks, layer, seen).remove)
        # The layers above, the final norm and the logits would only cost time.
        with suppress(_Enough):
            model.base_model(**inputs)


@contextmanager
def _evaluating(model: torch.nn.Module) -> Iterator[None]:
    modes = {module: module.training for module in model.modules()}
    model.eval()
    try:
        yield
    finally:
        for module, training in modes.items():
            module.training = training


def _hook(blocks: torch.nn.ModuleList, layer: int, see: See) -> Any:
    if layer == EMBEDDINGS:

        def before(_: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
            see(layer, args[0] if args else named["hidden_states"])

        return blocks[0].register_forward_pre_hook(before, with_kwargs=True)

    def after(_: Any, args: Any, output: Any) -> None:
        see(layer, output[0] if isinstance(output, tuple) else output)

    return blocks[layer].register_forward_hook(after)
