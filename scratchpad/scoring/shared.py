"""Log-probabilities over a prefix tree: each shared token runs through the model once.

The trunk runs first and its keys and values are kept; rows of branches then run in small batches
against them. A four-dimensional mask says who may attend to whom, one for each type of layer,
since a model takes such a mask as it is and would forget its sliding windows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch
from transformers.cache_utils import Cache, DynamicLayer

from scratchpad.memory import budget_of, halving
from scratchpad.scoring.masks import additive_masks, layer_windows
from scratchpad.scoring.prefix_tree import PrefixTree, Request
from scratchpad.scoring.tree_rows import Piece, Rows, Trunk, batched, length_of, trunk_of
from scratchpad.sizes import Sizes

# Tokens of a batch: enough to keep two cores busy; a GPU wants more.
BATCH_TOKENS = {"cpu": 1024, "cuda": 16384}
# Tokens of a row that are read at once. What a mask hides is worked out all the same, so that
# reading a long row in stretches, each against no more than it may see, is faster.
STRETCH = 512
# Shorter stretches would save little: what is held of the row grows all the same.
SHORTEST_STRETCH = 32


class _BranchLayer(DynamicLayer):  # type: ignore[misc]
    """Keys and values of a trunk, lent to every row, and what the rows themselves have added."""

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Add to the rows' own; give them joined to the trunk's."""
        own = getattr(self, "own", None)
        self.own = (
            (key_states, value_states)
            if own is None
            else (torch.cat([own[0], key_states], -2), torch.cat([own[1], value_states], -2))
        )
        trunk = (part.expand(key_states.shape[0], -1, -1, -1) for part in (self.keys, self.values))
        keys, values = (torch.cat(parts, -2) for parts in zip(trunk, self.own, strict=True))
        return keys, values


class _Batch(NamedTuple):
    """Rows padded on the left: `ids` and `depths` (rows, longest), and what is read off.

    `placed` holds each piece with its row and its place in it; `sources` index the flattened batch.
    """

    ids: np.ndarray
    depths: np.ndarray
    placed: list[tuple[int, int, Piece]]
    sources: np.ndarray
    targets: np.ndarray
    slots: np.ndarray

    @classmethod
    def of(cls, rows: Sequence[list[Piece]]) -> _Batch:
        """Lay rows out."""
        longest = max(map(length_of, rows))
        ids = np.zeros((len(rows), longest), dtype=np.int64)
        depths, placed, readings = np.zeros_like(ids), [], []
        for number, row in enumerate(rows):
            at = longest - length_of(row)
            for piece in row:
                ids[number, at : at + len(piece.ids)] = piece.ids
                depths[number, at : at + len(piece.ids)] = piece.depths
                sources, targets, slots = piece.readings
                readings.append((number * longest + at + sources, targets, slots))
                placed.append((number, at, piece))
                at += len(piece.ids)
        return cls(ids, depths, placed, *map(np.concatenate, zip(*readings, strict=True)))

    def allowed(self, reach: int) -> np.ndarray:
        """Who attends to whom: bool, (rows, longest, reach + longest)."""
        rows, longest = self.ids.shape
        allowed = np.zeros((rows, longest, reach + longest), dtype=bool)
        own = np.arange(longest)
        allowed[:, own, reach + own] = True  # padding attends to itself, or softmax is undefined
        for number, at, piece in self.placed:
            lines = slice(at, at + len(piece.ids))
            allowed[number, lines, : piece.reach] = True
            allowed[number, lines, reach + at : reach + lines.stop] = piece.attention()
        return allowed


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
            self._read(trunk_of(root), Cache(layer_class_to_replicate=DynamicLayer), 0, table)
        return tree.scores(requests, table)

    def _read(self, trunk: Trunk, before: Cache, held: int, table: np.ndarray) -> None:
        """Read a trunk and all that hangs off it; `held` tokens are kept of the trunks above."""
        row, reach = [trunk.piece], trunk.piece.reach

        def alone(rows: Sequence[list[Piece]]) -> Cache:
            own = _lent(before, reach, DynamicLayer)
            self._forward(rows, reach, own, held, table)
            return own

        def branches(rows: Sequence[list[Piece]]) -> None:
            furthest = _reach(rows)
            self._forward(rows, furthest, _lent(kept, furthest, _BranchLayer), below, table)

        (kept,) = halving(self.model, [row], alone, lambda rows: self.batch_bytes(rows, held))
        below = held + reach + length_of(row)
        for rows in batched(trunk.pieces, lambda rows: self._fits(rows, below)):
            halving(self.model, rows, branches, lambda rows: self.batch_bytes(rows, below))
        for other in trunk.trunks:
            self._read(other, kept, below, table)

    def _forward(
        self, rows: Sequence[list[Piece]], reach: int, cache: Cache, held: int, table: np.ndarray
    ) -> None:
        """Run rows and write down what is read off.

        Long rows are read in stretches: a mask does not save the work of what it hides.
        """
        batch = _Batch.of(rows)
        longest = batch.ids.shape[1]
        step = self._stretch(rows, held)
        allowed = batch.allowed(reach) if reach or step < longest else None
        for start in range(0, longest, step):
            stop = min(start + step, longest)
            columns = batch.sources % longest
            here = (start <= columns) & (columns < stop)
            sources = batch.sources[here] // longest * (stop - start) + columns[here] - start
            read, lines = np.unique(sources, return_inverse=True)
            masks = None
            if allowed is not None:
                masks = self._masks(
                    allowed[:, start:stop, : reach + stop], batch.depths, reach, start
                )
            with only(self.model, torch.from_numpy(read).to(self.model.device)):
                logits = self.model(
                    input_ids=self._moved(batch.ids[:, start:stop]),
                    position_ids=self._moved(batch.depths[:, start:stop]),
                    attention_mask=masks,
                    past_key_values=cache,
                    use_cache=True,
                ).logits[0]
            table[batch.slots[here]] = _chosen(logits, lines, batch.targets[here])

    def _moved(self, array: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(array)).to(self.model.device)

    def _masks(self, allowed: np.ndarray, depths: np.ndarray, reach: int, start: int) -> Any:
        stop = allowed.shape[2] - reach
        trunk = np.broadcast_to(np.arange(reach), (len(depths), reach))
        keys = np.concatenate([trunk, depths[:, :stop]], axis=1)
        return additive_masks(self.model, allowed, depths[:, start:stop], keys)

    @property
    def _budget(self) -> int:
        return budget_of(self.model, self.memory_budget)

    def _fits(self, rows: Rows, held: int = 0) -> bool:
        """Whether a batch keeps to the budget and is no larger than it pays."""
        limit = BATCH_TOKENS.get(self.model.device.type, BATCH_TOKENS["cpu"])
        if len(rows) * max(map(length_of, rows)) > limit:
            return False
        return self._bytes(rows, held, STRETCH) <= self._budget

    def batch_bytes(self, rows: Sequence[list[Piece]], held: int = 0) -> int:
        """What a batch takes at its peak beside the weights.

        Keys and values of the trunks above, of which it `held` so many tokens, and its own; masks,
        one layer's tensors, and logits.
        """
        return self._bytes(rows, held, self._stretch(rows, held))

    def _stretch(self, rows: Sequence[list[Piece]], held: int) -> int:
        """How many tokens of each row are read at once, fewer where the budget wants it."""
        longest = max(map(length_of, rows))
        step = longest if not _reach(rows) else STRETCH
        while step > SHORTEST_STRETCH and self._bytes(rows, held, step) > self._budget:
            step = max(min(step, longest) // 2, SHORTEST_STRETCH)
        return step

    def _bytes(self, rows: Sequence[list[Piece]], held: int, step: int) -> int:
        sizes, reach, longest = self._sizes, _reach(rows), max(map(length_of, rows))
        columns, step = reach + longest, min(step, longest)
        tokens = len(rows) * step
        windows = layer_windows(self.model.config.get_text_config())
        masks = len(windows) * tokens * columns * (sizes.item + 2) + len(rows) * longest * columns
        read = sum(len(piece.readings.sources) for row in rows for piece in row)
        return (
            sizes.cached(held + len(rows) * longest)
            + masks * bool(reach or step < longest)
            + sizes.attended(len(rows), step, columns)
            + sizes.tokens(tokens)
            + sizes.logits(min(read, tokens))
        )

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes.of(self.model)


def _reach(rows: Sequence[list[Piece]]) -> int:
    return max(piece.reach for row in rows for piece in row)


@contextmanager
def only(model: Any, positions: torch.Tensor) -> Iterator[None]:
    """Make logits at some positions of the flattened batch alone: shape (1, positions, vocabulary).

    Most of a small model's work is its output layer, and most positions are not asked about.
    """

    def chosen(_: Any, inputs: tuple[torch.Tensor]) -> tuple[torch.Tensor]:
        # The layers of a large model can be on other devices than its embeddings.
        return (inputs[0].flatten(0, 1)[positions.to(inputs[0].device)][None],)

    hook = model.get_output_embeddings().register_forward_pre_hook(chosen)
    try:
        yield
    finally:
        hook.remove()


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
    scores = logits.float()
    of = torch.from_numpy(lines).to(logits.device), torch.from_numpy(targets).to(logits.device)
    found = scores[of] - scores.logsumexp(dim=-1)[of[0]]
    return found.double().cpu().numpy()
