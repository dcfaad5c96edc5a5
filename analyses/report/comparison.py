"""A scratchpad before and after an intervention, side by side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import groupby, zip_longest
from typing import Any, Final, Literal

Change = Literal["same", "changed", "removed", "added"]
MOST_STEPS: Final = 200  # steps of one scratchpad that are shown


@dataclass(frozen=True)
class StepPair:
    """A step of the original beside the step that stands in its place; `None`: there is none."""

    original: str | None
    variant: str | None
    change: Change


@dataclass(frozen=True)
class Comparison:
    """One intervention on one transcript. `steps` is `None` where no scratchpad was left."""

    intervention: str
    steps: tuple[StepPair, ...] | None
    before: float | None
    after: float | None


@dataclass(frozen=True)
class ShownTranscript:
    """A transcript and all its interventions."""

    question_id: str
    state: str
    prompt: str
    answer: str | None
    original: tuple[str, ...]
    p_defect: float | None
    comparisons: tuple[Comparison, ...]


def shown_transcripts(examples: Sequence[Mapping[str, Any]]) -> tuple[ShownTranscript, ...]:
    """Gather the entries of `examples.json` by transcript, in their order."""
    order = {key: place for place, key in reversed(list(enumerate(map(_transcript, examples))))}
    ranked = sorted(examples, key=lambda entry: order[_transcript(entry)])
    return tuple(_shown(list(entries)) for _, entries in groupby(ranked, key=_transcript))


def compare(original: Sequence[str], variant: Sequence[str]) -> tuple[StepPair, ...]:
    """Set the steps of two scratchpads beside each other.

    >>> [pair.change for pair in compare(["a", "b", "c"], ["a", "x", "c", "d"])]
    ['same', 'changed', 'same', 'added']
    """
    before, after = original[:MOST_STEPS], variant[:MOST_STEPS]
    return tuple(
        StepPair(
            None if place is None else before[place],
            None if other is None else after[other],
            change,
        )
        for place, other, change in aligned(before, after)
    )


def aligned(
    original: Sequence[str], variant: Sequence[str]
) -> Iterator[tuple[int | None, int | None, Change]]:
    """Give the places of steps that stand beside each other, and what changed between them."""
    matcher = SequenceMatcher(None, original, variant, autojunk=False)
    for tag, start, end, other_start, other_end in matcher.get_opcodes():
        for place, other in zip_longest(range(start, end), range(other_start, other_end)):
            yield place, other, _change(tag, place, other)


def _change(tag: str, before: int | None, after: int | None) -> Change:
    if tag == "equal":
        return "same"
    if after is None:
        return "removed"
    return "added" if before is None else "changed"


def _transcript(entry: Mapping[str, Any]) -> tuple[str, str, tuple[str, ...]]:
    return str(entry["question_id"]), str(entry["state"]), tuple(entry["original"])


def _shown(entries: Sequence[Mapping[str, Any]]) -> ShownTranscript:
    first = entries[0]
    return ShownTranscript(
        question_id=str(first["question_id"]),
        state=str(first["state"]),
        prompt=str(first["prompt"]),
        answer=None if first.get("answer") is None else str(first["answer"]),
        original=tuple(map(str, first["original"][:MOST_STEPS])),
        p_defect=first.get("p_defect_original"),
        comparisons=tuple(_comparison(entry) for entry in entries),
    )


def _comparison(entry: Mapping[str, Any]) -> Comparison:
    variant = entry.get("variant")
    original = [str(step) for step in entry["original"]]
    return Comparison(
        intervention=str(entry["intervention"]),
        steps=None if variant is None else compare(original, [str(step) for step in variant]),
        before=entry.get("p_defect_original"),
        after=entry.get("p_defect_variant"),
    )
