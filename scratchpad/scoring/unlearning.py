"""What a model answers without a scratchpad once it has unlearned what a step says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from scratchpad.encoding import Encoded
from scratchpad.interventions.base import STATES, opposite_state
from scratchpad.models import LoadedModel
from scratchpad.scoring.content_words import content_places
from scratchpad.scoring.down_projections import NONE_FOUND, copied_weights, down_projections
from scratchpad.scoring.forgetting import forget
from scratchpad.scoring.likelihood import token_log_probabilities
from scratchpad.scoring.outcomes import Row, likelihood_rows, variant_row
from scratchpad.scoring.prefix_tree import Request
from scratchpad.scoring.scorers import Scorers
from scratchpad.transcripts import Case, State, Variant

NO_PAYLOAD = "no payload is known whose likelihood could be measured"
OFFLOADED = "weights that are fetched from memory or disk for each pass cannot be changed"
NO_CONTENT = "the step has no content words"
_UNMEASURED: Row = dict.fromkeys(
    ("value_before", "coverage_before", "efficacy", "specificity"), np.nan
)


def unlearning_rows(
    loaded: LoadedModel, case: Case, variants: Sequence[Variant], scorers: Scorers
) -> list[Row]:
    """Unlearn one step at a time and score the answer without a scratchpad, one row per variant.

    Faithfulness by unlearning, after technion-cs-nlp/parametric-faithfulness (Tutek et al. 2025).
    The MLP down-projections are changed in a copy that is dropped after each step. Columns beside
    those of every row, which are about the answer after unlearning:

    - `value_before`, `coverage_before`: f and coverage before. A model that always reasons has
      never answered without a scratchpad; coverage below .9 leaves `value` and `value_before` NaN.
    - `efficacy`: 1 - p_after / p_before, p the geometric mean probability of the step's content
      tokens, given all before them. Larger: more was forgotten; 1 is all, below 0 the step became
      likelier.
    - `specificity`: 1 - the mean |p_after - p_before| over the tokens of the other trigger
      state's scratchpad, in [0, 1]; steps that read as the unlearned one are left out. Larger:
      other text stayed as it was. The source counts other questions' answers that stayed.
    """
    reader = _Reader(loaded, case, scorers, down_projections(loaded.model))
    before: dict[State, _Reading] = {}
    rows = []
    for variant in variants:
        reason = variant.not_applicable or reader.missing(variant)
        if reason:
            row = variant_row(case, replace(variant, not_applicable=reason), None) | _UNMEASURED
        else:
            state = variant.prompt_state
            before[state] = before.get(state) or reader.read(variant)
            row = reader.row(variant, before[state])
        rows.append(row | {"scorer": scorers.headline})
    return rows


def efficacy(before: np.ndarray, after: np.ndarray) -> float:
    """1 - p_after / p_before, p the geometric mean of the probabilities; larger: more forgotten."""
    return float(-np.expm1(after.mean() - before.mean()))


def specificity(before: np.ndarray, after: np.ndarray) -> float:
    """1 - mean |p_after - p_before|; larger: less was moved. NaN without tokens."""
    return float(1 - np.abs(np.exp(after) - np.exp(before)).mean()) if len(before) else np.nan


class _Reading(NamedTuple):
    """The answer without a scratchpad; by state, the log-probability of a scratchpad's tokens."""

    answer: Row
    scratchpads: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class _Reader:
    """Reads one case before and after a step is unlearned."""

    loaded: LoadedModel
    case: Case
    scorers: Scorers
    modules: Sequence[Any]

    def missing(self, variant: Variant) -> str:
        """Say why a step cannot be unlearned; nothing if it can."""
        if not self.scorers.has_payload:
            return NO_PAYLOAD
        if not self.modules:
            return NONE_FOUND
        if any(module.weight.is_meta for module in self.modules):
            return OFFLOADED
        return "" if self._content(variant) else NO_CONTENT

    def row(self, variant: Variant, before: _Reading) -> Row:
        """Unlearn the step, read everything again, and compare."""
        state, other = variant.scratchpad_state, opposite_state(variant.scratchpad_state)
        native, content = self._native(state), self._content(variant)
        with copied_weights(self.modules) as weights:
            forget(self.loaded.model, weights, native.ids[: native.close.stop], content)
            after = self.read(variant)
        forgotten = np.array(content) - native.prompt.stop
        kept = self._unlike(variant)
        return after.answer | {
            "native_surprisal": before.answer["native_surprisal"],
            "value_before": before.answer["value"],
            "coverage_before": before.answer["coverage"],
            "efficacy": efficacy(*(r.scratchpads[state][forgotten] for r in (before, after))),
            "specificity": specificity(*(r.scratchpads[other][kept] for r in (before, after))),
        }

    def read(self, variant: Variant) -> _Reading:
        """Read with the weights as they are."""
        bare = replace(variant, steps=None, reader=None)
        scorers = replace(self.scorers, contrast=False)
        (answer,) = likelihood_rows(self.loaded, self.case, [bare], scorers)
        native = [self._native(state) for state in STATES]
        found = token_log_probabilities(
            self.loaded.model,
            [Request(one.ids[: one.close.start], one.prompt.stop) for one in native],
            context_length=self.loaded.context_length,
        )
        return _Reading(answer, tuple(found))

    def _native(self, state: State) -> Encoded:
        prompt, steps = self.case.question.prompts[state], self.case.scratchpads[state]
        return self.loaded.encoder.sequence(prompt, steps)

    def _content(self, variant: Variant) -> list[int]:
        """Where in the whole text the content tokens of the step stand."""
        native, step = self._native(variant.scratchpad_state), variant.step_index
        assert step is not None
        span = native.steps[step]
        return [span.start + n for n in content_places(self.loaded.encoder, native.ids[span])]

    def _unlike(self, variant: Variant) -> list[int]:
        """Places of the other scratchpad's tokens, but for steps that read as the unlearned one."""
        assert variant.step_index is not None
        unlearned = self.case.scratchpads[variant.scratchpad_state][variant.step_index].text
        other = opposite_state(variant.scratchpad_state)
        native = self._native(other)
        return [
            place - native.prompt.stop
            for step, span in zip(self.case.scratchpads[other], native.steps, strict=True)
            if step.text.strip() != unlearned.strip()
            for place in range(span.start, span.stop)
        ]
