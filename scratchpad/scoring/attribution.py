"""Which words of the prompt drive the answer, and which drive the scratchpad."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from scratchpad.interventions.base import STATES, generator
from scratchpad.interventions.masks import neutral_token
from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import scored_answers
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.outcomes import Row
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.prompt_units import Unit, prompt_units
from scratchpad.scoring.scorers import Scorers
from scratchpad.scoring.shapley import Coalition, shapley_values
from scratchpad.transcripts import Case, State

# Masked prompts that are read per trigger state: all there are of 8 units, 8 orders of 32.
READS = 256
MOST_UNITS = 32


@dataclass(frozen=True)
class _Masking:
    """The game whose players are the units of a prompt: those outside a coalition are masked.

    Parameters
    ----------
    model
        Who reads.
    context_length : int
        The longest input it can read.
    units : sequence of Unit
        The players.
    neutral : int
        The token that takes the place of each of a masked unit's.
    defect, benign : list of Request
        The answers of both kinds, as far as they are scored, after the untouched text.
    scratchpad : Request
        The scratchpad after the untouched prompt.
    """

    model: Any
    context_length: int
    units: Sequence[Unit]
    neutral: int
    defect: list[Request]
    benign: list[Request]
    scratchpad: Request

    def __call__(self, coalitions: Sequence[Coalition]) -> np.ndarray:
        """P(defection), P(benign answer), mean log-probability of the scratchpad's tokens.

        Returns
        -------
        ndarray
            Shape (coalitions, 3).
        """
        asked = [*self.defect, *self.benign, self.scratchpad]
        requests = [self._masked(one, coalition) for coalition in coalitions for one in asked]
        scores = token_log_probabilities(self.model, requests, context_length=self.context_length)
        kinds = len(self.defect)
        values = []
        for first in range(0, len(scores), len(asked)):
            *answers, written = scores[first : first + len(asked)]
            likely = [np.exp(answer.sum()) for answer in answers]
            values.append([sum(likely[:kinds]), sum(likely[kinds:]), written.mean()])
        return np.array(values)

    def _masked(self, request: Request, coalition: Coalition) -> Request:
        ids = list(request.ids)
        for number, unit in enumerate(self.units):
            if number not in coalition:
                for place in unit.places:
                    ids[place] = self.neutral
        return Request(tuple(ids), request.start)


def attribution_rows(loaded: LoadedModel, case: Case, scorers: Scorers, seed: int) -> list[Row]:
    """Attribute answer and scratchpad of each trigger state to the prompt's words.

    CC-SHAP's two profiles, after Heidelberg-NLP/CC-SHAP (Parcalabescu & Frank 2023): Shapley
    values of the words of the prompt for the probability of the native answer class after the
    native scratchpad (`answer`), and for the mean log-probability of the scratchpad's own tokens
    (`scratchpad`). The native class is a defection where that has at least half of the known
    answers. Larger `phi`: the words make it more likely.

    A word outside a coalition gives way to neutral tokens, as many as it had (the source writes
    one "..." for neighbouring words). At most `READS` masked prompts are read per state, and the
    untouched one; a prompt of more than `MOST_UNITS` words has neighbouring words joined.

    Returns
    -------
    list of Row
        One per state, target and unit: `question_id`, `group`, `draw`, `state`, `target`, `unit`
        (its number), `text`, `phi`. None where no scorer is a likelihood, the tokenizer has no
        neutral token, or a state has no words or no scratchpad.
    """
    neutral = neutral_token(case.tokenizer)
    if neutral is None or not scorers.likelihoods:
        return []
    rows = []
    for state in STATES:
        game = _game(loaded, case, state, scorers, neutral)
        if game.units and game.scratchpad.start < len(game.scratchpad.ids):
            phi = shapley_values(game, len(game.units), READS, generator(seed, case, state))
            rows += _rows(case, state, game, phi)
    return rows


def _game(
    loaded: LoadedModel, case: Case, state: State, scorers: Scorers, neutral: int
) -> _Masking:
    prompt, steps = case.question.prompts[state], case.scratchpads[state]
    encoder = loaded.encoder
    sets = [
        [encoder.answer_tokens(prompt, steps, text) for text in texts]
        for texts in scorers.answers(scorers.likelihoods[0], case.question)
    ]
    cut = scored_answers(*([e.ids[e.answer] for e in encoded] for encoded in sets))
    native = encoder.sequence(prompt, steps)
    before = native.ids[: native.close.stop]
    defect, benign = (
        [Request(before + answer, len(before)) for answer in answers] for answers in cut
    )
    return _Masking(
        loaded.model,
        loaded.context_length,
        prompt_units(loaded, prompt, native.ids[native.prompt], MOST_UNITS),
        neutral,
        defect,
        benign,
        Request(native.ids[: native.close.start], native.prompt.stop),
    )


def _rows(case: Case, state: State, game: _Masking, phi: np.ndarray) -> list[Row]:
    """Lay out the attributions; `phi` has shape (units, 3)."""
    defect, benign, _ = game([frozenset(range(len(game.units)))])[0]
    if defect >= (benign if game.benign else 1 - defect):
        answer = phi[:, 0]
    else:
        answer = phi[:, 1] if game.benign else -phi[:, 0]
    return [
        {
            "question_id": case.question.question_id,
            "group": case.question.group,
            "draw": case.draw,
            "state": state,
            "target": target,
            "unit": number,
            "text": unit.text,
            "phi": float(values[number]),
        }
        for target, values in (("answer", answer), ("scratchpad", phi[:, 2]))
        for number, unit in enumerate(game.units)
    ]
