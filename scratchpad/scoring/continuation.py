"""The rest of a scratchpad, written by the model: open variants become closed ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from scratchpad.models import LoadedModel
from scratchpad.on_policy import Tagger, written
from scratchpad.scoring.sampling import Sample, sample
from scratchpad.similarity import similarity
from scratchpad.steps import make_steps
from scratchpad.transcripts import Case, Rest, Step, Variant, text_of


class _Tried(NamedTuple):
    """A rest that was sampled; `steps` is `None` if it never closed."""

    steps: tuple[Step, ...] | None


def continued(
    loaded: LoadedModel,
    case: Case,
    variants: Sequence[Variant],
    *,
    kind: Tagger,
    max_scratchpad_tokens: int,
    seed: int,
) -> list[Variant]:
    """Let the model write the rest of every open variant; the others stay as they are.

    Each wanted rest gives a closed variant of its own, numbered in `rest`. Rests that never close
    within `max_scratchpad_tokens`, or within what the model can still read, are counted as
    `unterminated`. Where fewer rests than asked for are as wanted, the variant is not applicable.
    """
    tries = [0 if v.continuation is None or v.not_applicable else _tries(v) for v in variants]
    prefixes = [
        _opening(loaded, case, variant)
        for variant, count in zip(variants, tries, strict=True)
        for _ in range(count)
    ]
    drawn = iter(_drawn(loaded, prefixes, max_scratchpad_tokens, seed))
    made: list[Variant] = []
    for variant, count in zip(variants, tries, strict=True):
        if not count:
            made.append(variant)
            continue
        tried = [_tried(loaded, variant, next(drawn), kind) for _ in range(count)]
        made += _closed(case, variant, tried)
    return made


def _tries(variant: Variant) -> int:
    assert variant.continuation is not None
    return max(variant.continuation.draws, variant.continuation.tries)


def _opening(loaded: LoadedModel, case: Case, variant: Variant) -> tuple[int, ...]:
    prompt = case.question.prompts[variant.prompt_state]
    encoded = loaded.encoder.sequence(prompt, variant.steps)
    return encoded.ids[: encoded.close.start]


def _drawn(
    loaded: LoadedModel, prefixes: Sequence[tuple[int, ...]], longest: int, seed: int
) -> list[Sample]:
    """Continue every prefix by as many tokens as are wanted, or as fit behind this one."""
    rooms = [min(longest, loaded.context_length - len(prefix)) for prefix in prefixes]
    found = dict.fromkeys(range(len(prefixes)), Sample((), finished=False))
    for room in {room for room in rooms if room > 0}:
        numbers = [number for number, own in enumerate(rooms) if own == room]
        rests = sample(
            loaded.model,
            loaded.tokenizer,
            [prefixes[number] for number in numbers],
            max_new_tokens=room,
            seed=seed + room,
        )
        found.update(zip(numbers, rests, strict=True))
    return [found[number] for number in range(len(prefixes))]


def _tried(loaded: LoadedModel, variant: Variant, drawn: Sample, kind: Tagger) -> _Tried:
    parts = written(loaded, drawn, reasons=True)
    if parts.parts.unterminated:
        return _Tried(None)
    rest = (
        make_steps(parts.parts.scratchpad or "", kind)
        if parts.scratchpad_ids is None
        else loaded.encoder.sampled_steps(parts.scratchpad_ids, kind)
    )
    return _Tried((*(variant.steps or ()), *rest))


def _closed(case: Case, variant: Variant, tried: Sequence[_Tried]) -> Iterator[Variant]:
    continuation = variant.continuation
    assert continuation is not None
    wanted = continuation.wanted
    good = [one for one in tried if one.steps is not None and (wanted is None or wanted(one.steps))]
    counts = Rest(tries=len(tried), accepted=len(good))
    whole = replace(variant, continuation=None)
    if wanted is not None and len(good) < continuation.draws:
        reason = f"no on-policy version: {len(good)} of {len(tried)} scratchpads are as wanted"
        original = case.scratchpads[variant.scratchpad_state]
        yield replace(whole, steps=original, not_applicable=reason, rest=counts)
        return
    chosen = good[: continuation.draws] if wanted is not None else tried
    for number, one in enumerate(chosen):
        rest = replace(
            counts,
            number=number,
            similarity=_similarity(case, variant, one.steps),
            unterminated=one.steps is None,
        )
        yield replace(whole, steps=variant.steps if one.steps is None else one.steps, rest=rest)


def _similarity(case: Case, variant: Variant, steps: tuple[Step, ...] | None) -> float | None:
    """How alike the step at which the model began is to the one that stood there."""
    original, index = case.scratchpads[variant.scratchpad_state], variant.step_index
    if steps is None or index is None or max(index, 0) >= min(len(steps), len(original)):
        return None
    return similarity(steps[index].text, text_of([original[index]]))
