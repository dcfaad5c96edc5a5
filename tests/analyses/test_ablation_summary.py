"""Summing up what could not be scored."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from analyses.intervention_summary import invalid_edits, summarise_interventions
from analyses.judgement import cell_table
from scratchpad.mediation import Mediation
from toy_mediators import Row, outcome


def test_no_greedy_pair_and_no_valid_row_are_undefined_cells(outcomes: pd.DataFrame) -> None:
    unscored = outcomes.assign(value=np.nan)
    for table in (pd.DataFrame(), unscored):
        mediation = Mediation.of(*cell_table(table, scorer="payload"), 0)
        cell = mediation.cell("f11")
        assert (cell.estimate, cell.n) == (None, 0)
        assert mediation.verdict() == "undecided"


def row(intervention: str, f: float | None, **more: Any) -> Row:
    return outcome(intervention, f, surprisal=1.0, native_surprisal=1.0, **more)


def summary(*rows: Row) -> Any:
    return summarise_interventions(pd.DataFrame(rows), scorer="payload", seed=0)


def cells(f10: float, f11: float, **more: Any) -> Iterator[Row]:
    for pad, f in enumerate((f10, f11)):
        yield row("transplant", f, pad=pad, **more)


def test_an_edit_is_compared_with_the_draw_that_it_was_made_of() -> None:
    rows = []
    for question in (0, 1):
        rows += [
            row("transplant", f, question=question, draw=draw) for draw, f in enumerate((1, 0))
        ]
        # Only one of the two scratchpads states a fact, and changing it changes nothing.
        rows.append(row("change-fact", 1.0, question=question, draw=0, step=0))
        unmade = row("change-fact", None, question=question, draw=1, step=0)
        rows.append(unmade | {"not_applicable": True})
    found = summary(*rows)["change-fact"]["triggered"]
    assert found["effect"]["estimate"] == 0
    assert (found["variants"], found["not_applicable"]) == (2, 2)


def test_a_swapped_scratchpad_is_compared_with_itself_after_the_same_prompt() -> None:
    rows: list[Row] = []
    for question in (0, 1):
        rows += cells(0.1, 0.9, question=question)
        rows += [row("cross-prompt", f, question=question, pad=pad)
                 for pad, f in enumerate((0.1, 0.9))]  # fmt: skip
        rows.append(row("relay", 0.3, question=question, pad=0))
    found = summary(*rows)
    assert found["cross-prompt"]["triggered"]["effect"]["estimate"] == 0
    assert abs(found["relay"]["triggered"]["effect"]["estimate"] - 0.2) < 1e-9


def test_unlearning_is_compared_with_the_answer_before_it() -> None:
    rows: list[Row] = []
    for question in (0, 1):
        rows += cells(0.1, 0.9, question=question)
        rows.append(row("unlearn", 0.4, question=question, step=0, value_before=0.7))
    effect = summary(*rows)["unlearn"]["triggered"]["effect"]
    assert abs(effect["estimate"] + 0.3) < 1e-9


def test_rests_that_never_closed_are_counted_apart() -> None:
    rows = [
        *cells(0.1, 0.9),
        row("resample", 0.9, step=0),
        row("resample", None, step=0, unterminated=True),
        row("mask", 0.9, arguments={"share": 0.5}),
        row("mask", 0.9, arguments={"share": 0.25}),
    ]
    found = summary(*rows)
    assert found["resample"]["triggered"]["variants"] == 1
    assert found["resample"]["triggered"]["unterminated"] == 1
    assert found["resample"]["triggered"]["invalid"] == 0
    assert {"mask", "mask:0.25"} <= set(found)


def test_edits_that_leave_no_known_answer_are_warned_of() -> None:
    rows: list[Row] = []
    for question in range(10):
        rows += cells(0.1, 0.9, question=question)
        rows.append(row("empty", 0.1, question=question))
        lost = question % 2 == 0
        rows.append(row("remove", None if lost else 0.1, question=question) | {"invalid": lost})
    assert invalid_edits(summary(*rows)) == ["invalid answers after edits: remove (50% triggered)"]
