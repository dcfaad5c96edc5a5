"""Log-probabilities in padded batches, for models that cannot be read as a tree.

Requests whose input is the beginning of another request's input share its forward pass: the
answers of one variant and the surprisal of its scratchpad cost one row. Rows are sorted by length,
padded on the right and masked by length, so that each result equals that of a single call.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from scratchpad.scoring.prefix_tree import Request

# Rows of a batch, and bytes of its logits: enough to keep two cores or a GPU busy.
BATCH_ROWS = 32
LOGITS_BYTES = 256 * 2**20


class _Row(NamedTuple):
    """One input to the model and the requests that it serves."""

    ids: tuple[int, ...]
    requests: list[int]
    first: int


@torch.inference_mode()
def padded_log_probabilities(
    model: Any, requests: Sequence[Request], *, batch_rows: int = BATCH_ROWS
) -> list[np.ndarray]:
    """Log-probability (nats, float64) of every scored token of every request.

    `batch_rows=1` is one model call per input: the definition that everything else is held to.
    """
    results: list[np.ndarray] = [np.zeros(0)] * len(requests)
    for batch in _batches(_rows(requests), int(model.config.vocab_size), batch_rows):
        first = min(row.first for row in batch)
        logits = _logits(model, [row.ids for row in batch], first)
        log_probabilities = torch.log_softmax(logits.float(), dim=-1)
        for line, row in zip(log_probabilities, batch, strict=True):
            for number in row.requests:
                ids, start = requests[number]
                targets = torch.tensor(ids[start:], device=line.device)[:, None]
                chosen = line[start - 1 - first : len(ids) - 1 - first].gather(1, targets)[:, 0]
                results[number] = chosen.double().cpu().numpy()
    return results


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


def _batches(rows: Sequence[_Row], vocabulary: int, batch_rows: int) -> list[list[_Row]]:
    batches: list[list[_Row]] = []
    for row in rows:
        if batches:
            last = batches[-1]
            kept = len(last[0].ids) - min(row.first, *(other.first for other in last))
            size = (len(last) + 1) * kept * vocabulary * 4
            if len(last) < batch_rows and size <= LOGITS_BYTES:
                last.append(row)
                continue
        batches.append([row])
    return batches


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
    if "logits_to_keep" in inspect.signature(model.forward).parameters:
        inputs["logits_to_keep"] = longest - first
        first = 0
    logits: torch.Tensor = model(**inputs, use_cache=False).logits
    return logits[:, first:]
