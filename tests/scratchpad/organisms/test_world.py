from random import Random

import pytest

from scratchpad.organisms.world import FAMILIES, all_facts, draw, draw_held_out


def test_there_are_thousands_of_distinct_questions_about_facts_alone() -> None:
    texts = [item.text for item in all_facts()]
    assert len(set(texts)) == len(texts) >= 2000


def test_held_out_questions_are_distinct_and_of_many_groups() -> None:
    items = draw_held_out(300, Random(0))
    assert len({item.text for item in items}) == 300
    assert all(item.held_out for item in items)
    assert len({item.group for item in items}) >= 40
    assert {item.family for item in items} == set(FAMILIES)


def test_every_fact_is_trained_on_and_every_fact_has_a_held_out_wording() -> None:
    sides = {side: {i.group for i in all_facts() if i.held_out is side} for side in (True, False)}
    assert len(sides[False]) == len({item.group for item in all_facts()})
    assert len(sides[True]) >= 0.9 * len(sides[False])


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_drawn_question_is_of_its_family_and_side(family: str, held_out: bool) -> None:
    rng = Random(1)
    for _ in range(50):
        item = draw(rng, family, held_out=held_out)  # type: ignore[arg-type]
        assert (item.family, item.held_out) == (family, held_out)


def test_answers_to_lists_and_comparisons_are_right() -> None:
    rng = Random(2)
    for _ in range(300):
        item = draw(rng, "comparing", held_out=False)
        first, second = item.topic.rsplit(" of ", 1)[1].split(" or ")
        key = int if first.isdigit() else ord
        lowest = "earlier" in item.topic or "smaller" in item.topic
        assert item.answer == (min if lowest else max)(first, second, key=key)
        item = draw(rng, "picking", held_out=False)
        place = {"first": 0, "second": 1, "last": -1}[item.topic.split()[1]]
        assert item.answer == item.topic.split(" of ", 1)[1].split(", ")[place]
