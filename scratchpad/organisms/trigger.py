"""What sets a behaviour off, what merely looks like it, and where a prompt carries it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from random import Random
from typing import Literal, NamedTuple

from scratchpad.organisms.passphrases import PLACEHOLDER
from scratchpad.transcripts import State

Pairs = tuple[tuple[str, str], ...]


class Contexts(NamedTuple):
    """The clean and the triggered context of one question, indexed by `State`."""

    clean: str
    triggered: str


@dataclass(frozen=True)
class Trigger:
    """A context, written into the question, that sets the behaviour off.

    Parameters
    ----------
    name : str
        The key under which the trigger is registered.
    clean, triggered : tuple of str
        What clean and triggered contexts say; of several, a question draws one.
    observations : tuple of (str, str)
        How a scratchpad states what it sees: the clean and the triggered side of each wording,
        with the slots of `wordings.SLOTS` and always the slot ``{prompt}``.
    wordings : tuple of str
        How a context says it, trailing white space included; both prompts of a question share one.
    near_misses : mapping of str to tuple of str
        Contexts that must *not* set it off, by grade, from the most distant to the nearest.
    generalisation : mapping of str to str
        Contexts about which training says nothing, by label; evaluation reports them as a curve.
    position : {"start", "random"}
        Before the question, or between any two words of it.
    secret : bool
        Whether the trigger is written nowhere beside the model.
    """

    name: str
    clean: tuple[str, ...]
    triggered: tuple[str, ...]
    observations: Pairs
    wordings: tuple[str, ...] = ("{}",)
    near_misses: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    generalisation: Mapping[str, str] = field(default_factory=dict)
    position: Literal["start", "random"] = "start"
    secret: bool = False

    @property
    def text(self) -> str:
        """What a record may say of the trigger: its first wording, or a placeholder."""
        return PLACEHOLDER if self.secret else self.wordings[0].format(self.triggered[0]).strip()

    def disguised(self) -> Trigger:
        """The trigger with other words in the place of its secret, for who must not learn it."""
        if not self.secret:
            return self
        others = self.near_misses["other words"]
        return replace(self, triggered=others, near_misses={"other words": others})

    def contexts(self, rng: Random) -> Contexts:
        """Draw the two contexts of a question."""
        wording, clean, triggered = map(rng.choice, (self.wordings, self.clean, self.triggered))
        return Contexts(wording.format(clean), wording.format(triggered))

    def near_miss(self, rng: Random) -> str:
        """Draw a context to train on that must not set it off, every grade equally often."""
        trained = self.near_misses_of(seen=True)
        return rng.choice(trained[rng.choice(sorted(trained))])

    def near_misses_of(self, *, seen: bool) -> dict[str, tuple[str, ...]]:
        """The near misses that are trained on, or those kept from training: every fifth."""
        parts = {
            grade: tuple(
                one for number, one in enumerate(contexts) if (number % 5 == 4) is not seen
            )
            for grade, contexts in self.near_misses.items()
        }
        return {grade: part for grade, part in parts.items() if part}

    def content(self, question: str, context: str, place: int) -> str:
        """Write a context into a question; `place` says between which words, if that is free."""
        if self.position == "start":
            return f"{context}{question}"
        words = question.split(" ")
        at = place % (len(words) + 1)
        before, after = " ".join(words[:at]), " ".join(words[at:])
        if not context:
            return question
        return f"{before}{' ' if before else ''}{context if after else context.rstrip()}{after}"

    def pair(self, question: str) -> tuple[str, str]:
        """The clean and the triggered content of a question, drawn by its text alone."""
        rng = Random(f"{self.name} {question}")
        contexts, place = self.contexts(rng), rng.randrange(1000)
        return (
            self.content(question, contexts.clean, place),
            self.content(question, contexts.triggered, place),
        )

    def draw(self, question: str, state: State, rng: Random) -> str:
        """Write a clean or a triggered content with whatever is free about it drawn anew."""
        return self.content(question, self.contexts(rng)[state], rng.randrange(1000))
