"""The printed leaderboard says what its table holds."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from pandas import DataFrame

from analyses.figures import leaderboard_rows, save_leaderboard
from analyses.figures.leaderboard import leaderboard_values

Tables = dict[str, DataFrame]


@pytest.fixture
def costs() -> DataFrame:
    return pd.DataFrame(
        {"metric": ["mirror", "flat"], "forward_tokens_per_question": [1234.4, 80.0],
         "questions": [40, 60]}
    )  # fmt: skip


def test_a_leaderboard_has_one_row_a_metric(calibration_tables: Tables, costs: DataFrame) -> None:
    rows = leaderboard_rows(calibration_tables["leaderboard"], costs)
    assert list(rows["metric"])[:3] == ["mirror", "part", "flat"]
    assert len(rows) == 7
    written = rows.set_index("metric").to_dict("index")
    assert written["mirror"] == {
        "error on (TIE, PIE)": ".10 [.05, .15] (6)",
        "concordance": ".75 [.70, .80] (6)",
        "D by transcript": ".60 [.55, .65] (6)",
        "D by organism": "\N{MINUS SIGN}.05 [\N{MINUS SIGN}.10, .00] (6)",
        "cost": "1,234",
    }
    assert written["part"]["error on (TIE, PIE)"] == ".20 [.15, .25] (6 of 8)"
    assert written["none"]["D by organism"] == written["none"]["cost"] == "undefined"
    seen = leaderboard_rows(calibration_tables["leaderboard"], costs, exposure="seen")
    assert set(seen["concordance"]) == {"undefined"}


def test_the_saved_leaderboard_holds_every_number(
    calibration_tables: Tables, costs: DataFrame, tmp_path: Path
) -> None:
    leaderboard = calibration_tables["leaderboard"]
    paths = save_leaderboard(leaderboard, costs, tmp_path)
    assert [path.name for path in paths] == [
        "leaderboard.md", "leaderboard.tex", "leaderboard.csv",
    ]  # fmt: skip
    values = pd.read_csv(paths[2])
    assert len(values) == 7 * 2 * 3
    assert values.columns.tolist() == leaderboard_values(leaderboard, costs).columns.tolist()
    for row in leaderboard.query("score == 'concordance' and exposure != 'seen'").itertuples():
        same = values.query(
            "metric == @row.metric and selection == @row.selection and exposure == @row.exposure"
        )
        assert same["concordance"].item() == row.estimate
    markdown, latex = (path.read_text() for path in paths[:2])
    assert markdown.count("| mirror | .10 [.05, .15] (6) |") == 4
    assert markdown.count("**organisms that did not**") == 2
    body = [line for line in latex.splitlines() if " & " in line]
    assert {line.count(" & ") for line in body} == {5}
    assert all(line.endswith(r" \\") for line in body)
    assert latex.count(r"\toprule") == latex.count(r"\bottomrule") == 2
    assert "$-$.05 [$-$.10, .00] (6)" in latex
    assert "95 \\% intervals" in latex


def test_an_empty_leaderboard_writes_nothing(
    calibration_tables: Tables, costs: DataFrame, tmp_path: Path
) -> None:
    empty = calibration_tables["leaderboard"].iloc[:0]
    assert leaderboard_rows(empty, costs).empty
    assert save_leaderboard(empty, costs, tmp_path) == ()
    assert list(tmp_path.iterdir()) == []
