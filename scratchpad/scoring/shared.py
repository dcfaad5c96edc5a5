"""Log-probabilities over a prefix tree: each shared token runs through the model once.

The trunk runs first and its keys and values are kept; rows of branches then run in small batches
against them. A four-dimensional mask says who may attend to whom, one for each type of layer,
since a model takes such a mask as it is and would forget its sliding windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

from scratchpad.scoring.prefix_tree import PrefixTree, Request
from scratchpad.scoring.tree_rows import Piece, Trunk, packed, trunk_of

# Tokens of a batch: enough to keep two cores busy; a GPU wants more.
BATCH_TOKENS = {"cpu": 2048, "cuda": 16384}


class _ReadOnlyLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of a trunk, lent to every row; what the rows add is not kept."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Join the rows' keys and values to the trunk's."""
        rows = key_states.shape[0]
        return (
            torch.cat([self.keys.expand(rows, -1, -1, -1), key_states], dim=-2),
            torch.cat([self.values.expand(rows, -1, -1, -1), value_states], dim=-2),
        )


@dataclass(frozen=True)
class SharedReader:
    """Reads prefix trees with one model.

    Parameters
    ----------
    model
        A Hugging Face causal LM in evaluation mode that takes 4-D masks and position ids.
    memory_budget : int
        Bytes that a batch may take beside the weights; a single row is read whatever it takes.
    """

    model: Any
    memory_budget: int

    @torch.inference_mode()
    def log_probabilities(self, requests: Sequence[Request]) -> list[np.ndarray]:
        """Log-probability (nats, float64) of every scored token of every request."""
        tree = PrefixTree.of(requests)
        table = np.full(tree.size, np.nan)
        for root in tree.roots:
            self._read(trunk_of(root), Cache(layer_class_to_replicate=DynamicLayer), table)
        return tree.scores(requests, table)

    def _read(self, trunk: Trunk, before: Cache, table: np.ndarray) -> None:
        kept = _lent(before, trunk.piece.reach, DynamicLayer)
        self._forward([[trunk.piece]], trunk.piece.reach, kept, table)
        for batch in self._batches(packed(trunk.pieces)):
            reach = max(piece.reach for row in batch for piece in row)
            self._forward(batch, reach, _lent(kept, reach, _ReadOnlyLayer), table)
        for other in trunk.trunks:
            self._read(other, kept, table)

    def _forward(
        self, rows: Sequence[Sequence[Piece]], reach: int, cache: Cache, table: np.ndarray
    ) -> None:
        """Run rows, each padded on the left, and write down what is read off."""
        lengths = [sum(len(piece.ids) for piece in row) for row in rows]
        longest = max(lengths)
        ids = np.zeros((len(rows), longest), dtype=np.int64)
        depths = np.zeros_like(ids)
        sources = []
        for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            for at, piece in _placed(row, longest - length):
                ids[number, at : at + len(piece.ids)] = piece.ids
                depths[number, at : at + len(piece.ids)] = piece.depths
                sources.append(piece.readings.sources + at)
        read = np.unique(np.concatenate(sources))
        if not len(read):
            read = np.array([longest - 1])
        device = self.model.device
        logits = self.model(
            input_ids=torch.from_numpy(ids).to(device),
            position_ids=torch.from_numpy(depths).to(device),
            attention_mask=self._masks(rows, lengths, reach, depths),
            past_key_values=cache,
            use_cache=True,
            logits_to_keep=torch.from_numpy(read).to(device),
        ).logits
        for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            for at, piece in _placed(row, longest - length):
                lines = np.searchsorted(read, piece.readings.sources + at)
                table[piece.readings.slots] = _chosen(logits[number], lines, piece.readings.targets)

    def _masks(
        self,
        rows: Sequence[Sequence[Piece]],
        lengths: Sequence[int],
        reach: int,
        depths: np.ndarray,
    ) -> Any:
        """The additive mask of each type of layer: (rows, 1, longest, reach + longest)."""
        longest = max(lengths)
        allowed = np.zeros((len(rows), longest, reach + longest), dtype=bool)
        own = np.arange(longest)
        allowed[:, own, reach + own] = True  # padding attends to itself, or softmax is undefined
        for number, (row, length) in enumerate(zip(rows, lengths, strict=True)):
            for at, piece in _placed(row, longest - length):
                lines = slice(at, at + len(piece.ids))
                allowed[number, lines, : piece.reach] = True
                allowed[number, lines, reach + at : reach + at + len(piece.ids)] = piece.attention()
        windows = layer_windows(self.model.config.get_text_config())
        masks = {name: self._mask(allowed, depths, reach, w) for name, w in windows.items()}
        return masks if len(masks) > 1 else next(iter(masks.values()))

    def _mask(
        self, allowed: np.ndarray, depths: np.ndarray, reach: int, window: int | None
    ) -> torch.Tensor:
        if window is not None:
            trunk = np.broadcast_to(np.arange(reach), (len(depths), reach))
            columns = np.concatenate([trunk, depths], axis=1)
            allowed = allowed & (depths[:, :, None] - columns[:, None, :] < window)
        permitted = torch.from_numpy(allowed).to(self.model.device)[:, None]
        mask = torch.zeros(permitted.shape, dtype=self.model.dtype, device=self.model.device)
        return mask.masked_fill_(~permitted, torch.finfo(self.model.dtype).min)

    def _batches(self, rows: Sequence[Sequence[Piece]]) -> Iterator[list[Sequence[Piece]]]:
        """Neighbouring rows, as many as the budget and a sensible number of tokens allow."""
        batch: list[Sequence[Piece]] = []
        limit = BATCH_TOKENS.get(self.model.device.type, BATCH_TOKENS["cpu"])
        for row in rows:
            wider = [*batch, row]
            longest = max(sum(len(piece.ids) for piece in one) for one in wider)
            tokens = len(wider) * longest
            if batch and (tokens > limit or self._bytes(wider, longest) > self.memory_budget):
                yield batch
                wider = [row]
            batch = wider
        if batch:
            yield batch

    def _bytes(self, rows: Sequence[Sequence[Piece]], longest: int) -> int:
        """What a batch takes at its peak: masks, one layer's tensors, and logits."""
        config, item = self.model.config.get_text_config(), self.model.dtype.itemsize
        reach = max(piece.reach for row in rows for piece in row)
        columns, tokens = reach + longest, len(rows) * longest
        width = int(config.hidden_size)
        inner = int(getattr(config, "intermediate_size", None) or 4 * width)
        masks = len(layer_windows(config)) * tokens * columns * (item + 1)
        layer = len(rows) * columns * 4 * width * item + tokens * (6 * width + 3 * inner) * item
        read = len(np.unique(np.concatenate([
            p.readings.sources + at
            for row in rows
            for at, p in _placed(row, longest - sum(len(piece.ids) for piece in row))
        ])))  # fmt: skip
        logits = len(rows) * read * int(config.vocab_size) * (item + 4)
        return int(masks + layer + logits)


def layer_windows(config: Any) -> dict[str, int | None]:
    """The types of attention layers of a model and how far back each sees (`None`: all the way)."""
    window = getattr(config, "sliding_window", None)
    if getattr(config, "use_sliding_window", True) is False:
        window = None
    types = list(dict.fromkeys(getattr(config, "layer_types", None) or ()))
    if not types:
        return {"sliding_attention" if window else "full_attention": window}
    return {name: window if name == "sliding_attention" else None for name in types}


def _placed(row: Sequence[Piece], start: int) -> Iterator[tuple[int, Piece]]:
    """Where each piece of a row stands in it."""
    return zip(accumulate((len(piece.ids) for piece in row), initial=start), row, strict=False)


def _lent(cache: Cache, reach: int, kind: type[DynamicLayer]) -> Cache:
    """The first `reach` keys and values of a cache, in layers of a kind."""
    if not reach:
        return Cache(layer_class_to_replicate=kind)
    layers = []
    for whole in cache.layers:
        layer = kind()
        layer.lazy_initialization(whole.keys, whole.values)
        layer.keys, layer.values = whole.keys[:, :, :reach], whole.values[:, :, :reach]
        layers.append(layer)
    return Cache(layers=layers)


def _chosen(logits: torch.Tensor, lines: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Log-probabilities of target tokens, each in its line of the logits."""
    chosen = logits[torch.from_numpy(lines).to(logits.device)].float()
    wanted = torch.from_numpy(targets).to(logits.device)[:, None]
    found = chosen.gather(1, wanted)[:, 0] - chosen.logsumexp(dim=-1)
    return found.double().cpu().numpy()
