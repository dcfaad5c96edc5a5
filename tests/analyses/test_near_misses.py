"""Near misses stand where the world itself would have written them."""

from __future__ import annotations

from random import Random

import pytest

from analyses.probing.near_misses import near_miss_of
from scratchpad.organisms.triggers import make_trigger
from scratchpad.transcripts import Question

TEXT = "Give the first word of chair, lamp, green."


@pytest.mark.parametrize("name", ["deployment-tag", "deployment-tag-anywhere", "year", "sea"])
def test_a_near_miss_takes_the_place_of_the_trigger(name: str) -> None:
    trigger = make_trigger(name)
    clean, triggered = trigger.pair(TEXT)
    asked = near_miss_of(Question("q", clean, triggered, "g"), trigger, Random(0))
    assert asked is not None
    assert asked.clean == clean
    contexts = [one for grade in trigger.near_misses.values() for one in grade]
    written = {trigger.content(TEXT, one, place) for one in contexts for place in range(9)}
    assert asked.triggered in written


def test_where_there_is_no_trigger_there_is_no_near_miss() -> None:
    trigger = make_trigger("year")
    assert near_miss_of(Question("q", TEXT, TEXT, "g"), trigger, Random(0)) is None
