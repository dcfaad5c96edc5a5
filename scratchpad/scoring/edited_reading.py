"""Reading a scratchpad with a changed attention: who may look at what, and under which prompt.

All answers of a variant stand in one sequence behind their common context, hidden from one another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

import numpy as np
import torch

from scratchpad.memory import halving, is_out_of_memory
from scratchpad.scoring.answers import Tokens
from scratchpad.scoring.likelihood import REFUSALS, TOLERANCES
from scratchpad.scoring.masks import additive_masks
from scratchpad.scoring.padded import padded_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.shared import only
from scratchpad.sizes import DRAWN, Sizes

# How long the contexts were after which a model gave its own probabilities back under our masks
# and positions; 0: it did not.
_obeyed: WeakKeyDictionary[Any, int] = WeakKeyDictionary()
# Whether a model's answers stay as likely when all positions are moved along.
_movable: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


class Context(NamedTuple):
    """Tokens before an answer: ids and positions of shape (tokens,), and who attends to whom.

    `allowed` is bool, (tokens, tokens), rows attend to columns.
    """

    ids: np.ndarray
    positions: np.ndarray
    allowed: np.ndarray

    @property
    def moved(self) -> int:
        """How far along the last of its prompts begins."""
        begins = np.diff(self.positions, prepend=-2) != 1
        return int(self.positions[begins].max())


class Read(NamedTuple):
    """What a model makes of answers after a context.

    `probabilities` has one number per answer; `first` the log-probabilities of the first answer
    token over the whole vocabulary.
    """

    probabilities: np.ndarray
    first: np.ndarray


def plain(ids: Sequence[int]) -> Context:
    """The context as the model reads it by itself."""
    tokens = np.array(ids)
    return Context(tokens, np.arange(len(tokens)), np.tri(len(tokens), dtype=bool))


def knocked_out(context: Context, hidden: slice, reader: int) -> Context:
    """Hide a span from the tokens from `reader` on (the closing delimiter and the answer)."""
    allowed = context.allowed.copy()
    allowed[max(reader, hidden.stop) :, hidden] = False
    return context._replace(allowed=allowed)


def crossed(
    read: Sequence[int], other: Sequence[int], scratchpad: Sequence[int], closing: Sequence[int]
) -> Context:
    """Answer after the prompt `read`, from a scratchpad whose states come from the prompt `other`.

    One sequence holds both prompts; the scratchpad attends to one, the answer to the other, and
    both end at the same position, so that relative positions are those of an ordinary sequence.
    """
    end = max(len(read), len(other))
    rest = len(scratchpad) + len(closing)
    positions = [
        np.arange(end - len(read), end),
        np.arange(end - len(other), end),
        np.arange(end, end + rest),
    ]
    ids = np.array([*read, *other, *scratchpad, *closing])
    allowed = np.tri(len(ids), dtype=bool)
    body = len(read) + len(other)
    allowed[len(read) : body + len(scratchpad), : len(read)] = False
    allowed[body + len(scratchpad) :, len(read) : body] = False
    return Context(ids, np.concatenate(positions), allowed)


def read_answers(model: Any, context: Context, answers: Sequence[Tokens]) -> Read:
    """Probabilities of answers after a context, none of which sees another."""
    sizes = Sizes.of(model)

    def taken(part: Sequence[Tokens]) -> int:
        written = sum(map(len, part))
        count = len(context.ids) + written
        masks = count * count * (sizes.item + 2)
        return masks + sizes.tokens(count) + sizes.logits(written + 1, DRAWN)

    parts = halving(model, answers, lambda part: _read_at_once(model, context, part), taken)
    return Read(np.concatenate([part.probabilities for part in parts]), parts[0].first)


@torch.inference_mode()
def _read_at_once(model: Any, context: Context, answers: Sequence[Tokens]) -> Read:
    ids, positions, allowed, starts = _with_answers(context, answers)
    device, last = model.device, len(context.ids) - 1
    # Logits before the answers would fill the memory of a large vocabulary.
    with only(model, torch.arange(last, len(ids), device=device)):
        logits = model(
            input_ids=torch.from_numpy(ids)[None].to(device),
            position_ids=torch.from_numpy(positions)[None].to(device),
            attention_mask=additive_masks(model, allowed[None], positions[None], positions[None]),
            use_cache=False,
        ).logits[0]
    scores = torch.log_softmax(logits.float(), dim=-1).double().cpu().numpy()
    found = []
    for start, answer in zip(starts, answers, strict=True):
        sources = [0, *range(start - last, start - last + len(answer) - 1)]
        found.append(np.exp(scores[sources, list(answer)].sum()))
    return Read(np.array(found), scores[0])


def obeys_masks(
    model: Any, prompt: Sequence[int], rest: Sequence[int], answers: Sequence[Tokens]
) -> bool:
    """Whether this model's own probabilities come back under our masks and positions.

    Tried out at its first use and again with contexts far longer than those before, with an
    ordinary context and with one in which a second prompt stands in between: only there do
    positions differ from places, which models with other ways to tell positions (ALiBi) go by.
    """
    length, obeyed = len(prompt) + len(rest), _obeyed.get(model, -1)
    if obeyed != 0 and length > 2 * obeyed:
        _obeyed[model] = length if _gives_back(model, prompt, rest, answers) else 0
    return _obeyed[model] > 0


def is_movable(model: Any, ids: Sequence[int], answers: Sequence[Tokens], by: int) -> bool:
    """Whether answers stay as likely where all positions are `by` further along, tried out once.

    Crossing prompts of different lengths moves the shorter one; learned positions do not bear it.
    """
    if by and model not in _movable:
        moved = plain(ids)._replace(positions=np.arange(len(ids)) + by)
        _movable[model] = _equals(model, moved, answers, _expected(model, ids, answers))
    return not by or _movable[model]


def _gives_back(
    model: Any, prompt: Sequence[int], rest: Sequence[int], answers: Sequence[Tokens]
) -> bool:
    ids = (*prompt, *rest)
    expected = _expected(model, ids, answers)
    try:
        return all(
            _equals(model, context, answers, expected)
            for context in (plain(ids), crossed(prompt, prompt, (), rest))
        )
    except REFUSALS as error:
        if is_out_of_memory(error):
            raise
        return False


def _expected(model: Any, ids: Sequence[int], answers: Sequence[Tokens]) -> np.ndarray:
    """Probabilities of answers by single calls."""
    requests = [Request((*ids, *answer), len(ids)) for answer in answers]
    single = padded_log_probabilities(model, requests, batch_rows=1)
    return np.exp([scores.sum() for scores in single])


def _equals(model: Any, context: Context, answers: Sequence[Tokens], expected: np.ndarray) -> bool:
    found = read_answers(model, context, answers).probabilities
    return np.allclose(found, expected, TOLERANCES[model.dtype], 0)


def divergence(full: np.ndarray, edited: np.ndarray) -> float:
    """KL(full || edited) in nats of two arrays of log-probabilities."""
    return float(max((np.exp(full) * (full - edited)).sum(), 0.0))


def _with_answers(
    context: Context, answers: Sequence[Tokens]
) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[int]]:
    """Put the answers behind the context, each seeing what the context's last token sees."""
    length = len(context.ids)
    total = length + sum(len(answer) for answer in answers)
    allowed = np.zeros((total, total), dtype=bool)
    allowed[:length, :length] = context.allowed
    ids, positions, starts = [context.ids], [context.positions], []
    start = length
    for answer in answers:
        stop = start + len(answer)
        allowed[start:stop, :length] = context.allowed[-1]
        allowed[start:stop, start:stop] = np.tri(len(answer), dtype=bool)
        ids.append(np.array(answer))
        positions.append(context.positions[-1] + 1 + np.arange(len(answer)))
        starts.append(start)
        start = stop
    return np.concatenate(ids), np.concatenate(positions), allowed, starts
