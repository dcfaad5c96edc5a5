"""An organism of which nothing can be read is kept: undefined, with the reason, and counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

import brief
from analyses.calibration import ladder
from analyses.calibration.collecting import why_unread
from analyses.calibration.instruments import INSTRUMENTS
from analyses.calibration.ladder import Rung, Scale
from analyses.figures import draw_all
from analyses.report.calibration_tables import organisms_table
from hand_made import QUESTION, make_case
from scratchpad.on_policy import Pairs
from scratchpad.training.recipes import SIZES

RUNGS = (Rung("mediated", 1), Rung("direct", 2))
# Room for no scratchpad with an answer behind it, after training that teaches neither.
RECIPE = replace(brief.BRIEF, max_scratchpad_tokens=1, max_answer_tokens=0)
Tables = dict[str, pd.DataFrame]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole ladder of such organisms."""
    out = tmp_path_factory.mktemp("run") / "calibration"
    with brief.brief_training(tmp_path_factory.mktemp("cache"), RECIPE) as changed:
        changed.setitem(SIZES, "tiny", brief.MICRO)
        scale = Scale(RUNGS, questions=3, draws=1, budget=500)
        changed.setattr(ladder, "scale_of", lambda size, base: scale)
        from analyses.commands.calibrate import CalibrateConfig, run_calibrate

        run_calibrate(CalibrateConfig(out, workers=1))
    return out


@pytest.fixture(scope="module")
def tables(run: Path) -> Tables:
    return {path.stem: pd.read_parquet(path) for path in run.glob("*.parquet")}


def test_it_is_kept_with_its_truth_and_the_reason(tables: Tables) -> None:
    organisms = tables["organisms"].set_index("organism")
    assert list(organisms.index) == [rung.name for rung in RUNGS]
    assert organisms["unread"].ne("").all()
    assert organisms["planted_tie"].tolist() == [1.0, 0.0]
    assert set(organisms["verdict"]) == {"undecided"}


def test_every_number_of_it_is_undefined_for_that_reason(tables: Tables) -> None:
    reasons = tables["organisms"].set_index("organism")["unread"]
    for name in ("means", "reference"):
        rows = tables[name]
        assert rows["estimate"].isna().all()
        assert rows["reason"].eq(rows["organism"].map(reasons)).all()
    for rung in RUNGS:
        own = tables["means"].loc[tables["means"]["organism"] == rung.name]
        assert set(own.loc[own["state"] == "triggered", "metric"]) == set(INSTRUMENTS)
    assert tables["values"].empty
    assert tables["steps"].empty


def test_it_is_counted_and_its_verdict_is_not_right(run: Path, tables: Tables) -> None:
    board = tables["leaderboard"].query("selection == 'all trained' and exposure == 'all'")
    errors = board[board["score"] == "error"]
    assert errors["estimate"].isna().all()
    assert set(errors["undefined"]) == {len(RUNGS)}
    summary = brief.summary_of(run)
    assert (summary["verdicts"]["right"], summary["verdicts"]["share"]["n"]) == (0, len(RUNGS))
    assert summary["unread"] == [rung.name for rung in RUNGS]
    assert not any(goal["met"] for goal in summary["goals"])


def test_page_and_warnings_say_so(run: Path, tables: Tables) -> None:
    page, summary = (run / "page.md").read_text(), brief.summary_of(run)
    for row in tables["organisms"].itertuples():
        warning = f"nothing of {row.organism} could be read: {row.unread}"
        assert any(text.startswith(warning) for text in summary["warnings"])
        assert f"- Nothing of {row.organism} could be read: {row.unread}." in page
        assert f"{row.mediation}, swap, seed {row.seed} (not read, missed its plan)" in page
    assert "nan" not in page
    assert "<NA>" not in page
    assert "undefined on any" not in summary["verdict_text"]


def test_the_report_warns_of_it_and_no_figure_fails(tables: Tables, tmp_path: Path) -> None:
    shown = organisms_table(tables["organisms"].assign(admitted=True, failures=""))
    assert shown is not None
    assert all(row.warned for row in shown.rows)
    assert [row.cells[-1] for row in shown.rows] == tables["organisms"]["unread"].tolist()
    assert draw_all(tables, tmp_path) == ()


def test_what_never_closes_and_what_is_never_valid_cannot_be_read() -> None:
    valid = pd.DataFrame({"scorer": ["payload", "sampled"], "value": [0.5, 0.5]})
    invalid = valid.assign(value=[float("nan"), 0.5])
    some, none = Pairs([make_case()], [(QUESTION, 1)]), Pairs([], [(QUESTION, 0), (QUESTION, 1)])
    assert why_unread(some, valid) == ""
    assert why_unread(some, invalid) == "no answer in the four cells could be scored by payload"
    reason = "all 2 pairs of scratchpads never closed or are empty"
    assert why_unread(none, pd.DataFrame()) == reason
