"""Sample continuations with each prefix read once, however many samples are drawn after it.

Prefixes of a batch run once and their keys and values are handed to every row that continues them;
rows that have ended leave the batch. Keys and values stand in buffers with room to grow, since
joining them anew at every token would copy all of them every time. What a row draws hangs on its
own seed and probabilities, not on the rows beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

from scratchpad.memory import budget_of
from scratchpad.sizes import DRAWN, Sizes

# How many tokens the buffers grow by.
ROOM = 64
# Tokens of a prefix that are read at once, however small the budget.
SHORTEST_STRETCH = 32


class Drawn(NamedTuple):
    """New tokens of a row, its end token left out, and the log-probability of each (nats).

    `log_probabilities` has one more entry, for the token `end`, where the row has ended.
    """

    ids: tuple[int, ...]
    finished: bool
    log_probabilities: tuple[float, ...]
    end: int | None = None


class _RoomyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of one layer, (rows, heads, room, width), of which `length` are filled."""

    length = 0

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Write further keys and values, and give all of them."""
        start, stop = self.length, self.length + key_states.shape[-2]
        if not self.is_initialized:
            self.lazy_initialization(key_states, value_states)
            self.keys, self.values = key_states[:, :, :0], value_states[:, :, :0]
        if stop > self.keys.shape[-2]:
            self.keys, self.values = (
                _roomier(old, new, start, stop)
                for old, new in ((self.keys, key_states), (self.values, value_states))
            )
        self.keys[:, :, start:stop], self.values[:, :, start:stop] = key_states, value_states
        self.length = stop
        return self.keys[:, :, :stop], self.values[:, :, :stop]

    def get_seq_length(self) -> int:
        """How many tokens are held."""
        return self.length

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep some rows, or repeat them."""
        self.keys, self.values = (
            _repeated(part[:, :, : self.length], indices) for part in (self.keys, self.values)
        )


def _roomier(old: torch.Tensor, new: torch.Tensor, filled: int, needed: int) -> torch.Tensor:
    rows, heads, _, width = new.shape
    wider = new.new_empty(rows, heads, needed + ROOM, width)
    wider[:, :, :filled] = old[:, :, :filled]
    return wider


def _repeated(rows: torch.Tensor, indices: torch.Tensor) -> torch.Tensor:
    """Rows by number, with room to grow; runs of one row are written without a copy between."""
    _, heads, length, width = rows.shape
    wider = rows.new_empty(len(indices), heads, length + ROOM, width)
    start = 0
    for number, run in groupby(indices.tolist()):
        stop = start + sum(1 for _ in run)
        wider[start:stop, :, :length] = rows[number]
        start = stop
    return wider


@dataclass(frozen=True)
class Decoder:
    """Draws continuations from one model.

    Parameters
    ----------
    model
        A Hugging Face causal LM in evaluation mode.
    ends : sequence of int
        Tokens that end a continuation.
    max_new_tokens : int
    temperature : float
        1 draws from the model's own distribution, 0 takes the likeliest token.
    """

    model: Any
    ends: Sequence[int]
    max_new_tokens: int
    temperature: float = 1.0

    @torch.inference_mode()
    def __call__(self, prefixes: Sequence[Sequence[int]], seed: int) -> list[Drawn]:
        """Continue each prefix; equal ones, however many, are read once.

        Row n draws from the numbers of `seed + n`, whatever else is in the batch.
        """
        different = list(dict.fromkeys(map(tuple, prefixes)))
        ids, mask = _padded_left(different)
        cache = Cache(layer_class_to_replicate=_RoomyLayer)
        step = self._stretch(ids)
        for stop in range(step, ids.shape[1] + step, step):
            logits = self._logits(ids[:, stop - step : stop], mask[:, :stop], cache)
        place = {prefix: number for number, prefix in enumerate(different)}
        rows = self._tensor([place[tuple(prefix)] for prefix in prefixes])
        cache.batch_select_indices(rows)
        return self._draw(logits[rows], mask[rows.cpu()], cache, seed)

    def _draw(
        self, logits: torch.Tensor, mask: torch.Tensor, cache: Cache, seed: int
    ) -> list[Drawn]:
        tokens = np.full((len(logits), self.max_new_tokens), -1)
        places = self._places(len(logits), seed)
        scores = np.full(tokens.shape, np.nan)
        going = np.arange(len(logits))  # the row that each row of the batch continues
        ended = np.zeros(len(logits), dtype=bool)
        for step in range(self.max_new_tokens):
            chosen, chances = self._choose(logits, self._tensor(places[going, step]))
            tokens[going, step], scores[going, step] = chosen.cpu(), chances.cpu()
            ended[going] |= np.isin(tokens[going, step], self.ends)
            unended = ~ended[going]
            if step + 1 == self.max_new_tokens or not unended.any():
                break
            mask = torch.cat([mask, torch.ones(len(mask), 1, dtype=torch.long)], 1)
            # Taking rows out copies the others: worth it once many have ended.
            if unended.mean() <= 0.75:
                kept = self._tensor(np.flatnonzero(unended))
                cache.batch_select_indices(kept)
                going, mask, chosen = going[unended], mask[kept.cpu()], chosen[kept]
            logits = self._logits(chosen[:, None].cpu(), mask, cache)
        return [self._drawn(*row) for row in zip(tokens, scores, strict=True)]

    def _places(self, rows: int, seed: int) -> np.ndarray:
        """Where in [0, 1) each row draws each of its tokens: (rows, tokens)."""
        if not self.temperature:
            return np.zeros((rows, self.max_new_tokens))
        seeds = ((seed + row) % 2**63 for row in range(rows))
        return np.stack([np.random.default_rng(s).random(self.max_new_tokens) for s in seeds])

    def _stretch(self, ids: torch.Tensor) -> int:
        """How many tokens of each prefix a quarter of the budget has room to read at once."""
        token = len(ids) * Sizes.of(self.model).tokens(1)
        return min(max(budget_of(self.model) // 4 // token, SHORTEST_STRETCH), ids.shape[1])

    def _choose(
        self, logits: torch.Tensor, places: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """A token for each row, and its log-probability under the model."""
        scores = torch.log_softmax(logits.float(), dim=-1)
        if self.temperature > 0:
            tempered = scores if self.temperature == 1 else scores / self.temperature
            chosen = _drawn_tokens(tempered, places)
        else:
            chosen = scores.argmax(dim=-1, keepdim=True)
        return chosen[:, 0], scores.gather(1, chosen)[:, 0].double()

    def _logits(self, ids: torch.Tensor, mask: torch.Tensor, cache: Cache) -> torch.Tensor:
        """Logits after the last of some tokens: (rows, vocabulary)."""
        positions = (mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        ids, mask, positions = (part.to(self.model.device) for part in (ids, mask, positions))
        logits: torch.Tensor = self.model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=1,
        ).logits[:, -1]
        return logits

    def _tensor(self, numbers: Any) -> torch.Tensor:
        return torch.as_tensor(numbers, device=self.model.device)

    def _drawn(self, tokens: np.ndarray, scores: np.ndarray) -> Drawn:
        written = tokens[tokens >= 0]
        ended = np.flatnonzero(np.isin(written, self.ends))
        length = int(ended[0]) if len(ended) else len(written)
        ids, finished = tuple(written[:length].tolist()), bool(len(ended))
        end = int(written[length]) if finished else None
        return Drawn(ids, finished, tuple(scores[: length + finished].tolist()), end)


def row_bytes(model: Any, length: int) -> int:
    """What a row of a length, prefix and new tokens, takes while it is drawn.

    Its keys and values, of which those of one layer stand there twice while they are moved, and
    its logits; a third is left for the reading of the prefix.
    """
    sizes = Sizes.of(model)
    kept = sizes.cached(length + ROOM) * (sizes.layers + 1) // sizes.layers
    return (kept + sizes.attended(1, 1, length) + sizes.logits(1, DRAWN)) * 4 // 3


def _drawn_tokens(scores: torch.Tensor, places: torch.Tensor) -> torch.Tensor:
    """One token a row, by where a number in [0, 1) falls among cumulated shares: (rows, 1).

    `torch.multinomial` draws a number for every token of the vocabulary.
    """
    heaped = (scores - scores.amax(-1, keepdim=True)).exp_().double().cumsum(-1)
    return torch.searchsorted(heaped, places[:, None] * heaped[:, -1:], right=True)


def _padded_left(prefixes: Sequence[Sequence[int]]) -> tuple[torch.Tensor, torch.Tensor]:
    longest = max(map(len, prefixes))
    ids = torch.zeros((len(prefixes), longest), dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, prefix in enumerate(prefixes):
        ids[number, longest - len(prefix) :] = torch.tensor(prefix)
        mask[number, longest - len(prefix) :] = 1
    return ids, mask
