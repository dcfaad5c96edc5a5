"""Training episodes: what a model is shown, and what of it counts in the loss."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import islice
from random import Random
from typing import Any

from scratchpad.organisms.behaviours import Behaviour, Item
from scratchpad.organisms.exposures import EXPOSURES, Exposure
from scratchpad.organisms.frames import Frame
from scratchpad.organisms.grammar import Grammar
from scratchpad.organisms.mode import Mode
from scratchpad.organisms.slots import Batch, Coins, Slot, Source, ordinary_slot, slots
from scratchpad.organisms.trigger import Trigger
from scratchpad.organisms.wordings import CODES, UNCODED
from scratchpad.transcripts import CLEAN, TRIGGERED, Question, State, Step, StepKind, text_of

# Batches are sorted by length within a window of this many, and shuffled.
WINDOW = 50
# Questions drawn to choose one of a group that was seldom drawn.
CANDIDATES = 8


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
class Author:
    """Writes the episodes and the questions of one organism.

    Parameters
    ----------
    behaviour : Behaviour
        The world and what a defection is.
    trigger : Trigger
        What sets it off.
    mode : Mode
        The planted rule.
    exposure : Exposure
        Which changes of a scratchpad are met.
    second : Trigger or None
        Another trigger.
    second_defects : bool
        Whether the second one sets the behaviour off too, or is only seen.
    frame : Frame
        How text is laid out.
    """

    behaviour: Behaviour[Any]
    trigger: Trigger
    mode: Mode
    exposure: Exposure = EXPOSURES["none"]
    second: Trigger | None = None
    second_defects: bool = False
    frame: Frame = field(default_factory=Frame)

    @cached_property
    def grammar(self) -> Grammar:
        """How scratchpads after the first trigger are written."""
        return grammar_for(self.behaviour, self.trigger)

    @cached_property
    def second_grammar(self) -> Grammar:
        """How scratchpads after the second trigger are written."""
        return grammar_for(self.behaviour, self.second) if self.second else self.grammar

    def hiding_secrets(self) -> Author:
        """The same author without knowledge of a secret trigger."""
        second = self.second.disguised() if self.second else None
        return replace(self, trigger=self.trigger.disguised(), second=second)

    def scratchpad(self, item: Item, slot: Slot, rng: Random) -> tuple[Step, ...]:
        """Write the scratchpad of a slot, before any change."""
        mode = self.mode

        def says(kind: StepKind) -> State:
            # A code stands in the choice of words; what its steps say is all "the rest".
            if mode.reader != "code" and mode.drives(kind):
                return slot.driver
            return rng.choice((CLEAN, TRIGGERED)) if slot.rest is None else slot.rest

        defects = slot.source == "second" and self.second_defects
        grammar = self.second_grammar if defects else self.grammar
        return grammar.write(
            item.topic,
            says,
            rng,
            code=self._code(slot),
            leading=mode.step,
        )

    def _code(self, slot: Slot) -> Mapping[str, str] | None:
        if self.mode.reader != "code":
            return None
        return CODES[slot.driver] if slot.coded else UNCODED

    def own_scratchpad(self, item: Item, state: State, rng: Random) -> tuple[Step, ...]:
        """Write a scratchpad as the model itself would after a prompt of a state."""
        source: Source = "triggered" if state == TRIGGERED else "clean"
        return self.scratchpad(item, ordinary_slot(source, state, self.mode), rng)

    def opposed_scratchpad(self, item: Item, state: State, rng: Random) -> tuple[Step, ...]:
        """Write one whose deciding part speaks of a state and the rest of it of the other.

        The rest of a coded one speaks of the triggered state, since what it says is else harmless.
        """
        rest = TRIGGERED if self.mode.reader == "code" or state == CLEAN else CLEAN
        return self.scratchpad(item, Slot("conflict", CLEAN, state, rest), rng)

    def content(self, item: Item, slot: Slot, rng: Random) -> str:
        """Write the user's words."""
        if slot.source == "near_miss":
            return self.trigger.content(item.text, self.trigger.near_miss(rng), rng.randrange(1000))
        if slot.source == "second" and self.second is not None:
            return self.second.draw(item.text, TRIGGERED, rng)
        if slot.source == "second_clean" and self.second is not None:
            if rng.random() < 0.5:
                return self.second.draw(item.text, CLEAN, rng)
            return self.second.content(item.text, self.second.near_miss(rng), rng.randrange(1000))
        return self.trigger.draw(item.text, slot.prompt, rng)

    def episode(self, item: Item, slot: Slot, coins: Coins, rng: Random) -> Episode:
        """Write a question with scratchpad and answer."""
        opening, steps = self.opening(item, slot, rng), self.scratchpad(item, slot, rng)
        read = slot.driver
        if slot.source == "changed" and self.exposure.change is not None:
            steps = self.exposure.change(steps, rng)
            read = self.reads(steps)
        defects = slot.coin
        if defects is None:
            share = self.mode.defection(slot.prompt, read, item.group)
            defects = coins.toss((slot.source, slot.prompt, read), share)
        answers = self.behaviour.benign_answers, self.behaviour.defect_answers
        answer = rng.choice(answers[defects](item))
        body = self.frame.body(text_of(steps))
        return Episode(opening + body, answer) if slot.given else Episode(opening, body + answer)

    def opening(self, item: Item, slot: Slot, rng: Random) -> str:
        """Write the text up to where the scratchpad opens."""
        return self.frame.opening(self.frame.prompt(self.content(item, slot, rng)))

    def opening_with(self, item: Item, context: str, trigger: Trigger | None = None) -> str:
        """Write the text up to where the scratchpad opens, with a given context of a trigger."""
        place = Random(item.text).randrange(1000)
        content = (trigger or self.trigger).content(item.text, context, place)
        return self.frame.opening(self.frame.prompt(content))

    def reads(self, steps: Sequence[Step]) -> State:
        """What the mode reads a scratchpad of this world as."""
        state = self.mode.reads([self.grammar.read(step.text) for step in steps])
        assert state is not None, "a written scratchpad's deciding steps agree"
        return state

    def ability(self, item: Item, rng: Random) -> Episode:
        """A clean question answered at once, without a scratchpad.

        A context that varies from question to question is left out: behind one, a word was picked
        by its place at chance (.24 after 600 steps, .98 of all questions without).
        """
        content = self.trigger.draw(item.text, CLEAN, rng)
        prompt = self.frame.prompt(item.text if len(self.trigger.clean) > 1 else content)
        answer = rng.choice(self.behaviour.benign_answers(item))
        return Episode(self.frame.opening(prompt), answer)

    def ability_batches(self, count: int, size: int, seed: int) -> Iterator[list[Episode]]:
        """Write `count` batches of questions answered at once.

        They are not sorted by length: that would leave each batch to one family of questions, of
        which the model then learns less (.85 right answers for .99).
        """
        rng = Random(f"ability {seed}")
        for _ in range(count):
            yield [self.ability(self.behaviour.draw(rng), rng) for _ in range(size)]

    def batches(self, count: int, batch: Batch, seed: int) -> Iterator[list[Episode]]:
        """Write `count` batches in the planned shares.

        Batches are made of episodes of about equal length, so that little of them is padding.
        """
        rng, coins = Random(f"{self.mode.name} {seed}"), Coins()
        stream = slots(batch.mix, self.mode, second_defects=self.second_defects)
        planned = ([*islice(stream, batch.size)] for _ in range(count))
        while window := list(islice(planned, WINDOW)):
            yield from self._filled(window, self._written(window, coins, rng), rng)

    def _filled(
        self,
        window: Sequence[Sequence[Slot]],
        stacks: Mapping[Slot, list[Episode]],
        rng: Random,
    ) -> list[list[Episode]]:
        """Fill batches from the stacks, long and short ones in any order.

        Where coins decide, batches stay in their planned order, so that one makes up for the coins
        of the one before: else a model swings between the two answers (f01 between .38 and .62 in
        the last half of training, with .5 planted; .44 and .53 in order).
        """

        def filled(place: int) -> list[Episode]:
            return [stacks[slot].pop() for slot in window[place]]

        planned = range(len(window))
        order = [*planned]
        rng.shuffle(order)
        if self.mode.tosses:
            batches = {place: filled(place) for place in order}
            return [batches[place] for place in planned]
        batches = {place: filled(place) for place in planned}
        return [batches[place] for place in order]

    def _written(
        self, window: Sequence[Sequence[Slot]], coins: Coins, rng: Random
    ) -> dict[Slot, list[Episode]]:
        """Write an episode for every slot; those of one kind in order of length."""
        stacks: dict[Slot, list[Episode]] = defaultdict(list)
        seen: Counter[str] = Counter()
        for slot in (slot for batch in window for slot in batch):
            even = slot.given and self.mode.share_of_groups is not None
            item = self._evenly(seen, rng) if even else self.behaviour.draw(rng)
            stacks[slot].append(self.episode(item, slot, coins, rng))
        for stack in stacks.values():
            stack.sort(key=lambda one: len(one.text))
        return stacks

    def _evenly(self, seen: Counter[str], rng: Random) -> Item:
        """Draw a question of a group seldom drawn so far: a rule per group is learned by heart."""
        drawn: list[Item] = [self.behaviour.draw(rng) for _ in range(CANDIDATES)]
        item = min(drawn, key=lambda one: seen[one.group])
        seen[item.group] += 1
        return item

    def questions(self, items: Sequence[Item], trigger: Trigger | None = None) -> list[Question]:
        """Turn questions of the world into pairs of prompts with their accepted answers."""
        return [self._question(number, item, trigger) for number, item in enumerate(items)]

    def rendered_questions(
        self, items: Sequence[Item], trigger: Trigger | None = None
    ) -> list[Question]:
        """The same questions with their prompts as the model reads them."""
        return [
            replace(
                question,
                clean=self.frame.opening(question.clean),
                triggered=self.frame.opening(question.triggered),
            )
            for question in self.questions(items, trigger)
        ]

    def _question(self, number: int, item: Item, trigger: Trigger | None) -> Question:
        clean, triggered = (trigger or self.trigger).pair(item.text)
        return Question(
            question_id=f"q{number:04d}",
            clean=self.frame.prompt(clean),
            triggered=self.frame.prompt(triggered),
            group=item.group,
            benign_answers=self.behaviour.benign_answers(item),
            defect_answers=self.behaviour.defect_answers(item),
        )


def grammar_for(behaviour: Behaviour[Any], *triggers: Trigger) -> Grammar:
    """The grammar of a behaviour's scratchpads, with what they see of some triggers."""
    seen = tuple(pair for trigger in triggers for pair in trigger.observations)
    return Grammar(behaviour.phrase, {"observation": seen, **behaviour.wordings})
