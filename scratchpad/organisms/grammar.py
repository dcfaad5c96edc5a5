"""The grammar of the world's scratchpads: it writes them, reads them and turns them round."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import NamedTuple

from scratchpad.organisms.wordings import SLOTS, Pairs
from scratchpad.transcripts import CLEAN, TRIGGERED, State, Step, StepKind

MIN_STEPS, MAX_STEPS = 4, 9
CORE: tuple[StepKind, ...] = ("observation", "inference", "plan", "decision")
# What a scratchpad may hold beyond one step of each core kind.
EXTRA: tuple[StepKind, ...] = ("observation", "inference", "plan", "decision") + ("other",) * 3
# Steps of core kinds keep their order up to neighbours: rank plus noise of this width.
ORDER_NOISE = 1.2

Wordings = Mapping[StepKind, Pairs]


class Reading(NamedTuple):
    """Which wording a step was written in, and what stood in its slots."""

    kind: StepKind
    wording: int
    state: State
    slots: Mapping[str, str]


@dataclass(frozen=True)
class Grammar:
    """Writes, tags, reverses and rewords the steps of a behaviour's scratchpads.

    It implements the `Writer` protocol of `scratchpad.transcripts`.

    Parameters
    ----------
    phrase : str
        What a triggered decision says it will write.
    wordings : mapping of StepKind to pairs
        The clean and the triggered side of every wording.
    """

    phrase: str
    wordings: Wordings

    def write(
        self,
        topic: str,
        says: Callable[[StepKind], State],
        rng: Random,
        *,
        code: Mapping[str, str] | None = None,
        leading: int | None = None,
    ) -> tuple[Step, ...]:
        """Write a scratchpad of 4-9 steps for a question.

        Parameters
        ----------
        topic : str
            How the question is named.
        says : callable
            The state that a step of a kind speaks of.
        rng : Random
            Draws everything else.
        code : mapping, optional
            The choice of words for some slots; the others are drawn.
        leading : int, optional
            Begin with so many steps of the core kinds, in their order, the last of which is the
            only one of its kind: told by its place and by its kind alike.
        """
        unused = {
            kind: rng.sample(range(len(pairs)), len(pairs)) for kind, pairs in self.wordings.items()
        }
        fixed = {"topic": topic, **(code or {})}
        count = rng.randint(MIN_STEPS, MAX_STEPS) - len(CORE)
        return tuple(
            self._step(kind, unused[kind].pop(), says(kind), _draw_slots(rng) | fixed)
            for kind in _kinds(count, leading, rng)
        )

    def uniform(self, topic: str, state: State, rng: Random) -> tuple[Step, ...]:
        """Write a scratchpad whose every step speaks of one state."""
        return self.write(topic, lambda kind: state, rng)

    def kind(self, text: str) -> StepKind:
        """Tag a step by the wording it is in, or else by the wordings whose words it shares."""
        reading = self.read(text)
        return reading.kind if reading else self._nearest_kind(text)

    def read(self, text: str, state: State | None = None) -> Reading | None:
        """Find the wording of a step; `None` if the grammar cannot have written it."""
        for kind, wording, side, pattern in self._patterns:
            if state in (None, side) and (match := pattern.fullmatch(text.strip())):
                return Reading(kind, wording, side, match.groupdict())
        return None

    def opposite(self, step: Step, state: State, seed: int) -> Step | None:
        """Write what the other state says: in the same wording, if the step is in one of ours.

        A step of the kind `other` has no opposite.
        """
        reading = self.read(step.text, state) or self.read(step.text)
        if reading is None:
            if step.kind == "other":
                return None
            return self._draw(step.kind, _other(state), Random(seed))
        if reading.kind == "other":
            return None
        return self._step(reading.kind, reading.wording, _other(reading.state), reading.slots)

    def plan(self, state: State, seed: int) -> tuple[Step, ...]:
        """Write a plan and a decision."""
        rng = Random(seed)
        return self._draw("plan", state, rng), self._draw("decision", state, rng)

    def reworded(self, step: Step, state: State, seed: int) -> Step | None:
        """Say the same in another wording, the words of its slots drawn anew.

        `None` if the step is not in one of our wordings, or in the only one of its kind.
        """
        reading = self.read(step.text, state) or self.read(step.text)
        if reading is None:
            return None
        others = [n for n in range(len(self.wordings[reading.kind])) if n != reading.wording]
        if not others:
            return None
        rng = Random(seed)
        topic = {slot: said for slot, said in reading.slots.items() if slot == "topic"}
        slots = _draw_slots(rng) | topic
        return self._step(reading.kind, rng.choice(others), reading.state, slots)

    def _draw(self, kind: StepKind, state: State, rng: Random) -> Step:
        return self._step(kind, rng.randrange(len(self.wordings[kind])), state, _draw_slots(rng))

    def _step(self, kind: StepKind, wording: int, state: State, slots: Mapping[str, str]) -> Step:
        text = self.wordings[kind][wording][state].format(**{**slots, "phrase": self.phrase})
        return Step(f"{text[0].upper()}{text[1:]}\n", kind)

    @cached_property
    def _patterns(self) -> tuple[tuple[StepKind, int, State, re.Pattern[str]], ...]:
        return tuple(
            (kind, wording, state, self._pattern(text))
            for kind, wording, state, text in self._templates()
        )

    def _pattern(self, template: str) -> re.Pattern[str]:
        pattern = re.escape(template).replace(r"\{phrase\}", re.escape(self.phrase))
        pattern = pattern.replace(r"\{topic\}", "(?P<topic>.+)")
        for slot, choices in SLOTS.items():
            pattern = pattern.replace(rf"\{{{slot}\}}", f"(?P<{slot}>{'|'.join(choices)})")
        return re.compile(pattern, re.IGNORECASE)

    def _templates(self) -> Iterator[tuple[StepKind, int, State, str]]:
        states: tuple[State, State] = (CLEAN, TRIGGERED)
        for kind, pairs in self.wordings.items():
            for wording, pair in enumerate(pairs):
                for state in states:
                    yield kind, wording, state, pair[state]

    def _nearest_kind(self, text: str) -> StepKind:
        words = _words(text)
        shared = [
            (len(words & theirs) / len(words | theirs), kind)
            for kind, _, _, template in self._templates()
            if (theirs := _words(template.format(**_FIRST_SLOTS, phrase=self.phrase, topic="")))
        ]
        closeness, kind = max(shared, key=lambda pair: pair[0])
        return kind if closeness > 0 else "other"


def _kinds(count: int, leading: int | None, rng: Random) -> list[StepKind]:
    """Draw the kinds of a scratchpad with `count` steps beyond one of each core kind."""
    if leading is None:
        return _ordered([*CORE, *rng.sample(EXTRA, count)], rng)
    extra = [kind for kind in EXTRA if kind != CORE[leading - 1]]
    return [*CORE[:leading], *_ordered([*CORE[leading:], *rng.sample(extra, count)], rng)]


def _ordered(kinds: list[StepKind], rng: Random) -> list[StepKind]:
    """Order steps from observation to decision, neighbours now and then exchanged."""

    def place(kind: StepKind) -> float:
        if kind == "other":
            return rng.uniform(0, len(CORE))
        return CORE.index(kind) + rng.uniform(0, ORDER_NOISE)

    return [kind for _, _, kind in sorted((place(k), i, k) for i, k in enumerate(kinds))]


def _draw_slots(rng: Random, topic: str = "") -> dict[str, str]:
    return {slot: rng.choice(choices) for slot, choices in SLOTS.items()} | {"topic": topic}


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower()))


def _other(state: State) -> State:
    return CLEAN if state == TRIGGERED else TRIGGERED


_FIRST_SLOTS = {slot: choices[0] for slot, choices in SLOTS.items()}
