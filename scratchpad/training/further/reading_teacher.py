"""The loss of a model that answers at once and should answer as its teacher does after reasoning.

KL(teacher after its own scratchpad || student without one) at every token of the teacher's answer
and at its end: the distillation of Hinton, Vinyals and Dean (2015) at temperature 1, with the
scratchpad withheld from the student. The teacher reads each batch as it comes, so that no
distribution over the vocabulary is ever kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch

from scratchpad.encoding import Encoder
from scratchpad.training.further.teaching import Taught
from scratchpad.training.rows import IGNORED, Row, collate

# How a target of the student is to be had from what the teacher says.
SAME, RENAMED, SAMPLED = 0, 1, 2


class Reading(NamedTuple):
    """One answer as both read it.

    `ids` and `given` are the student's, as of a `Row`. `teacher` are the teacher's tokens, with its
    scratchpad; `sources` says for each of the student's targets which of `SAME`, `RENAMED` and
    `SAMPLED` it is. Targets are counted from the end, where the two readings agree.
    """

    ids: list[int]
    given: int
    teacher: list[int]
    sources: list[int]


def reading_of(taught: Taught, encoder: Encoder, renamed: Sequence[int]) -> Reading:
    """Encode a transcript twice, with its scratchpad and without, and align the answers.

    White space at a prompt's end joins the answer's first word in many tokenizers, so that the
    student writes another token than the teacher there. If it is the teacher's with that white
    space before it, the teacher's distribution is renamed token by token; tokens that differ
    otherwise are learned as they were sampled.

    Parameters
    ----------
    taught : Taught
        The transcript.
    encoder : Encoder
        Of both models.
    renamed : sequence of int, length vocabulary
        `renaming` of the white space that the prompt ends in.
    """
    end = encoder.tokenizer.eos_token_id
    with_steps = encoder.sequence(taught.opening, taught.steps, taught.answer)
    without = encoder.sequence(taught.opening, None, taught.answer)
    theirs = [*with_steps.ids[with_steps.answer], end]
    own = [*without.ids[without.answer], end]
    same = _common_end(theirs, own)
    heads = theirs[: len(theirs) - same], own[: len(own) - same]
    one_each = len(heads[0]) == len(heads[1]) == 1
    head = RENAMED if one_each and renamed[heads[0][0]] == heads[1][0] else SAMPLED
    sources = [head] * len(heads[1]) + [SAME] * same
    return Reading([*without.ids, end], without.prompt.stop, [*with_steps.ids, end], sources)


def renaming(encoder: Encoder, prefix: str, size: int) -> list[int]:
    """For each token the one whose text is the same behind a prefix; -1 where there is none.

    Parameters
    ----------
    encoder : Encoder
        Of the model.
    prefix : str
        White space; empty: every token is its own name.
    size : int
        How many tokens the model has.
    """
    if not prefix:
        return list(range(size))
    known = range(min(size, len(encoder.tokenizer)))
    texts = [prefix + encoder.decode([token]) for token in known]
    written = encoder.tokenizer(texts, add_special_tokens=False)["input_ids"]
    names = [ids[0] if len(ids) == 1 else -1 for ids in written]
    return names + [-1] * (size - len(names))


def _common_end(first: Sequence[int], second: Sequence[int]) -> int:
    pairs = zip(reversed(first), reversed(second), strict=False)
    return next(
        (number for number, (one, two) in enumerate(pairs) if one != two),
        min(len(first), len(second)),
    )


@dataclass(frozen=True)
class ReadingTeacher:
    """An objective of `fit`, for rows of the kind `Reading`.

    Parameters
    ----------
    teacher : model
        A causal LM in evaluation mode; it is not trained.
    renamed : sequence of int, length vocabulary
        `renaming` of the white space that prompts end in.
    """

    teacher: Any
    renamed: Sequence[int]

    def collate(self, rows: Sequence[Reading], pad: int) -> dict[str, torch.Tensor]:
        """Pad both readings; `sources` and `places` (of the teacher's logits) fit the labels."""
        batch = collate([Row(row.ids, row.given) for row in rows], pad)
        read = collate([Row(row.teacher, 0) for row in rows], pad)
        sources = torch.full_like(batch["labels"], SAMPLED)
        places = torch.zeros_like(batch["labels"])
        for index, row in enumerate(rows):
            stop, count = len(row.ids), len(row.sources)
            sources[index, stop - count : stop] = torch.tensor(row.sources)
            # A token is predicted one place before it stands.
            last = len(row.teacher) - 1
            found = torch.arange(last - count, last)
            places[index, stop - count : stop] = found.clamp(min=0)
        return batch | {
            "teacher_ids": read["input_ids"],
            "teacher_mask": read["attention_mask"],
            "sources": sources,
            "places": places,
        }

    def loss(self, model: Any, batch: dict[str, torch.Tensor]) -> torch.Tensor:
        """The divergence in nats, summed over all targets of a batch."""
        targets = batch["labels"] != IGNORED
        rows = torch.arange(len(targets), device=targets.device)[:, None].expand_as(targets)
        wanted = self._wanted(batch, rows[targets], targets)
        output = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"])
        logits = output.logits[:, :-1][targets[:, 1:]]
        predicted = torch.log_softmax(logits.float(), dim=-1)
        return torch.nn.functional.kl_div(predicted, wanted, reduction="sum")

    @torch.no_grad()
    def _wanted(
        self, batch: dict[str, torch.Tensor], rows: torch.Tensor, targets: torch.Tensor
    ) -> torch.Tensor:
        """What the teacher says of every target, shape (targets, vocabulary)."""
        # Of several processes each trains on a device of its own.
        teacher = self.teacher.to(targets.device)
        read = teacher(input_ids=batch["teacher_ids"], attention_mask=batch["teacher_mask"])
        said = torch.softmax(read.logits[rows, batch["places"][targets]].float(), dim=-1)
        sources, labels = batch["sources"][targets], batch["labels"][targets]
        sampled = torch.zeros_like(said).scatter_(1, labels[:, None], 1.0)
        wanted = torch.where((sources == SAMPLED)[:, None], sampled, said)
        chosen = sources == RENAMED
        wanted[chosen] = self._rename(said[chosen])
        return wanted

    def _rename(self, said: torch.Tensor) -> torch.Tensor:
        """Move each probability to its token's other name; what has none is shared by the rest."""
        names = torch.tensor(self.renamed, device=said.device)
        known = names >= 0
        moved = torch.zeros_like(said).index_add_(1, names[known], said[:, known])
        return moved / moved.sum(dim=1, keepdim=True)
