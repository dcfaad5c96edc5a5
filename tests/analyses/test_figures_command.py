"""`scratchpad figures`: several runs, pictures as asked for, and what is not drawn."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pandas import DataFrame

from analyses.commands.figures import FiguresConfig, run_figures
from analyses.commands.report import ReportConfig, run_report
from analyses.figures import FIGURES, Look, draw_figures
from scratchpad.errors import ConfigError, DataError, RunFolderError

# Those that have other rows and columns of panels on a slide.
DEALT_ANEW = (
    "calibration", "distillation", "effect-against-surprisal", "interventions", "persistence",
    "safety-training", "transfer-matrix",
)  # fmt: skip


def drawn(runs: list[Path], out: Path, **options: Any) -> Any:
    return run_figures(FiguresConfig(runs=runs, out=out, **options))


@pytest.fixture(scope="module")
def saved_runs(tmp_path_factory: pytest.TempPathFactory, outcomes: DataFrame) -> Path:
    """The folders `ablation` and `organism`, with as little as figures can be drawn from."""
    root = tmp_path_factory.mktemp("saved")
    number = {"estimate": 0.9, "low": 0.8, "high": 1.0, "n": 30}
    summary = {"cells": {"f11": number}, "verdict": "mediated", "total_indirect_effect": number}
    for name in ("ablation", "organism"):
        (root / name).mkdir()
    (root / "ablation" / "summary.json").write_text(json.dumps(summary))
    own = outcomes.query("intervention == 'transplant' and prompt_state == scratchpad_state")
    own.to_parquet(root / "ablation" / "outcomes.parquet")
    (root / "organism" / "organism.json").write_text("{}")
    return root


def test_one_run_goes_into_the_folder_and_says_what_is_missing(
    saved_runs: Path, tmp_path: Path
) -> None:
    result = drawn([saved_runs / "ablation"], tmp_path, format="png")
    summary = result.summary
    assert summary["figures"] == ["four-cells", "interventions"]
    assert summary["tables"] == ["ablation"]
    assert set(summary["skipped"]) == set(FIGURES) - {"four-cells", "interventions"}
    assert summary["skipped"]["filler"] == "the table has no rows of the intervention 'filler'"
    assert summary["skipped"]["roc"] == "no table scores"
    (lacking,) = (line for line in result.lines if line.startswith("skipped for want of a table"))
    assert "roc (scores)" in lacking
    kinds = {path.suffix for path in tmp_path.glob("four-cells.*")}
    assert kinds == {".png", ".csv", ".txt"}
    tables = {path.name for path in (tmp_path / "tables").iterdir()}
    assert tables == {"ablation.md", "ablation.tex"}


def test_several_runs_get_a_folder_each_and_stand_beside_each_other(
    saved_runs: Path, tmp_path: Path
) -> None:
    runs = [saved_runs / name for name in ("ablation", "organism", "ablation")]
    summary = drawn(runs, tmp_path, format="svg").summary
    assert list(summary["runs"]) == ["ablation", "organism", "ablation-2"]
    assert summary["figures"] == ["mediation-bars"]
    values = (tmp_path / "mediation-bars.csv").read_text().splitlines()
    assert values[1].startswith("ablation,total_indirect_effect,0.9,0.8,1,30")
    assert (tmp_path / "ablation-2" / "four-cells.svg").is_file()
    assert not list(tmp_path.rglob("*.png"))


def test_a_name_is_drawn_as_it_is_written(saved_runs: Path, tmp_path: Path) -> None:
    odd = tmp_path / "50 % of $a^{$ & <b>_x"
    shutil.copytree(saved_runs / "ablation", odd)
    drawn([odd, saved_runs / "ablation"], tmp_path / "out", format="svg")
    values = (tmp_path / "out" / "mediation-bars.csv").read_text().splitlines()
    assert values[1].startswith(f"{odd.name},total_indirect_effect,")
    assert (tmp_path / "out" / odd.name / "four-cells.svg").is_file()


def test_a_file_where_a_folder_belongs_is_a_user_error(saved_runs: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    for run in (
        lambda: drawn([saved_runs / "ablation"], tmp_path / "file", format="svg"),
        lambda: run_report(ReportConfig([saved_runs / "ablation"], tmp_path / "file" / "x.html")),
    ):
        with pytest.raises(RunFolderError, match="Cannot write"):
            run()
    assert (tmp_path / "file").read_text() == "kept"


def test_torch_stays_out(saved_runs: Path, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from analyses.commands.figures import *\n"
        f"runs = [Path({str(saved_runs / 'ablation')!r})]\n"
        f"run_figures(FiguresConfig(runs, Path({str(tmp_path)!r}), format='svg'))\n"
        "import analyses.report; print('torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
    assert (tmp_path / "four-cells.svg").is_file()


def test_a_width_and_a_style_change_the_page_and_the_type(outcomes: DataFrame) -> None:
    figure = FIGURES["interventions"]
    data = figure.data(outcomes)
    pages = {
        look: figure.draw(data, Look(*look))
        for look in (("column", "paper"), ("text", "paper"), ("slide", "talk"))
    }
    assert [page.get_figwidth() for page in pages.values()] == [3.35, 6.9, 12]
    assert [len(page.axes) for page in pages.values()] == [1, 2, 2]
    small, same, large = (page.axes[0].xaxis.label.get_size() for page in pages.values())
    assert (small, same, large) == (8, 8, 14)
    thin, thick = (pages[look].axes[0].lines[0] for look in list(pages)[1:])
    assert thick.get_markersize() == pytest.approx(1.75 * thin.get_markersize())


@pytest.mark.parametrize("name", DEALT_ANEW)
def test_a_talk_fits_its_slide(name: str, figure_tables: dict[str, DataFrame]) -> None:
    figure = FIGURES[name]
    page = figure.draw(
        figure.data(*(figure_tables[table] for table in figure.tables)), Look("slide", "talk")
    )
    page.draw_without_rendering()
    content, slack = page.get_tightbbox(), 0.03
    assert page.get_figheight() <= 7
    assert min(content.x0, content.y0) >= -slack
    assert content.x1 <= page.get_figwidth() + slack
    assert content.y1 <= page.get_figheight() + slack


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"format": "pdf,bmp"}, "Unknown format 'bmp'. Known: pdf, png, svg."),
        ({"format": " , "}, "No format is given. Give any of pdf, svg, png."),
        ({"width": "collumn"},
         "Unknown width 'collumn'. Did you mean 'column'? Known: column, slide, text."),
        ({"style": "wall"}, "Unknown style 'wall'. Did you mean 'talk'? Known: paper, talk."),
    ],
)  # fmt: skip
def test_unknown_options_name_the_known_ones(
    saved_runs: Path, tmp_path: Path, options: dict[str, str], words: str
) -> None:
    with pytest.raises(ConfigError) as error:
        drawn([saved_runs / "ablation"], tmp_path / "out", **options)
    assert str(error.value) == words
    assert not (tmp_path / "out").exists()


def test_older_tables_and_broken_folders_are_named(
    outcomes: DataFrame, saved_runs: Path, tmp_path: Path
) -> None:
    old = {"outcomes": outcomes.drop(columns="native_surprisal")}
    some = {name: FIGURES[name] for name in ("four-cells", "effect-against-surprisal")}
    found = draw_figures(some, old, tmp_path, formats=("svg",))
    assert found.names == ("four-cells",)
    assert found.skipped == {"effect-against-surprisal": "a table lacks a column: native_surprisal"}
    with pytest.raises(DataError) as error:
        drawn([tmp_path], tmp_path)
    assert str(error.value) == (
        f"{tmp_path} is not a finished run: it holds neither summary.json nor organism.json. "
        "Name the folder that a command wrote with --out."
    )
    new = tmp_path / "new"
    new.mkdir()
    (new / "run.json").write_text('{"schema": 2}')
    with pytest.raises(RunFolderError, match="was written by a newer version"):
        drawn([new], tmp_path)
    (new / "run.json").write_text('{"schema": 1')
    with pytest.raises(DataError, match=r"Cannot read .*run\.json"):
        drawn([new], tmp_path)
