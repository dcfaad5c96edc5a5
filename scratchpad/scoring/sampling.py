"""Sample continuations of token prefixes, batched and seeded.

`load_model` has put the checkpoint's own generation settings aside: the settings are ours.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch
from transformers import GenerationConfig

from scratchpad.memory import budget_of, halving, is_out_of_memory
from scratchpad.scoring.decoding import Decoder, Drawn, row_bytes
from scratchpad.scoring.likelihood import REFUSALS, TOLERANCES
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.sizes import Sizes

BATCH_ROWS = 128
# Prefixes that are sorted by length together; between them results are given out.
SORTED_ROWS = 8 * BATCH_ROWS

_log = logging.getLogger(__name__)
# Whether a model's keys and values can be handed to several rows, once that is known.
_shares: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class Sample(NamedTuple):
    """Sampled tokens without the end token; `finished` says whether the model ended them.

    `end` is the token it ended them with: a model may have several.
    """

    ids: tuple[int, ...]
    finished: bool
    end: int | None = None


class _CannotShare(Exception):  # noqa: N818 - a reason to draw in another way
    """A model turned out to be one that is sampled by `generate`."""


class Batch(NamedTuple):
    """The numbers of prefixes that are drawn together, and the seed of their draws."""

    numbers: tuple[int, ...]
    seed: int


def end_token_ids(model: Any, tokenizer: Any) -> list[int]:
    """The tokens at which this model ends its text: the tokenizer's and the checkpoint's."""
    named = [tokenizer.eos_token_id, model.generation_config.eos_token_id]
    flat = [t for item in named for t in (item if isinstance(item, list) else [item])]
    return sorted({int(token) for token in flat if token is not None})


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

    At temperature 1 the draws are from the model's own distribution (top-p 1, no top-k). A prefix
    that stands there several times is read once. The batches depend on `prefixes`, the model's
    shape and its memory budget alone. A row is drawn from numbers of its own, so that the same call
    gives the same tokens in whatever batches; a model that is sampled by `generate()` draws its
    batches together, and gives other tokens in others. The global random state is left as it was.
    """
    decoder = Decoder(model, end_token_ids(model, tokenizer), max_new_tokens, temperature)
    found: dict[int, Sample] = {}
    given = 0
    for batch in batches(prefixes, seed):
        rows = [tuple(prefixes[n]) for n in batch.numbers]
        found.update(zip(batch.numbers, draw_batch(decoder, rows, batch.seed), strict=True))
        while given in found:
            yield found.pop(given)
            given += 1


def batches(prefixes: Sequence[Sequence[int]], seed: int) -> Iterator[Batch]:
    """Cut prefixes into the batches that they are drawn in, neighbours in length together."""
    for first in range(0, len(prefixes), SORTED_ROWS):
        window = range(first, min(first + SORTED_ROWS, len(prefixes)))
        order = sorted(window, key=lambda n: (-len(prefixes[n]), tuple(prefixes[n]), n))
        for start in range(0, len(order), BATCH_ROWS):
            numbers = tuple(order[start : start + BATCH_ROWS])
            yield Batch(numbers, seed * 1_000_003 + first + start)


def _rows(model: Any, length: int) -> int:
    """How many rows of a length the memory budget has room for; at least one."""
    read_whole = _shares.get(model) is False
    row = row_bytes(model, length) + read_whole * Sizes.of(model).tokens(length)
    return max(1, min(BATCH_ROWS, budget_of(model) // row))


def draw_batch(decoder: Decoder, batch: Sequence[Sequence[int]], seed: int) -> list[Sample]:
    """Draw a batch, in parts where memory is short: a row's draws are its own."""
    length = max(map(len, batch)) + decoder.max_new_tokens
    drawn: list[Sample] = []
    while len(drawn) < len(batch):
        # Looked up anew: memory that ran out once leaves fewer rows for all that follows.
        stop = min(len(drawn) + _rows(decoder.model, length), len(batch))
        # Cut anew, too, if this was the batch that a model was tried out on: others were not.
        with suppress(_CannotShare):
            parts = halving(
                decoder.model,
                range(len(drawn), stop),
                lambda part: _drawn(decoder, [batch[n] for n in part], seed + part[0]),
                lambda part: len(part) * row_bytes(decoder.model, length),
            )
            drawn += [sample for part in parts for sample in part]
    return drawn


def _drawn(decoder: Decoder, batch: Sequence[Sequence[int]], seed: int) -> list[Sample]:
    if decoder.model not in _shares:
        return _first_batch(decoder, batch, seed)
    if not _shares[decoder.model]:
        return generated(decoder, batch, seed)
    return [Sample(row.ids, row.finished, row.end) for row in decoder(batch, seed)]


def _first_batch(decoder: Decoder, batch: Sequence[Sequence[int]], seed: int) -> list[Sample]:
    """Draw by handed-on keys and values, if single calls confirm them."""
    try:
        drawn = decoder(batch, seed)
    except REFUSALS as error:
        if is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:120]
    else:
        apart = _apart(decoder, batch, drawn)
        if apart <= TOLERANCES[decoder.model.dtype]:
            # First tokens are read with the prefixes, before anything is handed on.
            if any(len(row.ids) > 1 for row in drawn):
                _shares[decoder.model] = True
            return [Sample(row.ids, row.finished, row.end) for row in drawn]
        reason = f"it differs by {apart:.2g} nats from single calls"
    _log.warning(
        "%s cannot share what it has read (%s): sampling by generate(), which is slower.",
        type(decoder.model).__name__,
        reason,
    )
    _shares[decoder.model] = False
    raise _CannotShare


def _apart(decoder: Decoder, batch: Sequence[Sequence[int]], drawn: Sequence[Drawn]) -> float:
    """The largest difference (nats) between log-probabilities of draws and of single calls."""
    rows = {
        len(batch[n]) + len(drawn[n].ids): n for n in range(len(batch)) if len(drawn[n].ids) > 1
    }
    chosen = [rows[length] for length in sorted(rows)[-1:] + sorted(rows)[:1]]
    requests = [Request((*batch[n], *drawn[n].ids), len(batch[n])) for n in chosen]
    single = padded_log_probabilities(decoder.model, requests, batch_rows=1)
    gaps = [
        np.abs(np.array(drawn[n].log_probabilities[: len(scores)]) - scores).max()
        for n, scores in zip(chosen, single, strict=True)
    ]
    return float(max(gaps, default=0.0))


@torch.inference_mode()
def generated(decoder: Decoder, batch: Sequence[Sequence[int]], seed: int) -> list[Sample]:
    """Draw by the library's own loop, which reads every prefix for itself and keeps every row."""
    drawing, ends = decoder.temperature > 0, list(decoder.ends)
    config = GenerationConfig(
        do_sample=drawing,
        temperature=decoder.temperature if drawing else None,
        top_k=0 if drawing else None,
        top_p=1.0 if drawing else None,
        max_new_tokens=decoder.max_new_tokens,
        eos_token_id=ends or None,
        pad_token_id=ends[0] if ends else 0,
    )
    with torch.random.fork_rng(devices=_devices(decoder.model)):
        torch.manual_seed(seed % 2**63)
        rows = _generate(decoder.model, batch, config)
    cut = [(row, next((k for k, token in enumerate(row) if token in ends), None)) for row in rows]
    return [
        Sample(tuple(row[:end]), end is not None, None if end is None else row[end])
        for row, end in cut
    ]


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
