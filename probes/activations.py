"""Residual activations of an unmodified Hugging Face model, at wanted places only.

A place's vector is the same in whatever batch, padding or order its text is read, and whether or
not the keys and values before it are cached.
"""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from probes.hooks import run
from probes.layers import EMBEDDINGS, decoder_layers
from probes.pooling import Pooling
from probes.positions import Place
from probes.texts import Texts
from scratchpad.errors import DataError, ModelError
from scratchpad.memory import batches, halving
from scratchpad.sizes import Sizes

BATCH_SIZE = 32

Vectors = NDArray[np.float32]


class Batch(NamedTuple):
    """Some texts' activations: `vectors` has shape (rows, layers, positions, width)."""

    rows: list[int]
    vectors: Vectors


def layers_of(model: torch.nn.Module) -> tuple[int, ...]:
    """All layers of a model, in order of depth: `EMBEDDINGS`, 0, 1, ..."""
    return (EMBEDDINGS, *range(len(decoder_layers(model))))


def chosen_layers(model: torch.nn.Module, layers: Sequence[int] | None) -> tuple[int, ...]:
    """The layers asked for, all of them if none are named.

    Raises
    ------
    ModelError
        If the model has no such layers.
    """
    known = layers_of(model)
    chosen = known if layers is None else tuple(layers)
    if not chosen or not set(chosen) <= set(known):
        raise ModelError(
            f"Layers {list(chosen)} were asked for",
            f"this model has {EMBEDDINGS} (the embeddings) to {known[-1]}",
            "Ask for layers it has.",
        )
    return chosen


def width_of(model: Any) -> int:
    """How many numbers stand for a token between two layers."""
    return int(model.config.get_text_config().hidden_size)


def capture(
    model: torch.nn.Module,
    texts: Texts,
    *,
    layers: Sequence[int] | None = None,
    batch_size: int = BATCH_SIZE,
) -> Vectors:
    """Read the residual stream at the places of all texts, into memory.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model; it is not modified.
    texts : Texts
        `Examples.texts`, or others.
    layers : sequence of int, optional
        Which layers, in this order; all of `layers_of(model)` by default.
    batch_size : int
        Texts read at once, fewer where the model's memory budget has no room for so many.

    Returns
    -------
    array of float32, shape (texts, layers, positions, width)
        NaN where a place is absent.

    Raises
    ------
    DataError
        If an activation is not finite.
    ModelError
        If the model has no such layers, or there is no room for a single text.
    """
    chosen = chosen_layers(model, layers)
    shape = (len(texts.ids), len(chosen), len(texts.position_names), width_of(model))
    vectors = np.empty(shape, dtype=np.float32)
    for batch in stream(model, texts, layers=chosen, batch_size=batch_size):
        vectors[batch.rows] = batch.vectors
    return vectors


def stream(
    model: torch.nn.Module,
    texts: Texts,
    *,
    layers: Sequence[int] | None = None,
    batch_size: int = BATCH_SIZE,
    known: NDArray[np.bool_] | None = None,
) -> Iterator[Batch]:
    """Read like `capture`, giving out one batch at a time.

    Texts are cut after their last place (a causal model reads nothing later) and grouped by
    length. The batches depend on `texts`, `batch_size`, the model's shape and its memory budget
    alone, but where memory runs out: what follows comes in smaller ones.

    Parameters
    ----------
    model, texts, layers, batch_size
        As `capture` takes them.
    known : array of bool, shape (texts,), optional
        A batch whose texts are all known is left out.
    """
    chosen = chosen_layers(model, layers)
    lengths, sizes = texts.lengths, Sizes.of(model)
    shape = (len(chosen), len(texts.position_names), width_of(model))

    def taken(rows: Sequence[int]) -> int:
        return _batch_bytes(sizes, len(rows), lengths[rows[0]], math.prod(shape))

    def read(rows: Sequence[int]) -> Batch:
        places = [texts.places[row] for row in rows]
        ids, mask = _padded([texts.sequences[row][: lengths[row]] for row in rows])
        vectors = read_padded(model, ids, mask, places, layers=chosen)
        _require_finite(vectors, places, chosen, [texts.ids[row] for row in rows])
        return Batch(list(rows), vectors)

    for part in _by_length(lengths):
        for rows in batches(model, part, batch_size, taken):
            if known is not None and known[rows].all():
                continue
            if lengths[rows[0]] == 0:
                yield Batch(list(rows), np.full((len(rows), *shape), np.nan, dtype=np.float32))
            else:
                yield from halving(model, rows, read, taken)


def read_padded(
    model: Any,
    input_ids: torch.Tensor,
    attention_mask: torch.Tensor,
    places: Sequence[Sequence[Place]],
    *,
    layers: Sequence[int] | None = None,
    past_key_values: Any = None,
) -> Vectors:
    """Read one batch as it is: padded on whichever side, perhaps after cached keys and values.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model; it is not modified.
    input_ids : tensor of int, shape (batch, tokens)
    attention_mask : tensor of int, shape (batch, cached + tokens)
        0 where a row is padded.
    places : sequence of sequence of Place
        For each row as many, counted from the text's first token: neither padding nor where the
        batch begins matters.
    layers : sequence of int, optional
        Which layers, in this order; all of `layers_of(model)` by default.
    past_key_values : transformers.Cache, optional
        Keys and values of what stands before; a copy is extended.

    Returns
    -------
    array of float32, shape (batch, layers, positions, width)
        NaN where a place is absent; what is not finite stays so.
    """
    chosen = chosen_layers(model, layers)
    cached = attention_mask.shape[1] - input_ids.shape[1]
    pooling = Pooling(attention_mask.cpu().numpy(), places, cached)
    device = next(model.parameters()).device
    inputs: dict[str, Any] = {
        "input_ids": input_ids.to(device),
        "attention_mask": attention_mask.to(device),
        "use_cache": False,
    }
    # Left to themselves, most models would count padding on the left as tokens.
    if "position_ids" in inspect.signature(model.base_model.forward).parameters:
        numbers = (attention_mask.cumsum(dim=1) - 1).clamp(min=0)[:, cached:]
        inputs["position_ids"] = numbers.to(device)
    if past_key_values is not None:
        inputs["past_key_values"] = copy.deepcopy(past_key_values)
    kept: dict[int, torch.Tensor] = {}

    def keep(layer: int, hidden: torch.Tensor) -> None:
        kept[layer] = pooling(hidden)

    run(model, set(chosen), keep, inputs)
    return np.stack([kept[layer].cpu().numpy() for layer in chosen], axis=1)


def _by_length(lengths: Sequence[int]) -> tuple[list[int], list[int]]:
    """Rows, longest first, and those with nothing to read."""
    order = np.argsort([-length for length in lengths], kind="stable").tolist()
    full = sum(length > 0 for length in lengths)
    return order[:full], order[full:]


def _batch_bytes(sizes: Sizes, rows: int, length: int, values: int) -> int:
    """What reading texts takes beside the weights: a layer's tensors, masks, and what is kept."""
    masks = rows * length * length * (sizes.item + 1)
    return (
        sizes.tokens(rows * length)
        + sizes.attended(rows, length, length)
        + masks
        + rows * values * 3 * np.dtype(np.float32).itemsize
    )


def _padded(sequences: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids padded on the right, and their mask, which comes from lengths."""
    lengths = torch.tensor([len(ids) for ids in sequences])
    tokens = torch.empty(len(sequences), int(lengths.max()), dtype=torch.long)
    for row, ids in zip(tokens, sequences, strict=True):
        # A token of the row itself: a broken one, even masked, would make its row NaN.
        row[:] = ids[0]
        row[: len(ids)] = torch.tensor(ids)
    return tokens, (torch.arange(tokens.shape[1]) < lengths[:, None]).long()


def _require_finite(
    vectors: Vectors, places: Sequence[Sequence[Place]], layers: Sequence[int], ids: Sequence[str]
) -> None:
    present = np.array([[place.present for place in row] for row in places])
    broken = ~np.isfinite(vectors).all(axis=-1) & present[:, None, :]
    if broken.any():
        row, layer, _ = np.argwhere(broken)[0]
        raise DataError(
            f"The activations of transcript {ids[row]} at layer {layers[layer]} are not finite",
            "a half-precision model can overflow",
            "Use --dtype float32, or check the checkpoint's weights.",
        )
