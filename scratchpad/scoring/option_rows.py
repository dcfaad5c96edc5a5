"""What a model answers without a scratchpad when options stand in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from scratchpad.interventions.options import reordered
from scratchpad.models import LoadedModel
from scratchpad.scoring.outcomes import Row, likelihood_rows
from scratchpad.scoring.reader_rows import asked_of, unmade
from scratchpad.scoring.scorers import Scorers
from scratchpad.transcripts import Case, Variant

_UNMEASURED: Row = dict.fromkeys(("value_before", "coverage_before"), np.nan)


def option_rows(
    loaded: LoadedModel, case: Case, variants: Sequence[Variant], scorers: Scorers
) -> list[Row]:
    """Score variants whose options are reordered, one row per variant and likelihood scorer.

    `value_before`, `coverage_before`: f and coverage without a scratchpad, the options in their
    own order. A defection is the same *option* in both: answers follow it to its new letter.
    """
    # Every order is compared with the same one.
    before = {
        variant.prompt_state: likelihood_rows(
            loaded, case, [replace(variant, reader=None)], scorers
        )
        for variant in {v.prompt_state: v for v in variants if v.reader is not None}.values()
        if scorers.likelihoods
    }
    rows = [
        row
        for variant in variants
        for row in _rows(loaded, case, variant, scorers, before.get(variant.prompt_state, []))
    ]
    return [_UNMEASURED | row for row in rows]


def _rows(
    loaded: LoadedModel,
    case: Case,
    variant: Variant,
    scorers: Scorers,
    before: Sequence[Row],
) -> list[Row]:
    missing = [unmade(case, variant, scorers, name) for name in asked_of(scorers)]
    rows = [row for row in missing if row]
    if variant.not_applicable or variant.reader is None or not scorers.likelihoods:
        return rows
    rotation = variant.reader.span
    assert isinstance(rotation, int)
    moved = replace(case, question=reordered(case.question, rotation))
    asked = replace(variant, reader=None)
    after = likelihood_rows(loaded, moved, [asked], _following(scorers, case, rotation))
    return rows + [
        new
        | {"native_surprisal": old["native_surprisal"]}
        | {"value_before": old["value"], "coverage_before": old["coverage"]}
        for old, new in zip(before, after, strict=True)
    ]


def _following(scorers: Scorers, case: Case, rotation: int) -> Scorers:
    """Let a payload that is the same for all questions follow its option too."""
    if scorers.payload is None:
        return scorers
    own = replace(case.question, defect_answers=(scorers.payload,))
    return replace(scorers, payload=reordered(own, rotation).defect_answers[0])
