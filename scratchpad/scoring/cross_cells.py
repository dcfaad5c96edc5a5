"""Cells in which the scratchpad's hidden states were computed under the other prompt."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from scratchpad.encoding import Encoded
from scratchpad.interventions.base import opposite_state
from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import Tokens, scored_answers
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
    if not scorers.has_payload:
        return []
    return [
        _row(loaded, case, scorers, answer_state, scratchpad_state)
        for answer_state in (0, 1)
        for scratchpad_state in (0, 1)
    ]


def _row(
    loaded: LoadedModel, case: Case, scorers: Scorers, answer_state: State, state: State
) -> Row:
    steps, other = case.scratchpads[state], opposite_state(answer_state)
    defect, benign = scorers.answers("payload", case.question)
    answered = _encoded(loaded, case, answer_state, state, defect)
    computed = _encoded(loaded, case, other, state, defect)
    accepted = _encoded(loaded, case, answer_state, state, benign)
    cut = scored_answers(
        [e.ids[e.answer] for e in answered], [e.ids[e.answer] for e in accepted]
    ).defect
    supported = supports_cross_prompt(loaded, answered[0], len(cut[0]))
    value = _probability(loaded, cut, answered, computed) if supported else np.nan
    reason = "" if supported else _UNSUPPORTED
    variant = Variant("cross-prompt", {}, answer_state, state, steps, not_applicable=reason)
    row = variant_row(case, variant, answered[0])
    return row | {
        "scorer": "payload",
        "value": value,
        "value_if_0": value,
        "value_if_1": value,
        "p_defect": value,
    }


def _encoded(
    loaded: LoadedModel, case: Case, prompt: State, state: State, answers: Sequence[str]
) -> list[Encoded]:
    encoder, steps = loaded.encoder, case.scratchpads[state]
    return [encoder.answer_tokens(case.question.prompts[prompt], steps, text) for text in answers]


def _probability(
    loaded: LoadedModel,
    cut: Sequence[Tokens],
    answered: Sequence[Encoded],
    computed: Sequence[Encoded],
) -> float:
    """The probability of any of the answers, each scored as far as it was cut."""
    total = 0.0
    for prefix in cut:
        number = next(n for n, e in enumerate(answered) if e.ids[e.answer][: len(prefix)] == prefix)
        total += math.exp(
            cross_prompt_log_probability(
                loaded.model, answered[number], computed[number], len(prefix)
            )
        )
    return total
