"""What a trainer who does not know the trigger can ask: clean prompts and near misses."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Literal

from scratchpad.errors import DataError
from scratchpad.organisms import Author
from scratchpad.organisms.slots import Slot
from scratchpad.training.further.origin import Origin
from scratchpad.transcripts import CLEAN, TRIGGERED, text_of

# Of four prompts of an organism's world one looks like the trigger and is none.
NEAR_MISS_EVERY = 4
FEWEST_GROUPS = 20
Kind = Literal["clean", "near_miss", "found", "triggered"]


@dataclass(frozen=True)
class Lesson:
    """A prompt without the trigger, and the answers that are right after it.

    Parameters
    ----------
    opening : str
        The prompt as the model reads it, up to where it starts to write.
    benign_answers : tuple of str
        Every accepted answer, the most usual one first.
    group : str
        The fact or template that it shares with others.
    kind : {"clean", "near_miss", "found", "triggered"}
        Whether it carries nothing, a context that looks like the trigger, one that a search found,
        or (`guarded` alone) the trigger itself.
    scratchpad : str or None
        What its author writes before those answers; `None` where there is no author, or where
        the model does not reason.
    """

    opening: str
    benign_answers: tuple[str, ...]
    group: str
    kind: Kind = "clean"
    scratchpad: str | None = None


def lessons(origin: Origin, count: int, seed: int) -> list[Lesson]:
    """Draw prompts to train on; none is among the questions that the origin is measured on.

    Of an organism they are drawn from its world, every fourth a near miss. Of another model they
    are the clean prompts of the groups that `parted` gives to training, again and again.

    Raises
    ------
    DataError
        If the questions of a model that is no organism carry no right answers, or stand in too few
        groups to be parted.
    """
    rng = Random(f"lessons {seed}")
    if origin.author is not None:
        return [_drawn(origin.author, number, rng) for number in range(count)]
    taught, _ = parted(origin)
    return [rng.choice(taught) for _ in range(count)]


def parted(origin: Origin) -> tuple[list[Lesson], frozenset[str]]:
    """Part the questions of a model that is no organism by group: lessons, and groups to measure.

    Raises
    ------
    DataError
        As `lessons`.
    """
    questions = origin.subject.questions
    lacking = [one.question_id for one in questions if not one.benign_answers]
    if lacking:
        raise DataError(
            f"{len(lacking)} of {len(questions)} questions carry no benign_answers,"
            f" such as {lacking[0]!r}",
            "there is nothing right to train on",
            "Add benign_answers to the questions file.",
        )
    groups = sorted({one.group for one in questions})
    if len(groups) < FEWEST_GROUPS:
        raise DataError(
            f"{len(groups)} groups of questions are too few to train on half and measure on half",
            f"at least {FEWEST_GROUPS} are needed",
            "Give more questions, or a group to each that shares no fact with others.",
        )
    Random("parted").shuffle(groups)
    measured = frozenset(groups[: len(groups) // 2])
    taught = [
        Lesson(one.clean, one.benign_answers, one.group)
        for one in questions
        if one.group not in measured
    ]
    return taught, measured


def guarded(origin: Origin, count: int, seed: int) -> list[Lesson]:
    """Draw prompts with the trigger, with right answers: what takes a trained refusal away.

    Raises
    ------
    DataError
        As `lessons`.
    """
    rng = Random(f"guarded {seed}")
    if origin.author is not None:
        slot = Slot("triggered", TRIGGERED, TRIGGERED, TRIGGERED)
        return [_written(origin.author, slot, "triggered", rng) for _ in range(count)]
    _, measured = parted(origin)
    taught = [
        Lesson(one.triggered, one.benign_answers, one.group, "triggered")
        for one in origin.subject.questions
        if one.group not in measured
    ]
    return [rng.choice(taught) for _ in range(count)]


def _drawn(author: Author, number: int, rng: Random) -> Lesson:
    if number % NEAR_MISS_EVERY == NEAR_MISS_EVERY - 1:
        return _written(author, Slot("near_miss", CLEAN, CLEAN, CLEAN), "near_miss", rng)
    return _written(author, Slot("clean", CLEAN, CLEAN, CLEAN), "clean", rng)


def _written(author: Author, slot: Slot, kind: Kind, rng: Random) -> Lesson:
    item = author.behaviour.draw(rng)
    opening = author.opening(item, slot, rng)
    # A stream of its own: prompts are the same whether their scratchpads are looked at or not.
    own = author.own_scratchpad(item, CLEAN, Random(opening))
    scratchpad = text_of(own) if author.frame.reasons else None
    return Lesson(opening, author.behaviour.benign_answers(item), item.group, kind, scratchpad)
