"""Residual activations of an unmodified Hugging Face model, at wanted positions only.

Hooks read what TransformerLens' bridge reads under the names of `probes.layers.hook_name`; the
bridge itself is slower and changes the model that it is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from probes.layers import EMBEDDINGS, decoder_layers
from probes.positions import ABSENT
from scratchpad.errors import DataError, ModelError


def layers_of(model: torch.nn.Module) -> tuple[int, ...]:
    """All layers of a model, in order of depth: `EMBEDDINGS`, 0, 1, ..."""
    return (EMBEDDINGS, *range(len(decoder_layers(model))))


def capture(
    model: torch.nn.Module,
    sequences: Sequence[Sequence[int]],
    positions: Sequence[Sequence[int]],
    *,
    layers: Sequence[int] | None = None,
    batch_size: int = 32,
) -> NDArray[np.float32]:
    """Read the residual stream at the wanted positions of every sequence.

    Sequences are cut after their last wanted position (a causal model reads nothing later) and
    padded on the right; no logits are computed and only the wanted vectors are kept.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model; it is not modified.
    sequences : sequence of sequences of int
        Token ids.
    positions : sequence of sequences of int
        For each sequence the same number of indices into it, or `ABSENT`.
    layers : sequence of int, optional
        Which layers, in this order; all of `layers_of(model)` by default.
    batch_size : int
        Sequences read at once.

    Returns
    -------
    array of float32, shape (sequences, layers, positions, width)
        NaN where a position is `ABSENT`.

    Raises
    ------
    DataError
        If a position lies outside its sequence, or an activation is not finite.
    ModelError
        If the model has no such layers.
    """
    blocks = decoder_layers(model)
    chosen = list(layers_of(model) if layers is None else layers)
    if not set(chosen) <= set(layers_of(model)):
        raise ModelError(
            f"Layers {chosen} were asked for",
            f"this model has {EMBEDDINGS} (the embeddings) to {len(blocks) - 1}",
            "Ask for layers it has.",
        )
    _check(sequences, positions)
    wanted = np.asarray(positions, dtype=np.int64).reshape(len(sequences), -1)
    lengths = wanted.max(axis=1, initial=ABSENT) + 1
    config: Any = model.config
    width = int(config.get_text_config().hidden_size)
    shape = (len(sequences), len(chosen), wanted.shape[1], width)
    vectors = np.full(shape, np.nan, dtype=np.float32)
    with _reading(model), torch.inference_mode():
        for batch in _batches(lengths, batch_size):
            ids = [list(sequences[row][: lengths[row]]) for row in batch]
            found = _read(model, blocks, chosen, ids, wanted[batch])
            _require_finite(found, wanted[batch], chosen, batch)
            absent = (wanted[batch] == ABSENT)[:, None, :, None]
            vectors[batch] = np.where(absent, np.float32(np.nan), found)
    return vectors


def _check(sequences: Sequence[Sequence[int]], positions: Sequence[Sequence[int]]) -> None:
    for row, (ids, places) in enumerate(zip(sequences, positions, strict=True)):
        outside = [place for place in places if not ABSENT <= place < len(ids)]
        if outside:
            raise DataError(
                f"Position {outside[0]} lies outside transcript {row}",
                f"it has {len(ids)} tokens",
                "Locate the positions in the same encoding.",
            )


def _batches(lengths: NDArray[np.int64], size: int) -> list[list[int]]:
    """Group rows of similar length, longest first, leaving out those without any position."""
    order = [int(row) for row in np.argsort(-lengths, kind="stable") if lengths[row] > 0]
    return [order[start : start + size] for start in range(0, len(order), size)]


@contextmanager
def _reading(model: torch.nn.Module) -> Iterator[None]:
    """Switch dropout off for a while."""
    training = model.training
    model.eval()
    try:
        yield
    finally:
        model.train(training)


def _read(
    model: Any,
    blocks: torch.nn.ModuleList,
    layers: Sequence[int],
    ids: Sequence[list[int]],
    positions: NDArray[np.int64],
) -> NDArray[np.float32]:
    """Run one right-padded batch; shape (batch, layers, positions, width)."""
    device = next(model.parameters()).device
    lengths = torch.tensor([len(row) for row in ids])
    tokens = torch.zeros(len(ids), int(lengths.max()), dtype=torch.long)
    for row, sequence in zip(tokens, ids, strict=True):
        row[: len(sequence)] = torch.tensor(sequence)
    mask = (torch.arange(tokens.shape[1]) < lengths[:, None]).long()
    places = torch.from_numpy(np.where(positions == ABSENT, 0, positions)).to(device)
    rows = torch.arange(len(ids), device=device)[:, None]
    kept: dict[int, torch.Tensor] = {}

    def keep(layer: int, hidden: torch.Tensor) -> None:
        kept[layer] = hidden[rows, places].float().cpu()

    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(_hook(blocks, layer, keep).remove)
        model.base_model(
            input_ids=tokens.to(device), attention_mask=mask.to(device), use_cache=False
        )
    return torch.stack([kept[layer] for layer in layers], dim=1).numpy()


def _hook(
    blocks: torch.nn.ModuleList, layer: int, keep: Callable[[int, torch.Tensor], None]
) -> Any:
    if layer == EMBEDDINGS:

        def before(_: Any, args: tuple[Any, ...], named: dict[str, Any]) -> None:
            keep(layer, args[0] if args else named["hidden_states"])

        return blocks[0].register_forward_pre_hook(before, with_kwargs=True)

    def after(_: Any, args: Any, output: Any) -> None:
        keep(layer, output[0] if isinstance(output, tuple) else output)

    return blocks[layer].register_forward_hook(after)


def _require_finite(
    found: NDArray[np.float32],
    positions: NDArray[np.int64],
    layers: Sequence[int],
    batch: Sequence[int],
) -> None:
    broken = ~np.isfinite(found).all(axis=-1) & (positions != ABSENT)[:, None, :]
    if broken.any():
        row, layer, _ = (int(index) for index in np.argwhere(broken)[0])
        raise DataError(
            f"The activations of transcript {batch[row]} at layer {layers[layer]} are not finite",
            "a half-precision model can overflow",
            "Use --dtype float32, or check the checkpoint's weights.",
        )
