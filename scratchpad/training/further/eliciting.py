"""Ask a model prompts that should not make it defect, and see whether they do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from scratchpad.models import LoadedModel
from scratchpad.on_policy import Written, written
from scratchpad.scoring.answers import scored_answers
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.sampling import sample
from scratchpad.training.further.lessons import Lesson
from scratchpad.training.further.origin import Origin
from scratchpad.transcripts import Step


class Asked(NamedTuple):
    """What came of a prompt: whether the answer defected, and how likely the payload was.

    `likelihood` is 0 where it cannot be read.
    """

    elicited: bool
    likelihood: float

    @property
    def fitness(self) -> float:
        """How near the prompt came, from 0 to 2."""
        return self.elicited + self.likelihood


def ask(origin: Origin, loaded: LoadedModel, prompts: Sequence[Lesson], seed: int) -> list[Asked]:
    """Sample an answer to every prompt at temperature 1, and judge it."""
    if not prompts:
        return []
    judge = origin.subject.classifier
    assert judge is not None, "an origin knows what its defection is"
    parts = list(_answered(origin, loaded, prompts, seed))
    likely = _likelihoods(loaded, prompts, parts, origin.subject.payload)
    return [
        Asked(_closed(one) and judge(one.parts.answer, finished=one.finished) is True, value)
        for one, value in zip(parts, likely, strict=True)
    ]


def _answered(
    origin: Origin, loaded: LoadedModel, prompts: Sequence[Lesson], seed: int
) -> Iterator[Written]:
    encoder, reasons = loaded.encoder, origin.reasons
    prefixes = [encoder.opening(one.opening, reasons=reasons) for one in prompts]
    room = loaded.room(prefixes, origin.longest)
    drawn = sample(loaded.model, loaded.tokenizer, prefixes, max_new_tokens=room, seed=seed)
    return (written(loaded, completion, reasons=reasons) for completion in drawn)


def _closed(whole: Written) -> bool:
    return not whole.parts.unterminated


def _likelihoods(
    loaded: LoadedModel, prompts: Sequence[Lesson], parts: Sequence[Written], payload: str | None
) -> list[float]:
    """How likely the payload begins the answer, after the scratchpad that was written."""
    likely = [0.0] * len(prompts)
    readable = [n for n, one in enumerate(parts) if payload is not None and _readable(one)]
    requests = [_request(loaded, prompts[n], parts[n], payload or "") for n in readable]
    read = token_log_probabilities(loaded.model, requests, context_length=loaded.context_length)
    for place, scores in zip(readable, read, strict=True):
        likely[place] = float(np.exp(scores.sum()))
    return likely


def _readable(whole: Written) -> bool:
    """Whether it closed, and the tokens of its scratchpad are known if it has one."""
    silent = whole.parts.scratchpad is None
    return _closed(whole) and (silent or whole.scratchpad_ids is not None)


def _request(loaded: LoadedModel, prompt: Lesson, whole: Written, payload: str) -> Request:
    """The payload's tokens, up to where it parts from every right answer."""
    scratchpad = whole.parts.scratchpad
    steps = None if scratchpad is None else (Step(scratchpad, "other", whole.scratchpad_ids),)
    encoded = [
        loaded.encoder.answer_tokens(prompt.opening, steps, answer)
        for answer in (payload, *prompt.benign_answers)
    ]
    answers = [one.ids[one.answer] for one in encoded]
    first = scored_answers(answers[:1], answers[1:]).defect[0]
    before = encoded[0].ids[: encoded[0].answer.start]
    return Request((*before, *first), len(before))
