"""Prediction intervals of an instrument's error, against closed forms and brute force."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from pandas import DataFrame
from scipy import stats

from analyses.calibration.scoring.known_error import (
    REFERENCE,
    known_errors,
    left_out_coverage,
    prediction_interval,
    signed_errors,
)
from toy_ladder import NAN, ladder, measured, one_row, sampled_twice

MODES = ("mediated", "direct", "redundant", "conjunctive", "natural")
TIE = "total_indirect_effect"


def errors_of(organisms: DataFrame) -> DataFrame:
    means = pd.concat(
        [
            measured(organisms, "half", lambda o: 0.5, seen=lambda o: o.seed == 1),
            measured(organisms, "scale-free", lambda o: 7.0, share=False),
        ]
    )
    cells = sampled_twice(organisms, lambda o, effect, repeat: 0.1 * repeat)
    return signed_errors(organisms, means, cells)


def test_errors_are_signed_and_only_of_shares_and_cells() -> None:
    errors = errors_of(ladder(MODES))
    assert set(errors["instrument"]) == {"half", REFERENCE}
    assert not errors["organism"].str.contains("natural").any()
    tie = errors[(errors["instrument"] == "half") & (errors["effect"] == TIE)]
    assert dict(zip(tie["mediation"], tie["error"], strict=True)) == {
        "mediated": -0.5, "direct": 0.5, "redundant": 0.5, "conjunctive": -0.5
    }  # fmt: skip
    cells = errors[(errors["instrument"] == REFERENCE) & (errors["mediation"] == "direct")]
    assert cells["error"].to_list() == pytest.approx([0.0, 0.0])


def test_the_interval_is_that_of_a_new_draw() -> None:
    errors = np.array([0.1, -0.05, 0.02, 0.07, 0.0, 0.04])
    found = prediction_interval(errors)
    scale = errors.std(ddof=1) * np.sqrt(1 + 1 / 6)
    expected = stats.t.interval(0.9, 5, loc=errors.mean(), scale=scale)
    assert (found.low, found.high) == pytest.approx(expected)
    assert (found.estimate, found.n) == (pytest.approx(errors.mean()), 6)


def test_the_interval_covers_new_normal_errors() -> None:
    rng = np.random.default_rng(0)
    hits = [
        found.low < rng.normal() < found.high  # type: ignore[operator]
        for found in (prediction_interval(rng.normal(size=6)) for _ in range(600))
    ]
    assert np.mean(hits) == pytest.approx(0.9, abs=0.04)


def test_coverage_leaves_each_organism_out() -> None:
    errors = np.array([0.1, -0.05, 0.02, 0.07, 0.0, 2.0])
    covered = 0
    for place, error in enumerate(errors):
        rest = [other for index, other in enumerate(errors) if index != place]
        scale = np.std(rest, ddof=1) * np.sqrt(1 + 1 / len(rest))
        low, high = stats.t.interval(0.9, len(rest) - 1, loc=np.mean(rest), scale=scale)
        covered += low <= error <= high
    assert left_out_coverage(errors) == covered == 5


def test_constant_errors_cover_themselves() -> None:
    assert left_out_coverage(np.full(6, 0.1)) == 6


def test_too_few_organisms_predict_nothing() -> None:
    found = prediction_interval(np.zeros(4))
    assert (found.estimate, found.reason) == (None, "fewer than 5 organisms: 4")


def test_organisms_are_matched_by_the_columns_named() -> None:
    organisms = ladder(MODES, (1, 2))
    errors = errors_of(organisms)
    pooled = one_row(known_errors(errors, []), instrument="half", effect=TIE)
    assert (pooled["estimate"], pooled["n"], pooled["covered"]) == (0.0, 8, 8)
    by_exposure = known_errors(errors, ["seen", "size"])
    found = one_row(by_exposure, instrument="half", effect=TIE, seen=True)
    assert (found["n"], found["reason"], found["size"]) == (4, "fewer than 5 organisms: 4", "tiny")
    assert pd.isna(found["covered"])


def test_missing_numbers_are_counted() -> None:
    organisms = ladder(MODES, (1, 2))
    means = measured(organisms, "m", lambda o: NAN if o.mediation == "direct" else 1.0)
    cells = sampled_twice(organisms, lambda o, effect, repeat: 0.0)
    found = one_row(
        known_errors(signed_errors(organisms, means, cells), []), instrument="m", effect=TIE
    )
    assert (found["n"], found["undefined"]) == (6, 2)
    assert found["estimate"] == pytest.approx(1 / 3)
