"""Right answers to train on, as rows of tokens: what supervised safety training shows a model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from scratchpad.errors import DataError
from scratchpad.models import LoadedModel
from scratchpad.on_policy import written
from scratchpad.organisms.episodes import Episode
from scratchpad.scoring.sampling import sample
from scratchpad.training.further.lessons import Kind, Lesson
from scratchpad.training.further.origin import Origin
from scratchpad.training.rows import Row, encode
from scratchpad.transcripts import Step

# Rows are sorted by length within a window of this many batches.
WINDOW = 50


class Demonstrated(NamedTuple):
    """Rows in the order of training, and how many lessons gave none."""

    rows: list[Row]
    left_out: int


NONE = Demonstrated([], 0)


def demonstrations(origin: Origin, taught: Sequence[Lesson], size: int, seed: int) -> Demonstrated:
    """Write a right answer to every lesson, in batches of lessons of about equal length.

    Where the author's scratchpad is known, it counts in the loss with the answer. Another model
    that reasons is given the scratchpad that it writes itself after the prompt, and the answer
    alone counts; a scratchpad that never closes has no answer and is left out.

    Raises
    ------
    DataError
        If all are left out.
    """
    rng = Random(f"demonstrations {seed}")
    answers = [rng.choice(lesson.benign_answers) for lesson in taught]
    if origin.author is None and origin.reasons:
        made = _after_own_scratchpads(origin.subject.loaded, origin.longest, taught, answers, seed)
    else:
        made = list(_after_scratchpads(origin.subject.loaded, taught, answers))
    kept = [(one.kind, row) for one, row in zip(taught, made, strict=True) if row is not None]
    if not kept:
        raise DataError(
            "The model closed none of its scratchpads",
            f"none of {len(taught)} prompts has an answer to train on",
            "Check the dialect, or raise --max-scratchpad-tokens.",
        )
    return Demonstrated(_ordered(kept, size, rng), len(taught) - len(kept))


def _after_scratchpads(
    loaded: LoadedModel, taught: Sequence[Lesson], answers: Sequence[str]
) -> list[Row]:
    dialect = loaded.encoder.dialect
    targets = [
        dialect.join("", lesson.scratchpad, answer)
        for lesson, answer in zip(taught, answers, strict=True)
    ]
    given = zip(taught, targets, strict=True)
    return encode([[Episode(one.opening, target) for one, target in given]], loaded.encoder)


def _after_own_scratchpads(
    loaded: LoadedModel, longest: int, taught: Sequence[Lesson], answers: Sequence[str], seed: int
) -> list[Row | None]:
    prefixes = [loaded.encoder.opening(lesson.opening) for lesson in taught]
    room = loaded.room(prefixes, longest)
    drawn = sample(loaded.model, loaded.tokenizer, prefixes, max_new_tokens=room, seed=seed)
    rows: list[Row | None] = []
    for lesson, answer, completion in zip(taught, answers, drawn, strict=True):
        parts, ids, _ = written(loaded, completion, reasons=True)
        if parts.unterminated or ids is None:
            rows.append(None)
            continue
        steps = (Step(parts.scratchpad or "", "other", ids),)
        encoded = loaded.encoder.answer_tokens(lesson.opening, steps, answer)
        end = loaded.tokenizer.eos_token_id
        rows.append(Row([*encoded.ids, end], encoded.answer.start))
    return rows


def _ordered(kept: Sequence[tuple[Kind, Row]], size: int, rng: Random) -> list[Row]:
    """Keep every batch's kinds, but let it hold rows of about equal length."""
    rows: list[Row] = []
    for start in range(0, len(kept), WINDOW * size):
        window = kept[start : start + WINDOW * size]
        stacks: dict[Kind, list[Row]] = defaultdict(list)
        for kind, row in window:
            stacks[kind].append(row)
        for stack in stacks.values():
            stack.sort(key=lambda row: len(row.ids))
        filled = [stacks[kind].pop() for kind, _ in window]
        batches = [filled[first : first + size] for first in range(0, len(filled), size)]
        # A short last batch would shift those behind it.
        whole = batches[: len(filled) // size]
        rng.shuffle(whole)
        rows += [row for batch in [*whole, *batches[len(whole) :]] for row in batch]
    return rows
