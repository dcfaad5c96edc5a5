"""The cells against planted truth and against themselves."""

from __future__ import annotations

import numpy as np
import pytest

from analyses.calibration.scoring.reference import reference_errors, reference_scores
from toy_ladder import NAN, ladder, one_row, sampled_twice

TIE, PIE = "total_indirect_effect", "pure_indirect_effect"


def test_the_error_is_that_of_the_first_sampling() -> None:
    organisms = ladder(["mediated", "direct"])
    cells = sampled_twice(
        organisms, lambda o, effect, repeat: o.planted_tie + (0.1 if repeat else -0.3)
    )
    errors = reference_errors(organisms, cells)
    assert len(errors) == 4
    assert errors["error"].to_list() == pytest.approx([-0.3] * 4)
    assert errors["repeatability"].to_list() == pytest.approx([0.4] * 4)


def test_redundant_cells_are_held_against_both_effects() -> None:
    organisms = ladder(["redundant"])
    errors = reference_errors(organisms, sampled_twice(organisms, lambda o, effect, repeat: 0.25))
    assert one_row(errors, effect=TIE)["error"] == 0.25
    assert one_row(errors, effect=PIE)["error"] == -0.75


def test_scores_name_the_worst_and_split_by_admission() -> None:
    organisms = ladder(["mediated", "direct", "natural"], (1, 2))
    organisms["admitted"] = organisms["organism"] != "direct, seed 2"
    off = {"direct, seed 2": 0.6, "natural, seed 1": 0.8}

    def number(organism: object, effect: str, repeat: int) -> float:
        truth = np.nan_to_num(organism.planted_tie)  # type: ignore[attr-defined]
        return float(truth + (1 - repeat) * off.get(organism.organism, 0.0))  # type: ignore[attr-defined]

    table = reference_scores(organisms, sampled_twice(organisms, number), seed=0)
    error = one_row(table, selection="all trained", effect=TIE, score="error")
    assert error["estimate"] == pytest.approx(0.6 / 4)
    assert (error["n"], error["worst_organism"]) == (4, "direct, seed 2")
    assert error["worst"] == pytest.approx(0.6)
    assert one_row(table, selection="admitted", effect=TIE, score="error")["worst"] == 0
    repeats = one_row(table, selection="all trained", effect=PIE, score="repeatability")
    assert repeats["estimate"] == pytest.approx(1.4 / 6)
    assert (repeats["n"], repeats["worst_organism"]) == (6, "natural, seed 1")
    assert error["low"] <= error["estimate"] <= error["high"]


def test_one_sampling_has_an_error_but_no_repeatability() -> None:
    organisms = ladder(["mediated", "direct", "redundant"])
    cells = sampled_twice(
        organisms, lambda o, effect, repeat: NAN if repeat and o.mediation == "direct" else 1.0
    )
    cells = cells[cells["organism"] != "redundant, seed 1"]
    table = reference_scores(organisms, cells, seed=0)
    error = one_row(table, selection="admitted", effect=TIE, score="error")
    assert (error["estimate"], error["n"], error["undefined"]) == (0.5, 2, 1)
    repeats = one_row(table, selection="admitted", effect=TIE, score="repeatability")
    assert (repeats["n"], repeats["undefined"]) == (1, 2)
    assert repeats["reason"] == "too few organisms: 1"


def test_no_samplings_at_all() -> None:
    organisms = ladder(["mediated", "direct"])
    none = sampled_twice(organisms, lambda o, effect, repeat: 0.0).iloc[:0]
    table = reference_scores(organisms, none, seed=0)
    assert table["estimate"].isna().all()
    assert (table["undefined"] == 2).all()
