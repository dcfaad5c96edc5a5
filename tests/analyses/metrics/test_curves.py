"""Areas over curves against areas found by hand."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas import DataFrame

from analyses.metrics import AddingMistakes, EarlyAnswering
from analyses.metrics.curves import area_over_curve
from scratchpad.interventions import Mistake
from scratchpad.statistics import Estimate
from toy_mediators import Row, edited, native, outcome, table, truncated

QUESTIONS = range(6)
SHARE = st.floats(0, 1)


def early(outcomes: DataFrame, state: str = "triggered") -> dict[str, Estimate]:
    return EarlyAnswering()(outcomes, "payload", 0)[state]


def test_one_deciding_step_is_an_area_up_to_half_a_step() -> None:
    rows = [truncated(lambda kept: float(kept > 2), question=q) for q in QUESTIONS]
    found = early(table(*rows))
    # same = 0 0 0 1 1 at shares 0 .25 .5 .75 1
    assert found["aoc"].estimate == pytest.approx(0.625)
    assert found["aoc"].n == 6
    assert found["same_at_50"].estimate == 0
    assert found["same_at_60"].estimate == pytest.approx(0.4)
    assert found["same_at_80"].estimate == 1


@pytest.mark.parametrize("f", [0.0, 0.9, 1.0])
def test_a_settled_answer_has_no_area_if_it_is_certain(f: float) -> None:
    found = early(table(*[truncated(lambda kept: f, question=q) for q in QUESTIONS]))
    assert found["aoc"].estimate == pytest.approx(min(f, 1 - f))


def test_a_logistic_curve_has_half_the_area_by_symmetry() -> None:
    def f(kept: int) -> float:
        return 1 / (1 + math.exp(-8 * (kept / 12 - 0.5)))

    found = early(table(*[truncated(f, steps=12, question=q) for q in QUESTIONS]))
    assert found["aoc"].estimate == pytest.approx(0.5)


def test_a_mixture_has_the_mean_area() -> None:
    late = [truncated(lambda kept: float(kept == 4), question=q) for q in (0, 1, 2)]
    settled = [truncated(lambda kept: 1.0, question=q) for q in (3, 4, 5)]
    assert early(table(*late, *settled))["aoc"].estimate == pytest.approx(0.875 / 2)


def test_tokens_not_steps_are_the_width() -> None:
    tokens = [0, 1, 10]
    rows = [
        row | ({"n_tokens": tokens[row["step_index"]]} if row["step_index"] is not None else {})
        for q in QUESTIONS
        for row in truncated(lambda kept: float(kept > 0), steps=2, question=q)
    ]
    assert early(table(rows))["aoc"].estimate == pytest.approx(0.05)


def test_the_original_class_is_the_clean_one_on_clean_rows() -> None:
    rows = [truncated(lambda kept: 1 - kept / 4, state=0, question=q) for q in QUESTIONS]
    outcomes = table(*rows)
    assert early(outcomes, "clean")["aoc"].estimate == pytest.approx(0.5)
    assert early(outcomes)["aoc"].reason == "no valid answers"


def test_draws_are_averaged_before_questions() -> None:
    one = [truncated(lambda kept: float(kept == 4), draw=draw) for draw in range(3)]
    other = truncated(lambda kept: 1.0, question=1)
    assert early(table(*one, other))["aoc"].estimate == pytest.approx(0.875 / 2)


def test_length_buckets_weighted_by_counts_give_the_area() -> None:
    lengths = [2, 2, 5, 5, 5, 12]
    rows = [
        truncated(lambda kept, n=n: float(kept == n), steps=n, question=q)
        for q, n in enumerate(lengths)
    ]
    found = early(table(*rows, truncated(lambda kept: float(kept == 12), steps=12, question=6)))
    by_length = [found[f"aoc_steps_{name}"].estimate for name in ("1_3", "4_6", "10_up")]
    assert by_length == pytest.approx([1 - 1 / 4, 1 - 1 / 10, 1 - 1 / 24])
    assert found["aoc"].estimate == pytest.approx(np.average(by_length, weights=[2, 3, 2]))
    assert found["aoc_steps_7_9"].reason == "no valid answers"


def test_an_invalid_end_counts_with_the_answers_it_knows_or_not_at_all() -> None:
    def f(kept: int) -> float | None:
        return None if kept == 0 else 1.0

    found = early(table(*[truncated(f, question=q) for q in QUESTIONS]))
    # An invalid answer is a defection in half of the probability that is on a known answer.
    assert found["aoc"].estimate == pytest.approx(0.0625)
    assert found["aoc_valid"].reason == "no valid answers"
    assert found["aoc_if_same"].estimate == 0
    assert found["aoc_if_changed"].estimate == pytest.approx(0.125)
    assert found["invalid_share"].estimate == pytest.approx(0.2)


def test_an_invalid_point_between_is_bridged() -> None:
    def f(kept: int) -> float | None:
        return None if kept == 1 else kept / 4

    found = early(table(*[truncated(f, question=q) for q in QUESTIONS]))
    assert found["aoc_valid"].estimate == pytest.approx(0.5)
    assert found["aoc"].estimate == pytest.approx(0.5 - 0.25 * 0.25)


def test_same_is_divided_by_a_known_coverage_and_says_where_it_is_not() -> None:
    rows = [truncated(lambda kept: 0.75, coverage=0.92, question=q) for q in QUESTIONS]
    known = early(table(*rows))
    assert known["aoc"].estimate == pytest.approx(0.25)
    assert known["coverage_known"].estimate == 1
    rows = [truncated(lambda kept: 0.75, coverage=0.92, question=q) for q in QUESTIONS]
    unknown = early(table(*rows).assign(coverage=np.nan, p_benign=np.nan))
    assert unknown["aoc"].estimate == pytest.approx(1 - 0.75 * 0.92)
    assert unknown["coverage_known"].estimate == 0


@given(st.lists(SHARE, min_size=1, max_size=8), st.lists(SHARE, min_size=2, max_size=9))
def test_an_area_is_a_share(steps: list[float], same: list[float]) -> None:
    n = min(len(steps) + 1, len(same))
    shares = np.concatenate([[0.0], np.sort(steps[: n - 1])])
    shares[-1] = 1.0
    area = area_over_curve(shares, np.array(same[:n]))
    assert -1e-12 <= area <= 1 + 1e-12
    assert area_over_curve(shares, np.sort(same[:n])) <= 1 - min(same[:n]) + 1e-12


def mistakes(**more: Any) -> list[Row]:
    """The answer goes where a mistake stands in the first two of four steps."""
    return list(edited("mistake", lambda step: float(step >= 2), **more))


def test_mistakes_follow_their_curve_and_several_rests_are_averaged() -> None:
    rows = [[native(question=q), *mistakes(question=q, resample=0)] for q in QUESTIONS]
    found = AddingMistakes()(table(*rows), "payload", 0)["triggered"]
    # same = 0 0 1 1 1 at 0 .25 .5 .75 1
    assert found["aoc"].estimate == pytest.approx(0.375)
    assert found["mean_change"].estimate == pytest.approx(0.5)
    kept = [list(edited("mistake", lambda step: 1.0, question=q, resample=1)) for q in QUESTIONS]
    both = AddingMistakes()(table(*rows, *kept), "payload", 0)["triggered"]
    assert both["aoc"].estimate == pytest.approx(0.375 / 2)


def test_mistakes_in_place_are_kept_apart() -> None:
    rows = [[native(question=q), *mistakes(question=q)] for q in QUESTIONS]
    in_place = [
        mistakes(question=q, arguments=Mistake.parse("in-place").arguments) for q in (0, 1, 2)
    ]
    outcomes = table(*rows, *in_place)
    assert AddingMistakes()(outcomes, "payload", 0)["triggered"]["aoc"].n == 6
    assert AddingMistakes(in_place=True)(outcomes, "payload", 0)["triggered"]["aoc"].n == 3


def test_a_first_step_without_a_mistake_holds_the_next_value() -> None:
    rows = [[native(question=q), outcome("mistake", 0.0, step=2, question=q)] for q in QUESTIONS]
    found = AddingMistakes()(table(*rows), "payload", 0)["triggered"]
    assert found["aoc"].estimate == pytest.approx(0.75)
    assert found["mean_change"].estimate == 1
