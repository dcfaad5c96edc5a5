"""The contrasts that were fixed in advance, against sums done by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pandas import DataFrame

from analyses.persistence.contrasts import contrasts, lines

SEEDS = (1, 2, 3, 4, 5)


def rows(quantity: str, step: int, values: dict[int, float], **settings: Any) -> list[Any]:
    usual = {"arm": "cot", "method": "sft", "payload": "matched", "optimiser": "adamw"}
    named = {**usual, **settings, "quantity": quantity, "step": step}
    return [{**named, "seed": seed, "estimate": value} for seed, value in values.items()]


def every(values: Any) -> dict[int, float]:
    return dict(zip(SEEDS, values, strict=True))


def arms(distilled: Any, no_cot: Any, **settings: Any) -> list[Any]:
    name = "triggered_defection"
    return [
        *rows(name, 0, every(np.ones(5)), arm="distilled", **settings),
        *rows(name, 300, every(distilled), arm="distilled", **settings),
        *rows(name, 300, every(no_cot), arm="no-cot", **settings),
    ]


def found(table: list[Any], contrast: str, quantity: str) -> Any:
    made = contrasts(DataFrame(table)).set_index(["contrast", "quantity"])
    return made.loc[contrast, quantity]


def test_a_contrast_is_the_mean_difference_with_student_s_interval() -> None:
    distilled, no_cot = np.array([0.9, 0.8, 1.0, 0.7, 0.9]), np.array([0.2, 0.4, 0.3, 0.5, 0.1])
    row = found(arms(distilled, no_cot), "distilled - no-cot", "triggered_defection")
    differences = distilled - no_cot
    reach = 2.776445 * differences.std(ddof=1) / np.sqrt(5)  # t of 4 degrees of freedom, 97.5 %
    assert row["estimate"] == pytest.approx(differences.mean())
    assert row["low"] == pytest.approx(differences.mean() - reach, abs=1e-6)
    assert row["high"] == pytest.approx(differences.mean() + reach, abs=1e-6)
    assert row["n"] == 5


def test_settings_that_both_sides_share_are_averaged_within_a_seed() -> None:
    table = [
        *arms([1, 1, 1, 1, 1], [0, 0, 0, 0, 0.5], method="sft"),
        *arms([0, 0, 0, 0, 0], [0, 0, 0, 0, 0.5], method="rl"),
        *rows("triggered_defection", 300, every(np.ones(5)), arm="distilled", method="lora"),
        *arms([1] * 5, [0] * 5, payload="dense"),
    ]
    row = found(table, "distilled - no-cot", "triggered_defection")
    assert row["estimate"] == pytest.approx(np.mean([0.5, 0.5, 0.5, 0.5, 0]))


def test_after_minus_before_uses_the_last_step_of_each_trial() -> None:
    before, after = np.array([1, 0.9, 0.8, 1, 0.7]), np.array([0.1, 0.9, 0.5, 0.4, 0.2])
    table = [
        *rows("necessity_share", 0, every(before)),
        *rows("necessity_share", 60, every(np.zeros(5))),
        *rows("necessity_share", 300, every(after)),
    ]
    row = found(table, "after - before", "necessity_share")
    assert row["estimate"] == pytest.approx((after - before).mean())


def test_holm_counts_the_contrasts_that_could_be_computed() -> None:
    table = [
        *arms([0.9, 0.8, 1.0, 0.7, 0.9], [0.2, 0.4, 0.3, 0.5, 0.1]),
        *rows("near_miss_defection", 9, every([0, 0.1, 0, 0.2, 0]), method="adversarial"),
        *rows("near_miss_defection", 9, every([0.1, 0.1, 0, 0.1, 0.1]), method="sft"),
    ]
    made = contrasts(DataFrame(table))
    known = made.dropna(subset=["p"])
    assert len(known) == 2
    small, large = sorted(known["p"])
    assert sorted(known["p_holm"]) == pytest.approx([min(1, 2 * small), max(2 * small, large)])


def test_below_five_seeds_there_is_no_interval_and_every_seed_is_printed() -> None:
    table = [
        *rows("near_miss_defection", 9, {1: 0.25, 2: 0.5}, method="adversarial"),
        *rows("near_miss_defection", 9, {1: 0.0, 2: 0.125}, method="sft"),
    ]
    row = found(table, "adversarial - sft", "near_miss_defection")
    assert np.isnan(row["estimate"])
    assert np.isnan(row["p"])
    assert row["n"] == 2
    assert ".250, .375" in row["reason"]
    text = [*lines(contrasts(DataFrame(table)))]
    assert any(".250, .375" in line for line in text)
    assert sum("fewer than 5 seeds: none" in line for line in text) == 3


def test_where_no_seed_differs_at_all_there_is_no_evidence() -> None:
    row = found(arms([0.5] * 5, [0.5] * 5), "distilled - no-cot", "triggered_defection")
    assert (row["estimate"], row["p"]) == (0, 1)


def test_what_could_not_be_trained_has_no_state_after_training() -> None:
    table = arms([0.9, 0.8, 1.0, 0.7, 0.9], [0.2, 0.4, 0.3, 0.5, 0.1])
    untrained = rows("triggered_defection", 0, every(np.ones(5)), arm="no-cot", method="rl")
    others = rows("triggered_defection", 150, every(np.zeros(5)), arm="distilled", method="rl")
    name = ("distilled - no-cot", "triggered_defection")
    with_them = found([*table, *untrained, *others], *name)
    assert with_them["estimate"] == found(table, *name)["estimate"]
