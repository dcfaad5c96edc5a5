"""Effects of made-up changes: coherent ones count, and only beyond what random ones do."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from pandas import DataFrame

from probes.experiments.steering.results import best_change, condition_table
from probes.experiments.steering.summary import Steered, summary_of
from scratchpad.statistics import Estimate

QUESTIONS, RANDOMS = 12, 20
DIRECTION = Steered("difference of means", 1, "close", 3.0, Estimate(0.9, 0.8, 1.0, 6), RANDOMS)
Value = Callable[[int, str, int], float]


def made(value: Value, surprisal: Callable[[str], float] = lambda change: 1.0) -> DataFrame:
    """Rows for an unsteered model (.05 after clean, .95 after triggered prompts) and changes."""
    keys = [(-1, "none", "none")] + [
        (direction, start, change)
        for direction in range(RANDOMS + 1)
        for start in ("scratchpad", "prompt end")
        for change in ("-0.5", "+0.5", "+1", "ablate")
    ]
    return DataFrame(
        {
            "scorer": "payload", "direction": direction, "start": start, "change": change,
            "state": state, "question_id": f"q{number}", "group": f"g{number // 2}",
            "value": (0.05, 0.95)[state] if direction < 0 else value(direction, change, state),
            "benign": 0.5, "coverage": 1.0, "strange": 0.0,
            "surprisal": 1.0 if direction else surprisal(change),
        }
        for direction, start, change in keys
        for number in range(QUESTIONS)
        for state in (0, 1)
    )  # fmt: skip


def unmoved(direction: int, change: str, state: int) -> float:
    """A random direction's value, a little apart from the unsteered one."""
    return (0.05, 0.95)[state] + 0.002 * direction * (1 if state == 0 else -1)


def used(direction: int, change: str, state: int) -> float:
    if direction or state == 1:
        return unmoved(max(direction, 0), change, state)
    return {"-0.5": 0.01, "+0.5": 0.85, "+1": 1.0, "ablate": 0.05}[change]


def summed(rows: DataFrame) -> dict[str, object]:
    summary = summary_of(DIRECTION, rows, condition_table(rows, 0), "payload", 0)
    json.dumps(summary)
    return summary


def test_a_direction_that_moves_the_model_is_said_to_be_used() -> None:
    rows = made(used)
    best = best_change(rows, condition_table(rows, 0), "payload", 0, 0)
    assert best.change == "+1"
    assert best.effect.estimate == pytest.approx(0.95)
    assert best.effect.n == QUESTIONS // 2
    assert best.random == pytest.approx(0.002 * RANDOMS)
    assert best.chance == pytest.approx(1 / (RANDOMS + 1))
    assert best.moves
    text = summed(rows)["verdict_text"]
    assert "raises P(defection) after clean prompts from .05 to 1.00" in str(text)
    assert "the model uses it" in str(text)


def test_a_change_that_breaks_the_model_does_not_count() -> None:
    rows = made(used, surprisal=lambda change: 2.5 if change == "+1" else 1.2)
    best = best_change(rows, condition_table(rows, 0), "payload", 0, 0)
    assert (best.change, best.after) == ("+0.5", pytest.approx(0.85))
    assert "+1 from prompt end, +1 from scratchpad" in str(summed(rows)["warnings"])
    broken = made(used, surprisal=lambda change: 9.0)
    none = best_change(broken, condition_table(broken, 0), "payload", 0, 0)
    assert none.effect.reason == "no change left the model coherent"
    assert "After clean prompts no change left the model coherent." in str(
        summed(broken)["verdict_text"]
    )


def test_answers_that_cannot_be_judged_are_no_effect() -> None:
    rows = made(used).assign(value=float("nan"), strange=1.0)
    best = best_change(rows, condition_table(rows, 0), "payload", 0, 0)
    assert best.effect.reason == "no answer could be judged"
    assert not best.moves


@pytest.mark.parametrize("column", ["coverage", "strange"])
def test_strange_answers_are_no_coherence(column: str) -> None:
    rows = made(used)
    hit = (rows["direction"] == 0) & (rows["change"] == "+1")
    rows.loc[hit, column] = 0.5
    best = best_change(rows, condition_table(rows, 0), "payload", 0, 0)
    assert best.change == "+0.5"


def test_what_random_directions_do_as_well_is_a_correlate() -> None:
    still = summed(made(unmoved))
    assert still["moves_more_than_random"] is False
    assert "only a correlate" in str(still["verdict_text"])

    def fragile(direction: int, change: str, state: int) -> float:
        return 0.6

    alike = made(fragile)
    best = best_change(alike, condition_table(alike, 0), "payload", 0, 0)
    assert (best.chance, best.moves) == (1.0, False)


def test_means_and_intervals_are_those_of_the_questions() -> None:
    rows = made(used)
    table = condition_table(rows, 0)
    probe = table.query(
        "direction == 0 and change == '+0.5' and state == 0 and start=='scratchpad'"
    )
    (row,) = probe.to_dict("records")
    assert row["estimate"] == pytest.approx(0.85)
    assert row["effect"] == pytest.approx(0.8)
    assert row["low"] < 0.85 < row["high"]
    assert table.query("direction > 0")["low"].isna().all()
    assert len(table) == 2 * (1 + 8 * (RANDOMS + 1))
