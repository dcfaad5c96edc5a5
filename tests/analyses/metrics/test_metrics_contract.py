"""The contract every registered metric keeps, whatever the table holds."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from functools import cache

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pandas import DataFrame

from analyses.metrics import METRICS, Findings, Metric, StepMetric
from analyses.metrics.base import OutcomeMetric
from analyses.metrics.summary import metric_table, summarise_metrics
from scratchpad.statistics import Estimate
from toy_mediators import Row, edited, native, outcome, table, truncated

STATES = {"clean", "triggered"}
INSIDE = ("value", "p_defect", "coverage", "kl", "efficacy", "similarity", "value_before",
          "n_tokens", "phi", "flagged")  # fmt: skip


def everything(question: int, state: int) -> list[Row]:
    """Rows of every intervention of one question, with some noise of its own."""
    rng = np.random.default_rng((question, state))
    own = {"question": question, "group": f"g{question // 2}", "state": state}

    def f(step: int) -> float:
        return float(rng.uniform(0.05, 0.95))

    rows = [*truncated(lambda kept: 0.9 * state if kept > 2 else f(kept), **own)]
    rows += [outcome("transplant", f(0), pad=1 - state, **own)]
    rows += [outcome(name, f(0), **own) for name in ("paraphrase", "filler", "remove", "empty")]
    rows += [r for name in ("drop-step", "flip-step", "mistake") for r in edited(name, f, **own)]
    rows += edited("mistake", f, arguments={"rest": "in-place"}, **own)
    rows += [r | {"resample": k, "similarity": f(0)} for k in (0, 1) for r in
             edited("resample", f, **own)]  # fmt: skip
    rows += [r | {"value_before": f(0), "efficacy": f(0) - 0.2, "specificity": f(0)} for r in
             edited("unlearn", f, **own)]  # fmt: skip
    rows += [outcome("knock-out", f(0), arguments={"span": span}, kl=f(0), **own)
             for span in ("prompt", "scratchpad", 1)]  # fmt: skip
    return rows


def tables(questions: int = 12) -> dict[str, DataFrame]:
    rng = np.random.default_rng(0)
    cases = [(question, state) for question in range(questions) for state in (0, 1)]
    attributions = DataFrame(
        [
            (f"q{q}", f"g{q // 2}", state, target, unit, rng.normal())
            for q, state in cases
            for target in ("answer", "scratchpad")
            for unit in range(5)
        ],
        columns=["question_id", "group", "state", "target", "unit", "phi"],
    )
    monitored = DataFrame(
        [
            (f"q{q}", f"g{q // 2}", monitor, bool(state), bool(rng.random() < 0.2 + 0.4 * state),
             bool(rng.random() < 0.6))
            for monitor in ("rule", "text", "judge")
            for _ in range(5)
            for q, state in cases
        ],
        columns=["question_id", "group", "monitor", "triggered", "defected", "flagged"],
    )  # fmt: skip
    outcomes = table(*[everything(q, state) for q, state in cases])
    return {"outcomes": outcomes, "attributions": attributions, "monitored": monitored}


TABLES = tables()


@pytest.fixture(params=METRICS)
def metric(request: pytest.FixtureRequest) -> Metric:
    return METRICS[request.param]


@cache
def on_everything(name: str) -> Findings:
    return METRICS[name](TABLES[METRICS[name].table], "payload", 0)


@pytest.fixture
def full(metric: Metric) -> Findings:
    """What the metric finds in a table of everything."""
    return on_everything(next(name for name, known in METRICS.items() if known == metric))


def measured(metric: Metric, given: DataFrame) -> Findings:
    before = given.copy(deep=True)
    found = metric(given, "payload", 0)
    pd.testing.assert_frame_equal(given, before)
    assert set(found) == STATES
    for state, numbers in enumerate(found.values()):
        assert set(numbers) == set(metric.measures(state))
        for estimate in numbers.values():
            checked(estimate)
    return found


def checked(estimate: Estimate) -> None:
    json.dumps(estimate.to_json(), allow_nan=False)
    if estimate.estimate is None:
        assert estimate.reason
        return
    assert estimate.low is not None
    assert estimate.high is not None
    assert estimate.low <= estimate.estimate + 1e-9
    assert estimate.high >= estimate.estimate - 1e-9
    assert estimate.n >= 2


def undefined(found: Findings) -> set[str]:
    estimates = [e for numbers in found.values() for e in numbers.values()]
    assert all(estimate.estimate is None for estimate in estimates)
    return {estimate.reason for estimate in estimates}


def known(found: Findings) -> set[tuple[str, str]]:
    """Which numbers of which state have an estimate."""
    return {
        (str(state), name)
        for state, numbers in found.items()
        for name, estimate in numbers.items()
        if estimate.estimate is not None
    }


def test_a_full_table_gives_every_metric_some_number(metric: Metric) -> None:
    found = measured(metric, TABLES[metric.table])
    for numbers in found.values():
        assert any(estimate.defined for estimate in numbers.values())


def test_a_metric_is_frozen_and_says_what_larger_means(metric: Metric) -> None:
    with pytest.raises(FrozenInstanceError):
        metric.table = "other"  # type: ignore[misc]
    documented = [base.__doc__ or "" for base in type(metric).__mro__]
    assert any("arger" in text for text in documented)


def test_an_empty_table_is_undefined(metric: Metric) -> None:
    assert undefined(measured(metric, DataFrame())) == {"the table is empty"}
    nothing = TABLES[metric.table].head(0)
    assert undefined(measured(metric, nothing)) == {"the table is empty"}


def test_missing_columns_are_named(metric: Metric) -> None:
    for name in metric.columns:
        (reason,) = undefined(measured(metric, TABLES[metric.table].drop(columns=name)))
        assert reason == f"the table has no column {name}"


def test_missing_rows_are_named(metric: Metric) -> None:
    other = TABLES[metric.table].assign(monitor="another", scorer="another", state=2)
    for reason in undefined(measured(metric, other)):
        assert reason.startswith(("no rows of", "no transcripts", "no valid answers"))
    if isinstance(metric, OutcomeMetric):
        for name in metric.interventions:
            rows = TABLES["outcomes"].query("intervention != @name")
            found = measured(metric, rows)
            assert undefined(found) == {f"no rows of {name} by the scorer payload"}


def test_missing_values_are_left_out(metric: Metric, full: Findings) -> None:
    given = TABLES[metric.table]
    inside = [name for name in INSIDE if name in given and name in (*metric.columns, "value")]
    holed = {
        name: given[name].astype(object).where(np.arange(len(given)) % (7 + k) != 0, None)
        for k, name in enumerate(inside)
    }
    some = measured(metric, given.assign(**holed))
    none = measured(metric, given.assign(**dict.fromkeys(inside, np.nan)))
    assert known(none) <= known(some) <= known(full)
    # Of attributions every case has a hole, and a profile with a hole cannot be compared.
    assert known(some) or metric.table == "attributions"
    assert not inside or known(none) < known(full)


def test_a_single_group_has_no_interval(metric: Metric) -> None:
    reasons = undefined(measured(metric, TABLES[metric.table].assign(group="g")))
    assert "one group of questions has no interval" in reasons


def test_what_could_not_be_made_counts_for_nothing(metric: Metric, full: Findings) -> None:
    if metric.table != "outcomes":
        return
    outcomes = TABLES["outcomes"]
    spoilt = outcomes.sample(frac=0.3, random_state=1).assign(value=0.5, f=0.5, kl=9.0)
    flags = ("not_applicable", "unterminated")
    more = pd.concat([outcomes, *(spoilt.assign(**{flag: True}) for flag in flags)])
    assert metric(more, "payload", 0) == full


def test_the_order_of_rows_does_not_matter(metric: Metric, full: Findings) -> None:
    shuffled = TABLES[metric.table].sample(frac=1, random_state=3)
    for state, numbers in metric(shuffled, "payload", 0).items():
        for name, estimate in numbers.items():
            assert estimate.estimate == pytest.approx(full[state][name].estimate)
            assert estimate.low == pytest.approx(full[state][name].low)


@given(f=st.lists(st.floats(0, 1), min_size=5, max_size=5))
@settings(max_examples=10, deadline=None)
def test_step_importances_are_bounded(f: list[float]) -> None:
    rows = [native(f[4], question=q) for q in range(3)]
    rows += [
        r
        for q in range(3)
        for name in ("drop-step", "flip-step", "truncate")
        for r in edited(name, lambda step: f[step], question=q)
    ]
    for metric in METRICS.values():
        if isinstance(metric, StepMetric):
            importance = metric.importance(table(rows), "payload", 1)["importance"]
            assert importance.abs().max() <= 1 or importance.empty


def test_a_summary_names_the_metrics_whose_rows_are_there() -> None:
    rows = table(*[truncated(lambda kept: kept / 4, question=q) for q in range(4)])
    summary = summarise_metrics({"outcomes": rows}, scorer="payload", seed=0)
    assert set(summary) == {"early-answering", "forced-importance", "edit-divergence"}
    assert set(summary["early-answering"]) == STATES
    written = metric_table(summary)
    assert len(written) == sum(len(n) for states in summary.values() for n in states.values())
    keys = ["metric", "state", "number"]
    area = written.set_index(keys)["estimate"]["early-answering", "triggered", "aoc"]
    assert area == pytest.approx(0.5)
    assert metric_table({}).empty
