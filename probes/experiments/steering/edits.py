"""Steer an unmodified model: add a direction to the residual stream, or take it out.

Hooks at the places of `probes.hooks`, as TransformerLens' bridge has them; the checkpoint stays as
it is. Which tokens are steered is counted from each text's own beginning, so that padding does not
matter.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from probes.layers import EMBEDDINGS, decoder_layers
from scratchpad.memory import batches, halving
from scratchpad.scoring.decoding import Decoder
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import Sample, generated
from scratchpad.sizes import Sizes

READ_ROWS = 32
WRITTEN_ROWS = 256

Marks = Callable[[Tensor], Tensor]


class Change(NamedTuple):
    """What is done to the residual stream behind a layer.

    Parameters
    ----------
    layer : int
        As `probes.layers` numbers them.
    vectors : Tensor, shape (rows or 1, width)
        What is added to each text's marked tokens; or, of length 1, what is projected out of them.
    ablate : bool
    """

    layer: int
    vectors: Tensor
    ablate: bool = False

    def __call__(self, hidden: Tensor, marked: Tensor) -> Tensor:
        """Change the marked tokens, (rows, tokens), of a residual stream (rows, tokens, width)."""
        vectors = self.vectors.to(hidden)[:, None]
        if self.ablate:
            change = -(hidden * vectors).sum(-1, keepdim=True) * vectors
        else:
            change = vectors.expand_as(hidden)
        # The layers of a large model can be on other devices than its embeddings.
        return torch.where(marked.to(hidden.device)[..., None], hidden + change, hidden)


@contextmanager
def steered(model: Any, change: Change, marks: Marks) -> Iterator[None]:
    """Steer every forward pass within.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model; its hooks are taken off again.
    change : Change
    marks : callable
        Which tokens of a residual stream (rows, tokens, width) are changed: bool, (rows, tokens).
    """
    blocks = decoder_layers(model)

    def before(_: Any, args: tuple[Any, ...], named: dict[str, Any]) -> Any:
        given = args[0] if args else named["hidden_states"]
        moved = change(given, marks(given))
        return ((moved, *args[1:]), named) if args else (args, named | {"hidden_states": moved})

    def after(_: Any, args: Any, output: Any) -> Any:
        if isinstance(output, tuple):
            return (change(output[0], marks(output[0])), *output[1:])
        return change(output, marks(output))

    if change.layer == EMBEDDINGS:
        hook = blocks[0].register_forward_pre_hook(before, with_kwargs=True)
    else:
        hook = blocks[change.layer].register_forward_hook(after)
    try:
        yield
    finally:
        hook.remove()


@torch.inference_mode()
def steered_reading(
    model: Any, requests: Sequence[Request], starts: Sequence[int], change: Change | None
) -> list[np.ndarray]:
    """Log-probability (nats) of every scored token of given texts, steered from a token on.

    Parameters
    ----------
    model : torch.nn.Module
        A Hugging Face causal language model in evaluation mode.
    requests : sequence of Request
    starts : sequence of int
        The first steered token of each request's text.
    change : Change or None
        One vector for all texts; `None` reads unsteered.

    Returns
    -------
    list of array, shape (len(ids) - start,)
    """
    rows = _rows(requests, starts)
    found: list[np.ndarray] = [np.zeros(0)] * len(requests)
    sizes = Sizes.of(model)

    def taken(batch: Sequence[_Row]) -> int:
        longest = max(len(row.ids) for row in batch)
        return len(batch) * (sizes.tokens(longest) + sizes.logits(longest))

    def read(batch: Sequence[_Row]) -> None:
        lengths = torch.tensor([len(row.ids) for row in batch])
        places = torch.arange(int(lengths.max()))
        ids = torch.zeros(len(batch), len(places), dtype=torch.long)
        for line, row in zip(ids, batch, strict=True):
            line[: len(row.ids)] = torch.tensor(row.ids)
        marked = places >= torch.tensor([row.start for row in batch])[:, None]
        # Logits before the first scored token would fill the memory of a large vocabulary.
        skipped = min(requests[n].start for row in batch for n in row.requests) - 1
        mask = (places < lengths[:, None]).long()
        logits = _logits(model, ids, mask, skipped, change, marked)
        for scores, row in zip(logits, batch, strict=True):
            for number in row.requests:
                text, start = requests[number]
                asked = torch.tensor(text[start:], device=scores.device)[:, None]
                lines = scores[start - 1 - skipped : len(text) - 1 - skipped].float()
                found[number] = lines.log_softmax(-1).gather(1, asked)[:, 0].double().cpu().numpy()

    for batch in batches(model, rows, READ_ROWS, taken):
        halving(model, batch, read, taken)
    return found


def steered_writing(
    decoder: Decoder,
    prefixes: Sequence[Sequence[int]],
    change: Change | None,
    *,
    from_prompt_end: bool,
    seed: int,
) -> list[Sample]:
    """Let a model write on while what it writes is steered.

    Parameters
    ----------
    decoder : Decoder
        The model and how it writes.
    prefixes : sequence of sequence of int
        Each text up to where the model writes on.
    change : Change or None
        One vector a prefix; `None` writes unsteered.
    from_prompt_end : bool
        Whether the last token of each prefix is steered, too.
    seed : int
        Every batch of `WRITTEN_ROWS` is drawn from the same numbers, whatever steers it.
    """
    written: list[Sample] = []
    for first in range(0, len(prefixes), WRITTEN_ROWS):
        batch = prefixes[first : first + WRITTEN_ROWS]
        if change is None:
            written += generated(decoder, batch, seed)
            continue
        part = change._replace(vectors=change.vectors[first : first + WRITTEN_ROWS])
        with steered(decoder.model, part, _Written(from_prompt_end)):
            written += generated(decoder, batch, seed)
    return written


class _Written:
    """Marks what is written after prefixes that are read in one pass, padded on the left."""

    def __init__(self, last_of_prefix: bool) -> None:
        self._first, self._last = True, last_of_prefix

    def __call__(self, hidden: Tensor) -> Tensor:
        marked = torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)
        if self._first:
            marked[:, :-1], marked[:, -1] = False, self._last
        self._first = False
        return marked


class _Row(NamedTuple):
    """One text, the requests that it serves, and its first steered token."""

    ids: tuple[int, ...]
    start: int
    requests: list[int]


def _rows(requests: Sequence[Request], starts: Sequence[int]) -> list[_Row]:
    """Texts to read, longest first; one that begins another is read with it."""
    rows: list[_Row] = []
    # In falling order a text follows directly on those that it begins.
    order = sorted(
        range(len(requests)), key=lambda n: (starts[n], requests[n].ids[:-1]), reverse=True
    )
    for number in order:
        ids = requests[number].ids[:-1]
        last = rows[-1] if rows else None
        if last and last.start == starts[number] and last.ids[: len(ids)] == ids:
            last.requests.append(number)
        else:
            rows.append(_Row(ids, starts[number], [number]))
    return sorted(rows, key=lambda row: -len(row.ids))


def _logits(
    model: Any, ids: Tensor, mask: Tensor, skipped: int, change: Change | None, marked: Tensor
) -> Tensor:
    """Logits from a token on, (rows, tokens - skipped, vocabulary)."""
    inputs = {"input_ids": ids.to(model.device), "attention_mask": mask.to(model.device)}
    keeps = "logits_to_keep" in inspect.signature(model.forward).parameters
    kept = {"logits_to_keep": ids.shape[1] - skipped} if keeps else {}
    there = marked.to(model.device)
    with steered(model, change, lambda _: there) if change else nullcontext():
        logits: Tensor = model(**inputs, **kept, use_cache=False).logits
    return logits if keeps else logits[:, skipped:]
