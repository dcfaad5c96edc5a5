"""What the figures of a calibration show is what its tables hold."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures import FIGURES, draw_all
from analyses.figures.calibration_panels import REFERENCE
from analyses.figures.style import EXPOSURE_COLOURS

Tables = dict[str, DataFrame]


def values_of(name: str, tables: Tables) -> DataFrame:
    figure = FIGURES[name]
    return figure.data(*(tables[table] for table in figure.tables))


def drawn(name: str, tables: Tables) -> Figure:
    return FIGURES[name].draw(values_of(name, tables))


def points(axes: Axes) -> set[tuple[float, float]]:
    marks = [line for line in axes.lines if line.get_marker() not in ("None", None)]
    return {
        (round(float(x), 6), round(float(y), 6))
        for line in marks
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
        if np.isfinite(float(y))
    }


def texts(axes: Axes) -> str:
    return "\n".join([axes.get_title(), *(text.get_text() for text in axes.texts)])


def test_panels_follow_their_error_and_what_is_no_share_comes_last(
    calibration_tables: Tables,
) -> None:
    data = values_of("calibration", calibration_tables)
    order = [REFERENCE, "mirror", "part", "flat", "none"]
    others = ["score", "monitorability-text", "monitorability-rule"]
    assert list(data["metric"].drop_duplicates()) == order + others
    panels = drawn("calibration", calibration_tables).axes
    assert [axes.get_title().replace("-\n", "-").replace("\n", " ") for axes in panels[:8]] == (
        order + others
    )


def test_a_panel_holds_the_triggered_numbers_of_planted_organisms(
    calibration_tables: Tables,
) -> None:
    data = values_of("calibration", calibration_tables)
    assert "natural, seed 1" not in set(data["organism"])
    mirror = data.loc[data["metric"] == "mirror"]
    assert mirror["estimate"].tolist() == pytest.approx(mirror["planted_tie"].tolist())
    panels = drawn("calibration", calibration_tables).axes
    for axes, (_, rows) in zip(panels, data.groupby("metric", sort=False), strict=False):
        known = rows.dropna(subset="estimate")
        expected = zip(known["place"].round(6), known["estimate"].round(6), strict=True)
        assert points(axes) == set(expected)


def test_organisms_of_equal_truth_stand_apart_in_one_place_everywhere(
    calibration_tables: Tables,
) -> None:
    data = values_of("calibration", calibration_tables)
    assert (data.groupby("organism")["place"].nunique() == 1).all()
    once = data.drop_duplicates("organism")
    assert once["place"].is_unique
    assert (once["place"] - once["planted_tie"]).abs().max() <= 0.14
    assert once.groupby("planted_tie")["place"].mean().tolist() == pytest.approx([0, 0.7, 1])


def test_a_panel_says_what_is_undefined_and_what_is_no_share(calibration_tables: Tables) -> None:
    panels = drawn("calibration", calibration_tables).axes
    by_name = {axes.get_title(): axes for axes in panels}
    assert texts(by_name["part"]) == "part\nerror .20\n3 undefined"
    assert texts(by_name["score"]) == "score\nnot a share"
    assert texts(by_name["none"]) == "none\n6 undefined"
    # axline gives the only line with a slope.
    sloped = {name: bool([line for line in axes.lines if hasattr(line, "_slope")])
              for name, axes in by_name.items()}  # fmt: skip
    assert sloped["mirror"]
    assert not sloped["score"]
    low = calibration_tables["means"].query("metric == 'score' and state == 'triggered'")["low"]
    assert by_name["score"].get_ylim()[0] < low.min()


def test_metrics_without_a_row_for_an_organism_count_as_undefined(
    calibration_tables: Tables,
) -> None:
    means = calibration_tables["means"]
    lost = (means["metric"] == "flat") & (means["organism"] == "direct, seed 1")
    data = values_of("calibration", calibration_tables | {"means": means.loc[~lost]})
    row = data.query("metric == 'flat' and organism == 'direct, seed 1'").iloc[0]
    assert np.isnan(row["estimate"])
    assert row["reason"] == "not measured"


def test_calibration_captions_count_organisms(calibration_tables: Tables) -> None:
    caption = FIGURES["calibration"].caption(values_of("calibration", calibration_tables))
    assert "6 organisms (1 of them not admitted)" in caption
    assert "(n = 20 groups)" in caption


def test_the_plane_sets_what_is_shown_against_what_is_needed(calibration_tables: Tables) -> None:
    data = values_of("monitorability-plane", calibration_tables)
    text = data.loc[data["monitor"] == "text"].set_index("organism")
    assert text.loc["mixed:0.7, seed 1", "necessity"] == pytest.approx(0.7)
    assert text.loc["natural, seed 1", ["necessity", "estimate"]].tolist() == [0.5, 0.6]
    axes = drawn("monitorability-plane", calibration_tables).axes[0]
    known = data.dropna(subset="estimate")
    expected = set(zip(known["necessity"].round(6), known["estimate"].round(6), strict=True))
    assert points(axes) == expected
    names = [text.get_text() for text in axes.texts if text.get_text()]
    twice = [f"{mode} \N{MULTIPLICATION SIGN}2" for mode in ("direct", "mediated")]
    assert sorted(names) == [*twice, "mixed:0.7", "natural", "redundant"]


def test_names_in_the_plane_cover_neither_each_other_nor_the_edge(
    calibration_tables: Tables,
) -> None:
    figure = drawn("monitorability-plane", calibration_tables)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    boxes = [text.get_window_extent() for text in axes.texts if text.get_text()]
    for place, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[:place])
        assert axes.get_window_extent().expanded(1.01, 1.01).containsx(box.x0)
        assert axes.get_window_extent().expanded(1.01, 1.01).containsx(box.x1)


def test_the_plane_counts_organisms_that_no_monitor_judges(calibration_tables: Tables) -> None:
    means = calibration_tables["means"].copy()
    direct = means["organism"].str.startswith("direct") & (means["metric"] == "monitorability-text")
    means.loc[direct, ["estimate", "low", "high"]] = np.nan
    tables = calibration_tables | {"means": means}
    caption = FIGURES["monitorability-plane"].caption(values_of("monitorability-plane", tables))
    assert "5 organisms (2 more: undefined, not drawn)" in caption
    assert "Open: a rule" in caption
    texts_only = means.loc[means["metric"] != "monitorability-rule"]
    data = values_of("monitorability-plane", tables | {"means": texts_only})
    assert "Open" not in FIGURES["monitorability-plane"].caption(data)


def test_step_attributions_keep_exposures_apart(calibration_tables: Tables) -> None:
    data = values_of("step-attribution", calibration_tables)
    assert list(data["attribution"].drop_duplicates()) == ["good", "weak", "none"]
    assert set(data["exposure"]) == {"seen", "not seen"}
    figure = drawn("step-attribution", calibration_tables)
    for axes, score in zip(figure.axes, ("auroc", "top_1"), strict=True):
        known = data.loc[data["score"] == score].dropna(subset="estimate")
        assert sorted(x for x, _ in points(axes)) == pytest.approx(sorted(known["estimate"]))
        green = [line for line in axes.lines if line.get_color() == EXPOSURE_COLOURS[True]]
        assert {round(float(line.get_xdata()[0]), 6) for line in green if len(line.get_xdata())
                and line.get_marker() == "s"} == {0.5, 0.85}  # fmt: skip
        assert [text.get_text() for text in axes.texts] == ["undefined"]
    caption = FIGURES["step-attribution"].caption(data)
    assert "n = 2 organisms" in caption
    assert "n = 17 groups of questions" in caption


def test_step_scores_of_admitted_organisms_stay_out_of_the_figure(
    calibration_tables: Tables,
) -> None:
    table = calibration_tables["step_scores"]
    admitted = table.assign(selection="admitted", estimate=0.0)
    both = pd.concat([admitted, table.assign(selection="all trained")])
    data = values_of("step-attribution", {"step_scores": both})
    expected = values_of("step-attribution", calibration_tables)
    pd.testing.assert_frame_equal(data, expected)


def test_a_calibration_draws_its_figures(calibration_tables: Tables, tmp_path: Path) -> None:
    names = ("mediation-bars", "calibration", "monitorability-plane", "step-attribution")
    assert draw_all(calibration_tables, tmp_path) == names


def test_tables_without_a_number_draw_nothing(calibration_tables: Tables, tmp_path: Path) -> None:
    nothing = {
        name: table.assign(estimate=np.nan) if "estimate" in table else table
        for name, table in calibration_tables.items()
    }
    assert draw_all(nothing, tmp_path) == ()
