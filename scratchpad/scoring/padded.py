"""Log-probabilities in padded batches, for models that cannot be read as a tree.

Requests whose input is the beginning of another request's input share its forward pass: the
answers of one variant and the surprisal of its scratchpad cost one row. Rows are sorted by length,
padded on the right and masked by length, so that each result equals that of a single call. A row
whose logits alone are more than the memory budget is read in several calls, each up to where it
is scored.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import torch

from scratchpad.memory import budget_of, halving
from scratchpad.scoring.prefix_tree import Request
from scratchpad.sizes import Sizes

# Rows of a batch: enough to keep two cores or a GPU busy.
BATCH_ROWS = 32
# Tokens that are scored in a call, however small the budget.
FEWEST_SCORED = 32


class _Row(NamedTuple):
    """One input to the model, the requests that it serves, and the first input that is asked of."""

    ids: tuple[int, ...]
    requests: list[int]
    first: int

    @property
    def scored(self) -> int:
        """How many tokens of it are asked of."""
        return len(self.ids) - self.first

    def parts(self, scored: int) -> Iterator[_Row]:
        """The row as inputs that score so many tokens each; a causal model reads nothing later."""
        for first in range(self.first, len(self.ids), scored):
            yield self._replace(ids=self.ids[: first + scored], first=first)


def padded_log_probabilities(
    model: Any,
    requests: Sequence[Request],
    *,
    batch_rows: int = BATCH_ROWS,
    memory_budget: int | None = None,
) -> list[np.ndarray]:
    """Log-probability (nats, float64) of every scored token of every request.

    `batch_rows=1` is one model call per input: the definition that everything else is held to.
    """
    results = [np.full(max(len(ids) - start, 0), np.nan) for ids, start in requests]
    reader = _Reader(model, requests, results, batch_rows, memory_budget)
    for batch in reader.batches(_rows(requests)):
        halving(model, batch, reader.read, reader.size)
    return results


@dataclass(frozen=True)
class _Reader:
    """Reads rows and writes down the results of the requests that they serve."""

    model: Any
    requests: Sequence[Request]
    results: list[np.ndarray]
    batch_rows: int
    memory_budget: int | None

    def batches(self, rows: Sequence[_Row]) -> Iterator[list[_Row]]:
        """Neighbouring rows, as many as the budget has room for; a row too large stands alone."""
        batch: list[_Row] = []
        for row in rows:
            full = len(batch) == self.batch_rows
            if batch and (full or self._bytes([*batch, row]) > self._budget):
                yield batch
                batch = []
            batch.append(row)
        if batch:
            yield batch

    @torch.inference_mode()
    def read(self, batch: Sequence[_Row]) -> None:
        """Read rows at once, a single one in parts if need be."""
        for rows in self._parts(batch):
            first = min(row.first for row in rows)
            logits = _logits(self.model, [row.ids for row in rows], first)
            log_probabilities = torch.log_softmax(logits.float(), dim=-1)
            for line, row in zip(log_probabilities, rows, strict=True):
                for number in row.requests:
                    self._write(number, row, line, first)

    def size(self, batch: Sequence[_Row]) -> int:
        """Bytes that reading rows takes."""
        return max(map(self._bytes, self._parts(batch)))

    def _write(self, number: int, row: _Row, line: torch.Tensor, first: int) -> None:
        ids, start = self.requests[number]
        begin, end = max(start - 1, row.first), min(len(ids) - 1, len(row.ids))
        if begin < end:
            targets = torch.tensor(ids[begin + 1 : end + 1], device=line.device)[:, None]
            chosen = line[begin - first : end - first].gather(1, targets)[:, 0]
            self.results[number][begin + 1 - start : end + 1 - start] = (
                chosen.double().cpu().numpy()
            )

    def _parts(self, batch: Sequence[_Row]) -> list[Sequence[_Row]]:
        if len(batch) > 1 or self._bytes(batch) <= self._budget:
            return [batch]
        (row,), scored = batch, batch[0].scored
        while scored > FEWEST_SCORED and self._bytes([_last_of(row, scored)]) > self._budget:
            scored = max(scored // 2, FEWEST_SCORED)
        return [[part] for part in row.parts(scored)]

    @property
    def _budget(self) -> int:
        return budget_of(self.model, self.memory_budget)

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes.of(self.model)

    @cached_property
    def _keeps(self) -> bool:
        return _keeps(self.model)

    def _bytes(self, rows: Sequence[_Row]) -> int:
        count, longest = len(rows), max(len(row.ids) for row in rows)
        kept = longest - min(row.first for row in rows)
        whole = kept if self._keeps else longest
        return (
            self._sizes.attended(count, longest, longest)
            + count * longest * longest * (self._sizes.item + 1)
            + self._sizes.tokens(count * longest)
            + self._sizes.logits(count * kept)
            + self._sizes.logits(count * (whole - kept), 0)
        )


def _last_of(row: _Row, scored: int) -> _Row:
    """The last part of a row, which is the longest."""
    return row._replace(first=max(len(row.ids) - scored, row.first))


def _rows(requests: Sequence[Request]) -> list[_Row]:
    """Gather requests whose inputs begin one another into one row each, longest first."""
    rows: list[_Row] = []
    # In falling order an input follows directly on those that it begins.
    for number in sorted(range(len(requests)), key=lambda n: requests[n].ids[:-1], reverse=True):
        ids, start = requests[number]
        if start >= len(ids):
            continue
        if rows and rows[-1].ids[: len(ids) - 1] == ids[:-1]:
            last = rows[-1]
            last.requests.append(number)
            rows[-1] = last._replace(first=min(last.first, start - 1))
        else:
            rows.append(_Row(ids[:-1], [number], start - 1))
    return sorted(rows, key=lambda row: (-len(row.ids), row.ids))


def _logits(model: Any, rows: Sequence[tuple[int, ...]], first: int) -> torch.Tensor:
    """Logits from position `first` on, padded on the right: (rows, longest - first, vocabulary)."""
    longest = max(len(row) for row in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask = torch.zeros((len(rows), longest), dtype=torch.long)
    for number, row in enumerate(rows):
        ids[number, : len(row)] = torch.tensor(row)
        mask[number, : len(row)] = 1
    inputs: dict[str, Any] = {
        "input_ids": ids.to(model.device),
        "attention_mask": mask.to(model.device),
    }
    if _keeps(model):
        inputs["logits_to_keep"] = longest - first
        first = 0
    logits: torch.Tensor = model(**inputs, use_cache=False).logits
    return logits[:, first:]


def _keeps(model: Any) -> bool:
    """Whether a model can be told to make logits at the end alone."""
    return "logits_to_keep" in inspect.signature(model.forward).parameters
