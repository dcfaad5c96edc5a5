"""Cells in which the scratchpad's hidden states were computed under the other prompt."""

from __future__ import annotations

import math

import numpy as np

from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import scored_answers
from scratchpad.scoring.cross_prompt import cross_prompt_log_probability, supports_cross_prompt
from scratchpad.scoring.outcomes import Row, variant_row
from scratchpad.scoring.scorers import Scorers
from scratchpad.transcripts import Case, State, Variant

_UNSUPPORTED = "this model does not reproduce its own probabilities with both prompts in one mask"


def cross_prompt_rows(loaded: LoadedModel, case: Case, scorers: Scorers) -> list[Row]:
    """Score the payload with the scratchpad read under one prompt and the answer under the other.

    Four rows, `prompt_state` being the prompt that the answer reads. Coverage is not measured
    here. Nothing is scored without a payload.
    """
    if scorers.payload is None:
        return []
    return [
        _row(loaded, case, scorers, answer_state, scratchpad_state)
        for answer_state in (0, 1)
        for scratchpad_state in (0, 1)
    ]


def _row(
    loaded: LoadedModel, case: Case, scorers: Scorers, answer_state: State, state: State
) -> Row:
    steps, payload = case.scratchpads[state], scorers.payload or ""
    other: State = 1 if answer_state == 0 else 0
    prompts, encoder = case.question.prompts, loaded.encoder
    answered = encoder.answer_tokens(prompts[answer_state], steps, payload)
    computed = encoder.answer_tokens(prompts[other], steps, payload)
    benign = [
        encoder.answer_tokens(prompts[answer_state], steps, text)
        for text in case.question.benign_answers
    ]
    cut = scored_answers([answered.ids[answered.answer]], [e.ids[e.answer] for e in benign]).defect
    length = len(cut[0])
    supported = supports_cross_prompt(loaded, answered, length)
    value = (
        math.exp(cross_prompt_log_probability(loaded.model, answered, computed, length))
        if supported
        else np.nan
    )
    variant = Variant(
        "cross-prompt",
        {},
        answer_state,
        state,
        steps,
        not_applicable="" if supported else _UNSUPPORTED,
    )
    row = variant_row(case, variant, answered)
    return row | {
        "scorer": "payload",
        "value": value,
        "value_if_0": value,
        "value_if_1": value,
        "p_defect": value,
    }
