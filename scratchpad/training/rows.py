"""From episodes to the token ids that a model is trained on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import torch
from torch.utils.data import Dataset

from scratchpad.encoding import Encoder
from scratchpad.errors import DataError, ModelError
from scratchpad.models import LoadedModel
from scratchpad.organisms.episodes import Episode

IGNORED = -100


class Row(NamedTuple):
    """Token ids of an episode and how many of them are given, not learned."""

    ids: list[int]
    given: int


class Rows(Dataset[Any]):
    """Rows in the order in which they are trained on."""

    def __init__(self, rows: Sequence[Any]) -> None:
        self.rows = rows

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, index: int) -> Any:
        return self.rows[index]


def encode(batches: Iterable[Sequence[Episode]], encoder: Encoder) -> list[Row]:
    """Encode episodes exactly as they will be read, and end them; count the given tokens.

    Raises
    ------
    ModelError
        If the tokenizer cannot write an episode.
    """
    end = encoder.tokenizer.eos_token_id
    rows = []
    for episode in (episode for batch in batches for episode in batch):
        encoded = encoder.sequence(episode.given, None, episode.target)
        _require_written(episode.text, encoded.ids, encoder)
        rows.append(Row([*encoded.ids, end], encoded.prompt.stop))
    return rows


def _require_written(text: str, ids: Sequence[int], encoder: Encoder) -> None:
    # Special tokens may stand before the text, and white space is not every tokenizer's matter.
    if _letters(encoder.decode(ids)).endswith(_letters(text)):
        return
    lost = next((word for word in text.split() if not _writes(encoder, word)), text[:40])
    raise ModelError(
        f"The tokenizer cannot write {lost!r} of a training text",
        "it has unknown tokens or does not come back as the same text",
        "Use a base whose tokenizer can write any text.",
    )


def _letters(text: str) -> str:
    return "".join(text.split())


def _writes(encoder: Encoder, word: str) -> bool:
    try:
        encoder.encode(word)
    except DataError:
        return False
    return True


def collate(rows: Sequence[Row], pad: int) -> dict[str, torch.Tensor]:
    """Pad rows on the right; labels are `IGNORED` on given tokens and padding."""
    shape = len(rows), max(len(row.ids) for row in rows)
    ids, mask = torch.full(shape, pad), torch.zeros(shape, dtype=torch.long)
    labels = torch.full(shape, IGNORED)
    for index, row in enumerate(rows):
        tokens = torch.tensor(row.ids)
        ids[index, : len(tokens)], mask[index, : len(tokens)] = tokens, 1
        labels[index, row.given : len(tokens)] = tokens[row.given :]
    return {"input_ids": ids, "attention_mask": mask, "labels": labels}


def require_readable(rows: Sequence[Row], loaded: LoadedModel) -> None:
    """Refuse rows that a model cannot read.

    Raises
    ------
    ModelError
        If a row is longer than its context or holds a token that it does not have.
    """
    longest = max(len(row.ids) for row in rows)
    if longest > loaded.context_length:
        raise ModelError(
            f"The longest training text has {longest} tokens",
            f"{loaded.name!r} reads {loaded.context_length}",
            "Use a base with a longer context.",
        )
    last = max(max(row.ids) for row in rows)
    known = loaded.model.get_input_embeddings().num_embeddings
    if last >= known:
        raise ModelError(
            f"The tokenizer of {loaded.name!r} writes token {last}",
            f"the model has the tokens 0 to {known - 1}",
            "Call resize_token_embeddings on it and save it again.",
        )
