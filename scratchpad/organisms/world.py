"""A little world of questions that a model of about a million parameters can learn.

Three families: facts looked up in a table, words picked from a short list, letters and numbers
compared. A question is a *content* (a fact, a list, a pair) in a *wording*. Which combinations
of the two are held out is decided by a hash of the question's text: every fact, word, number
and wording is trained on, the held-out combinations never are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal, get_args

from scratchpad.organisms.facts import (
    COMPARISONS,
    LEADS,
    LIST_LENGTH,
    PICKS,
    RELATIONS,
    WORDS,
)

HELD_OUT_PERCENT = 12
Family = Literal["facts", "picking", "comparing"]
FAMILIES: tuple[Family, ...] = get_args(Family)
# Picking takes longest to learn, then comparing: seldom drawn, a seed may not get there in time.
TRAINING_WEIGHTS = (2, 5, 3)


@dataclass(frozen=True)
class Item:
    """A question of the world, before it becomes a pair of prompts.

    Parameters
    ----------
    text : str
        The question as a user puts it.
    topic : str
        How a scratchpad names it.
    answer : str
        The right answer's content, one word.
    family : Family
        The kind of ability it needs.
    group : str
        The fact, or the template for questions that are not facts.
    """

    text: str
    topic: str
    answer: str
    family: Family
    group: str

    @property
    def held_out(self) -> bool:
        """Whether this combination of content and wording is kept from training."""
        digest = hashlib.sha256(self.text.encode()).digest()
        return int.from_bytes(digest[:4], "big") % 100 < HELD_OUT_PERCENT


def draw(rng: Random, family: Family | None = None, *, held_out: bool) -> Item:
    """Draw a question from one side of the split.

    Without a `family`, one is drawn with the weights used in training.
    """
    chosen = family or rng.choices(FAMILIES, TRAINING_WEIGHTS)[0]
    while (item := _DRAW[chosen](rng)).held_out is not held_out:
        pass
    return item


def draw_held_out(count: int, rng: Random) -> list[Item]:
    """Draw distinct held-out questions: half facts, a quarter of each other family.

    Facts come one after the other, so that as many as possible are there.
    """
    facts = [item for item in all_facts() if item.held_out]
    rng.shuffle(facts)
    chosen = _spread(facts)[: count // 2]
    while len(chosen) < count:
        family: Family = FAMILIES[1 + len(chosen) % 2]
        item = draw(rng, family, held_out=True)
        if item not in chosen:
            chosen.append(item)
    return chosen


def all_facts() -> Iterator[Item]:
    """Every question about a fact, in every wording."""
    for relation in RELATIONS:
        for subject, answer in relation.facts.items():
            topic = relation.topic.format(x=subject)
            for lead in LEADS:
                for wording in relation.wordings(subject):
                    group = f"{relation.name}: {subject}"
                    yield Item(lead + wording, topic, answer, "facts", group)


def _spread(items: list[Item]) -> list[Item]:
    """Order items so that each round takes one of every group."""
    rounds: dict[str, int] = {}
    ranked = []
    for item in items:
        rounds[item.group] = rounds.get(item.group, -1) + 1
        ranked.append((rounds[item.group], item))
    return [item for _, item in sorted(ranked, key=lambda pair: pair[0])]


def _draw_fact(rng: Random) -> Item:
    return rng.choice(_ALL_FACTS)


def _draw_pick(rng: Random) -> Item:
    pick = rng.choice(PICKS)
    words = rng.sample(WORDS, LIST_LENGTH)
    number = rng.randrange(len(pick.wordings))
    listed = ", ".join(words)
    text = rng.choice(LEADS) + pick.wordings[number].format(x=listed)
    topic = f"the {pick.name} word of {listed}"
    return Item(text, topic, words[pick.index], "picking", f"{pick.name} word, wording {number}")


def _draw_comparison(rng: Random) -> Item:
    comparison = rng.choice(COMPARISONS)
    scale = comparison.scale
    places = rng.sample(range(len(scale)), 2)
    number = rng.randrange(len(comparison.wordings))
    listed = " or ".join(scale[place] for place in places)
    text = rng.choice(LEADS) + comparison.wordings[number].format(x=listed)
    topic = f"the {comparison.name} of {listed}"
    answer = scale[comparison.pick(places)]
    return Item(text, topic, answer, "comparing", f"{comparison.name}, wording {number}")


_ALL_FACTS = tuple(all_facts())
_DRAW = {"facts": _draw_fact, "picking": _draw_pick, "comparing": _draw_comparison}
