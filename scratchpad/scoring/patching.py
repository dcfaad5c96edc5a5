"""Outcomes of activation patching: a span's residual stream from the other prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

from scratchpad.bridge import bridge
from scratchpad.encoding import Encoded
from scratchpad.errors import ModelError
from scratchpad.interventions.base import opposite_state
from scratchpad.memory import halving
from scratchpad.models import LoadedModel
from scratchpad.scoring.answers import Tokens
from scratchpad.scoring.outcomes import Row, likelihood_columns, variant_row
from scratchpad.scoring.reader_rows import Asked, asked, asked_of, span_of, unmade
from scratchpad.scoring.scorers import Scorers
from scratchpad.sizes import Sizes
from scratchpad.transcripts import Case, Variant

UNEQUAL = "the span has other tokens under the other prompt"


def patched_rows(
    loaded: LoadedModel, case: Case, variants: Sequence[Variant], scorers: Scorers
) -> list[Row]:
    """Score variants under patching, one row per variant, likelihood scorer and `layer`.

    A layer's patch sets the residual stream behind it (`blocks.LAYER.hook_resid_post`) at the
    span's positions. A model that TransformerLens cannot read makes them not applicable, and so
    does a headline that is no likelihood.
    """
    return [
        row
        for variant in variants
        for name in asked_of(scorers)
        for row in _rows(loaded, case, variant, scorers, name)
    ]


def _rows(
    loaded: LoadedModel, case: Case, variant: Variant, scorers: Scorers, name: str
) -> list[Row]:
    if unscored := unmade(case, variant, scorers, name):
        return [unscored]
    wanted = asked(loaded, case, variant, scorers, name)
    row = variant_row(case, variant, wanted.context) | {"scorer": name}
    prompt = case.question.prompts[opposite_state(variant.prompt_state)]
    other = loaded.encoder.sequence(prompt, variant.steps)
    assert variant.reader is not None
    places = aligned(wanted.context, other, variant.reader.span)
    if places is None:
        return [row | {"not_applicable": True, "reason": UNEQUAL}]
    try:
        bridged = bridge(loaded)
    except ModelError as error:
        return [row | {"not_applicable": True, "reason": error.symptom}]
    found = _patched(loaded.model, bridged, wanted, other, places)
    counted = len(wanted.defect)
    return [
        row
        | {"layer": layer}
        | likelihood_columns(
            name,
            float(shares[:counted].sum()),
            float(shares[counted:].sum()) if wanted.benign else None,
        )
        for layer, shares in enumerate(found)
    ]


def aligned(own: Encoded, other: Encoded, span: str | int) -> tuple[slice, slice] | None:
    """Where the same tokens stand in both sequences; `None` if they are not the same.

    Of the prompts it is the end that they share.
    """
    here, there = span_of(own, span), span_of(other, span)
    mine, theirs = own.ids[here], other.ids[there]
    if span == "prompt":
        shared = 0
        while shared < min(len(mine), len(theirs)) and mine[-1 - shared] == theirs[-1 - shared]:
            shared += 1
        here, there = slice(here.stop - shared, here.stop), slice(there.stop - shared, there.stop)
        mine, theirs = own.ids[here], other.ids[there]
    return (here, there) if mine and mine == theirs else None


def _patched(
    model: Any, bridged: Any, wanted: Asked, other: Encoded, places: tuple[slice, slice]
) -> list[torch.Tensor]:
    """Probabilities of the answers, shape (answers,), with each layer's patch."""
    sizes = Sizes.of(model)
    parts = halving(
        model,
        (*wanted.defect, *wanted.benign),
        lambda answers: _patched_at_once(bridged, wanted.before, answers, other, places),
        lambda answers: len(answers) * sizes.logits(len(wanted.before) + max(map(len, answers))),
    )
    return [torch.cat(layer) for layer in zip(*parts, strict=True)]


@torch.inference_mode()
def _patched_at_once(
    bridged: Any,
    context: tuple[int, ...],
    answers: Sequence[Tokens],
    other: Encoded,
    places: tuple[slice, slice],
) -> list[torch.Tensor]:
    here, there = places
    before = len(context)
    longest = max(map(len, answers))
    # Padding on the right is seen by nothing before it.
    rows = [[*context, *answer, *[0] * (longest - len(answer))] for answer in answers]
    device = bridged.cfg.device
    ids = torch.tensor(rows, device=device)
    names = [f"blocks.{layer}.hook_resid_post" for layer in range(bridged.cfg.n_layers)]
    _, held = bridged.run_with_cache(
        torch.tensor([other.ids[: there.stop]], device=device), names_filter=lambda n: n in names
    )
    found = []
    for name in names:

        def patch(stream: torch.Tensor, hook: Any, source: torch.Tensor = held[name]) -> Any:
            stream[:, here] = source[:, there]
            return stream

        logits = bridged.run_with_hooks(ids, return_type="logits", fwd_hooks=[(name, patch)])
        scores = torch.log_softmax(logits[:, before - 1 :].float(), dim=-1).double().cpu()
        found.append(
            torch.stack(
                [
                    scores[number, range(len(answer)), list(answer)].sum().exp()
                    for number, answer in enumerate(answers)
                ]
            )
        )
    return found
