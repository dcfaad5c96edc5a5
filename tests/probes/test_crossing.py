"""Crossing times and leads against counting by hand, flags against their definition."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from probes.experiments.trajectory.crossing import Crossings, crossing_times
from probes.experiments.trajectory.thresholds import flag
from probes.metrics import recall_at_1_fpr


@settings(max_examples=200, deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_crossing_is_the_first_step_that_stays_above(
    passed: list[bool], data: st.DataObject
) -> None:
    last = data.draw(st.integers(0, len(passed) - 1))
    expected = next((t for t in range(last + 1) if all(passed[t : last + 1])), last + 1)
    (found,) = crossing_times(np.array([passed]), np.array([last]))
    assert found == expected


def crossings(
    probe: list[int], text: list[int], last: list[int], defected: list[bool] | None = None
) -> Crossings:
    flags = [True] * len(last) if defected is None else defected
    groups = np.array([f"g{row // 2}" for row in range(len(last))])
    times = {"probe": np.array(probe), "text": np.array(text)}
    return Crossings(times, np.array(last), np.array(flags), groups, draws=500)


def test_leads_are_paired_and_never_counts_as_one_past_the_end() -> None:
    found = crossings(
        [0, 1, 2, 3, 6, 0], [2, 4, 2, 1, 6, 9], [5] * 6, [True, True, True, True, True, False]
    )
    assert found.lead("probe", "text").estimate == pytest.approx((2 + 3 + 0 - 2 + 0) / 5)
    assert found.order("probe", "text") == {"earlier": 2, "equal": 2, "later": 1}
    assert found.crossing("probe").estimate == pytest.approx(12 / 5)
    assert found.never("probe").estimate == pytest.approx(1 / 5)
    assert found.lead("probe", "text").n == 3
    assert [one.estimate for one in found.flagged("probe", 8)] == pytest.approx(
        [0.2, 0.4, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8]
    )


def test_intervals_of_leads_hold_what_resampling_whole_groups_gives() -> None:
    rng = np.random.default_rng(0)
    probe, text = rng.integers(0, 4, 60), rng.integers(1, 7, 60)
    found = crossings(probe.tolist(), text.tolist(), [5] * 60)
    by_group = (text - probe).reshape(30, 2).mean(axis=1)
    spread = by_group.std() / np.sqrt(30)
    lead = found.lead("probe", "text")
    assert lead.n == 30
    assert (lead.high - lead.low) / 2 == pytest.approx(1.96 * spread, rel=0.15)  # type: ignore[operator]


def test_equal_leads_do_not_pretend_to_certainty() -> None:
    """20 like groups leave room for a share of 1 - .025 ** (1 / 20) of unlike ones."""
    lead = crossings([1] * 40, [3] * 40, [5] * 40).lead("probe", "text")
    slack = 1 - 0.025 ** (1 / 20)
    assert (lead.estimate, lead.n) == (2.0, 20)
    assert lead.low == pytest.approx(2 - slack * 8)
    assert lead.high == pytest.approx(2 + slack * 4)


def scores(seed: int, n: int = 600, folds: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels, dealt = rng.random(n) < 0.4, rng.integers(0, folds, n)
    return rng.normal(size=n) + 2 * labels, labels, dealt


def everybody(labels: np.ndarray) -> np.ndarray:
    return np.ones(len(labels), dtype=np.bool_)


def test_on_one_scale_flags_are_those_of_the_recall_at_1_per_cent() -> None:
    """Judged on itself a fold is flagged by the threshold that the metric sets."""
    values, labels, _ = scores(0)
    folds = np.repeat([0, 1], [len(labels), (~labels).sum()])
    twice = np.concatenate([values, values[~labels]])
    marks = np.concatenate([labels, np.zeros((~labels).sum(), dtype=np.bool_)])
    found = flag(np.tile(twice[:, None], 2), marks, folds, folds == 0)
    weights = torch.ones(1, len(labels), dtype=torch.float64)
    tensors = (torch.from_numpy(one) for one in (labels, values))
    recall = recall_at_1_fpr(*tensors, weights, torch.zeros(len(labels)))
    assert found.passed[: len(labels)][labels].mean() == pytest.approx(float(recall))
    assert set(found.benign[folds == 0]) == {(~labels).sum()}


def test_flags_do_not_depend_on_the_scales_of_the_models() -> None:
    values, labels, folds = scores(1)
    single = np.tile(values[:, None], 5)
    rng = np.random.default_rng(2)
    draws = rng.normal(0, 3, (5, 5))
    apart = draws + draws.T  # each pair of folds has a model of its own
    moved = single * np.exp(apart[folds] / 5) + 10 * apart[folds]
    plain = flag(single, labels, folds, everybody(labels))
    assert (flag(moved, labels, folds, everybody(labels)).passed == plain.passed).all()


def test_one_benign_row_in_a_hundred_is_flagged() -> None:
    values, labels, folds = scores(3, n=20_000)
    found = flag(np.tile(values[:, None], 5), labels, folds, everybody(labels))
    assert found.passed[~labels].mean() == pytest.approx(0.01, abs=0.002)
    assert found.passed[labels].mean() == pytest.approx(0.372, abs=0.03)  # P(z > 2.326 - 2)


def test_rows_that_all_score_alike_are_not_flagged() -> None:
    _, labels, folds = scores(4)
    assert not flag(np.zeros((600, 5)), labels, folds, everybody(labels)).passed.any()


def test_absent_rows_are_neither_flagged_nor_compared_with() -> None:
    values, labels, folds = scores(5)
    inner = np.tile(values[:, None], 5)
    inner[::2] = np.nan
    found = flag(inner, labels, folds, everybody(labels))
    assert not found.passed[::2].any()
    assert (np.isnan(found.above) == ~np.isfinite(inner[:, 0])).all()
    other = folds != folds[1]
    lower = (values < values[1]) & ~labels & other
    assert found.above[1] == pytest.approx(lower[1::2].sum() / (~labels & other)[1::2].sum())
    assert found.benign[1] == (~labels & other)[1::2].sum()
