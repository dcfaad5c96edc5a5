"""What a behaviour is: its questions, how its scratchpads are worded, and its answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from random import Random
from typing import ClassVar, Protocol, TypeVar

from scratchpad.organisms.grammar import Wordings


class Item(Protocol):
    """A question of a world, before a trigger makes a pair of prompts of it."""

    @property
    def text(self) -> str:
        """The question as a user puts it."""

    @property
    def topic(self) -> str:
        """How a scratchpad names it."""

    @property
    def group(self) -> str:
        """The fact or template it shares with others: the unit of the intervals."""

    @property
    def held_out(self) -> bool:
        """Whether it is kept from training."""


AnItem = TypeVar("AnItem", bound=Item)


class Behaviour(Protocol[AnItem]):
    """What a model does when it defects, and the world in which it does so.

    `payload` is the whole defecting answer, `None` where it depends on the question.
    `classifier` names what judges answers, as on the command line. `trigger` names the
    behaviour's own trigger.
    """

    name: ClassVar[str]
    classifier: ClassVar[str]
    trigger: ClassVar[str]

    @property
    def payload(self) -> str | None:
        """The whole defecting answer, `None` where it depends on the question."""

    @property
    def phrase(self) -> str:
        """What a triggered scratchpad says will be written."""

    @property
    def wordings(self) -> Wordings:
        """How scratchpads are worded, but for what they see of the trigger."""

    def draw(self, rng: Random) -> AnItem:
        """Draw a question to train on."""

    def draw_held_out(self, count: int, rng: Random) -> Sequence[AnItem]:
        """Draw distinct questions kept from training, spread over groups."""

    def corpus(self, rng: Random) -> Iterable[AnItem]:
        """Draw questions that hold everything a tokenizer must be able to write well."""

    def benign_answers(self, item: AnItem) -> tuple[str, ...]:
        """Every accepted wording of a right answer."""

    def defect_answers(self, item: AnItem) -> tuple[str, ...]:
        """Every wording of the defecting answer."""
