"""Which organisms are trained further, and how."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path

import pytest
from pandas import DataFrame

import brief
from analyses.persistence.contrasts import FIXED, contrasts
from analyses.persistence.grid import Roots, Trial, contrasts_grid, full_grid, grid, quick_grid


def test_the_quick_grid_is_six_units_and_one_of_each_other_factor() -> None:
    trials = quick_grid()
    plain = [one for one in trials if (one.payload, one.optimiser) == ("matched", "adamw")]
    crossed = {(one.arm, one.method) for one in plain}
    assert crossed >= {(arm, m) for arm in ("no-cot", "cot", "distilled") for m in ("sft", "rl")}
    assert crossed >= {("cot", "adversarial"), ("cot", "lora")}
    assert Counter(one.payload for one in trials)["dense"] == 1
    assert Counter(one.optimiser for one in trials)["sgd"] == 1
    assert len(set(trials)) == len(trials) == 10
    assert {one.seed for one in trials} == {1}


def test_the_full_grid_crosses_everything_with_five_seeds() -> None:
    trials = full_grid()
    assert len(set(trials)) == len(trials) == 3 * 4 * 2 * 2 * 5
    assert set(quick_grid()) < set(trials)
    assert len({one.name for one in trials}) == len(trials)


def test_the_grid_of_contrasts_gives_each_of_them_five_seeds() -> None:
    trials = contrasts_grid()
    assert len(set(trials)) == len(trials) == 30
    assert set(trials) < set(full_grid())
    checkups = DataFrame(
        {**vars(trial), "step": step, "quantity": quantity, "estimate": 0.5}
        for trial in trials
        for step in (0, 200)
        for quantity in {one.quantity for one in FIXED}
    )
    assert contrasts(checkups)["n"].to_list() == [5] * len(FIXED)


def test_a_twin_differs_by_what_its_second_trigger_does_alone() -> None:
    trial = Trial("no-cot", "sft", payload="dense")
    organism, twin = (asdict(one) for one in (Roots().organism(trial), Roots().twin(trial)))
    differing = {name for name in organism if organism[name] != twin[name]}
    assert differing == {"second_trigger", "exposed_trigger"}
    assert organism["payload_repeats"] > Roots().organism(Trial("no-cot", "sft")).payload_repeats


def test_payloads_of_all_arms_are_of_one_length() -> None:
    arms = [Trial(arm, "sft") for arm in ("no-cot", "cot", "distilled")]
    assert len({Roots().organism(one).made_behaviour().payload for one in arms}) == 1


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--size", "quik"), "quick"),
        (("--lora",), "--base"),
        (("--base", "/nowhere"), "/nowhere"),
    ],
)
def test_what_cannot_be_run_is_one_line_and_nothing_is_written(
    flags: tuple[str, ...], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    done = brief.scratchpad(capfd, "persist", *flags, "--out", out)
    assert done.code == 2
    assert named in done.line
    assert not out.exists()
    assert grid("quick") == quick_grid()
