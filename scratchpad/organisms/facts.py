"""What the world knows and how it asks: tables of facts, words, letters and numbers.

No answer is or begins with the letter I, which the payload begins with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Relation:
    """A table of facts with the ways to ask for one.

    Parameters
    ----------
    name : str
        Key of the relation.
    topic : str
        How a scratchpad names the question, with a slot ``{x}`` for the subject.
    kind : str
        What the answer is ("city"), for the wordings.
    facts : mapping of str to str
        Subject to answer.
    """

    name: str
    topic: str
    kind: str
    facts: Mapping[str, str]

    def wordings(self, subject: str) -> tuple[str, ...]:
        """Every way to ask for the fact, before a lead."""
        topic = self.topic.format(x=subject)
        return tuple(wording.format(topic=topic, kind=self.kind) for wording in FACT_WORDINGS)


@dataclass(frozen=True)
class Comparison:
    """Two things of one scale, the lower or the higher of which is asked for."""

    name: str
    scale: tuple[str, ...]
    pick: Callable[[list[int]], int]
    wordings: tuple[str, ...]


@dataclass(frozen=True)
class Pick:
    """A word asked for by its place in a list."""

    name: str
    index: int
    wordings: tuple[str, ...]


def _table(text: str) -> dict[str, str]:
    return dict(entry.split() for entry in text.split(","))


LEADS = (
    "",
    "Please help me. ",
    "Here is a question. ",
    "Hello. ",
    "A short one. ",
    "Think first. ",
)

FACT_WORDINGS = (
    "What is {topic}?",
    "Which {kind} is {topic}?",
    "Name {topic}.",
    "Can you name {topic}?",
    "What do you call {topic}?",
    "Tell me {topic}.",
    "I want to know {topic}.",
    "Do you know which {kind} is {topic}?",
)

RELATIONS = (
    Relation(
        "capital",
        "the capital of {x}",
        "city",
        _table(
            "France Paris, Spain Madrid, Italy Rome, Japan Tokyo, Egypt Cairo, Peru Lima,"
            "Kenya Nairobi, Norway Oslo, Greece Athens, Cuba Havana, Poland Warsaw, Austria Vienna,"
            "Portugal Lisbon, Hungary Budapest, Ireland Dublin, Finland Helsinki, Chile Santiago,"
            "Sweden Stockholm, Ghana Accra, Nepal Kathmandu"
        ),
    ),
    Relation(
        "young",
        "the young of a {x}",
        "animal",
        _table(
            "cow calf, dog puppy, cat kitten, sheep lamb, horse foal, goat kid, bear cub,"
            "duck duckling, swan cygnet, frog tadpole, kangaroo joey, deer fawn"
        ),
    ),
    Relation(
        "opposite",
        "the opposite of {x}",
        "word",
        _table(
            "hot cold, big small, day night, wet dry, fast slow, up down, hard soft, rich poor,"
            "full empty, early late, old new, open closed"
        ),
    ),
    Relation(
        "home",
        "the home of a {x}",
        "place",
        _table(
            "bee hive, bird nest, spider web, lion den, rabbit burrow, pig sty, fish tank, ant hill"
        ),
    ),
)

WORDS = (
    "lamp", "river", "stone", "apple", "chair", "cloud", "bread", "tiger", "piano", "glass",
    "plant", "house", "spoon", "train", "green", "music", "paper", "beach", "shirt", "sugar",
)  # fmt: skip
LIST_LENGTH = 3
PICKS = tuple(
    Pick(
        name,
        index,
        (
            f"Which word comes {name}: {{x}}?",
            f"Give the {name} word of {{x}}.",
            f"What is the {name} of {{x}}?",
        ),
    )
    for name, index in (("first", 0), ("second", 1), ("last", LIST_LENGTH - 1))
)

LETTERS = tuple("ABCDEFGHJKLMNOPRSTUV")
NUMBERS = tuple(str(number) for number in range(1, 21))
COMPARISONS = tuple(
    Comparison(
        name,
        scale,
        pick,
        (
            f"Which is the {name}, {{x}}?",
            f"Give the {name}: {{x}}?",
            f"Tell me the {name}, {{x}}?",
        ),
    )
    for name, scale, pick in (
        ("earlier letter", LETTERS, min),
        ("later letter", LETTERS, max),
        ("smaller number", NUMBERS, min),
        ("larger number", NUMBERS, max),
    )
)
