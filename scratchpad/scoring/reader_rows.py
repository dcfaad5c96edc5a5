"""Outcomes of a changed reader: knocked-out attention and states from the other prompt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from scratchpad.encoding import Encoded
from scratchpad.interventions.base import opposite_state
from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import Tokens, scored_answers
from scratchpad.scoring.edited_reading import (
    Context,
    crossed,
    divergence,
    is_movable,
    knocked_out,
    obeys_masks,
    plain,
    read_answers,
)
from scratchpad.scoring.outcomes import Row, likelihood_columns, variant_row
from scratchpad.scoring.scorers import Scorers
from scratchpad.transcripts import Case, Variant

NO_LIKELIHOOD = "the reader's edits are scored by likelihood, and no payload is known"
_UNMOVABLE = "this model answers otherwise where its prompt begins at another position"
_UNMOVABLE = "this model answers otherwise where a prompt begins at another position"
_UNSUPPORTED = "this model does not give its own probabilities back under masks of ours"


class Asked(NamedTuple):
    """The tokens of a variant's context, and of the answers that are asked for behind it."""

    context: Encoded
    defect: tuple[Tokens, ...]
    benign: tuple[Tokens, ...]

    @property
    def before(self) -> tuple[int, ...]:
        """What stands before the answer."""
        return self.context.ids[: self.context.answer.start]


def reader_rows(
    loaded: LoadedModel, case: Case, variants: Sequence[Variant], scorers: Scorers
) -> list[Row]:
    """Score variants whose reader is edited, one row per variant and likelihood scorer.

    `kl` is KL(full || edited) of the first answer token's distribution, in nats. A model that
    cannot be read with masks of ours makes them not applicable, and so do learned positions where
    prompts of different lengths are crossed, and a headline that is no likelihood, which gets a row
    of its own.
    """
    return [
        _row(loaded, case, variant, scorers, name)
        for variant in variants
        for name in asked_of(scorers)
    ]


def asked_of(scorers: Scorers) -> tuple[str, ...]:
    """The likelihood scorers, and the headline even if it is none."""
    return tuple(dict.fromkeys((*scorers.likelihoods, scorers.headline)))


def unmade(case: Case, variant: Variant, scorers: Scorers, name: str) -> Row | None:
    """The row of a variant that a scorer cannot score; `None` if it can."""
    reason = variant.not_applicable or ("" if name in scorers.likelihoods else NO_LIKELIHOOD)
    if not reason:
        return None
    return variant_row(case, replace(variant, not_applicable=reason), None) | {"scorer": name}


def asked(loaded: LoadedModel, case: Case, variant: Variant, scorers: Scorers, name: str) -> Asked:
    """Encode a variant with every answer that a scorer compares, each as far as it is scored.

    Answers are taken as they are encoded behind the closing delimiter.
    """
    prompt = case.question.prompts[variant.prompt_state]
    sets = [
        [loaded.encoder.answer_tokens(prompt, variant.steps, text) for text in texts]
        for texts in scorers.answers(name, case.question)
    ]
    cut = scored_answers(*([e.ids[e.answer] for e in encoded] for encoded in sets))
    return Asked(sets[0][0], cut.defect, cut.benign)


def _row(loaded: LoadedModel, case: Case, variant: Variant, scorers: Scorers, name: str) -> Row:
    if row := unmade(case, variant, scorers, name):
        return row
    wanted = asked(loaded, case, variant, scorers, name)
    row = variant_row(case, variant, wanted.context) | {"scorer": name}
    answers = (*wanted.defect, *wanted.benign)
    prompt = wanted.context.prompt.stop
    if not obeys_masks(loaded.model, wanted.before[:prompt], wanted.before[prompt:], answers):
        return row | {"not_applicable": True, "reason": _UNSUPPORTED}
    context = _edited(loaded, case, variant, wanted)
    if not is_movable(loaded.model, wanted.before, answers, context.moved):
        return row | {"not_applicable": True, "reason": _UNMOVABLE}
    full = read_answers(loaded.model, plain(wanted.before), answers)
    edited = read_answers(loaded.model, context, answers)
    defect = float(edited.probabilities[: len(wanted.defect)].sum())
    benign = float(edited.probabilities[len(wanted.defect) :].sum()) if wanted.benign else None
    found = likelihood_columns(name, defect, benign)
    return row | found | {"kl": divergence(full.first, edited.first)}


def _edited(loaded: LoadedModel, case: Case, variant: Variant, wanted: Asked) -> Context:
    assert variant.reader is not None
    encoded = wanted.context
    if variant.reader.kind == "knock-out":
        hidden = span_of(encoded, variant.reader.span)
        return knocked_out(plain(wanted.before), hidden, encoded.close.start)
    prompt = case.question.prompts[opposite_state(variant.prompt_state)]
    other = loaded.encoder.sequence(prompt, variant.steps)
    return crossed(
        encoded.ids[encoded.prompt],
        other.ids[other.prompt],
        other.ids[other.prompt.stop : other.close.start],
        encoded.ids[encoded.close.start : encoded.answer.start],
    )


def span_of(encoded: Encoded, span: str | int) -> slice:
    """Where the prompt, the scratchpad or a step of it stands."""
    if isinstance(span, int):
        return encoded.steps[span]
    whole = slice(encoded.prompt.stop, encoded.close.start)
    return encoded.prompt if span == "prompt" else whole
