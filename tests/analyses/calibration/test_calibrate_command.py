"""`scratchpad calibrate` on organisms trained so briefly that only the plumbing is tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brief
from analyses.calibration import ladder, units
from analyses.calibration.instruments import CELLS, INSTRUMENTS, REPEAT, sources
from analyses.calibration.ladder import Rung, Scale
from analyses.commands.calibrate import REQUIRED
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training.config import TrainConfig
from scratchpad.training.recipes import RECIPES, SIZES, Size, Stage
from scratchpad.training.train import train_organism

RUNGS = (Rung("mediated", 1), Rung("direct", 1), Rung("driver:2", 1))
# One that writes nothing that can be read.
UNREAD = Rung("mediated", 1, behaviour="code-vulnerability")
# Those, and one that is fine-tuned from a base.
ORGANISMS = len(RUNGS) + 2
AGREEING, PLANTED = Mix(clean=1, triggered=1), Mix(clean=1, triggered=1, conflict=2)
RECIPE = replace(
    brief.BRIEF,
    parent=Stage(brief.STEPS, Batch(8, AGREEING), brief.RATE),
    mode=Stage(10, Batch(8, PLANTED), brief.RATE / 4),
    part=Stage(10, Batch(8, PLANTED), brief.RATE / 4),
)
# Forty seconds of one core; what the command puts together is tested piece by piece.
pytestmark = pytest.mark.slow
TABLES = {
    "organisms", "reference", "policies", "means", "values", "steps", "costs", "leaderboard",
    "step_scores", "chosen_metrics", "chosen_attributions", "known_errors", "confusion",
    "verdict_scores", "reference_scores", "error_sources", "metric_costs", "compared", "carried",
}  # fmt: skip


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    with brief.brief_training(tmp_path_factory.mktemp("cache"), RECIPE) as changed:
        changed.setitem(RECIPES, UNREAD.behaviour, brief.BRIEF)
        changed.setitem(SIZES, "tiny", Size("tiny", hidden=32, mlp=64, layers=1, heads=2))
        base = tmp_path_factory.mktemp("base") / "base"
        train_organism(TrainConfig(mediation="clean"), base, device="cpu")
        tuned = Rung("mediated", 1, base=str(base))
        scale = Scale((*RUNGS, UNREAD, tuned), questions=6, draws=1, budget=3_000)
        changed.setattr(ladder, "scale_of", lambda size, base: scale)
        yield changed


def calibrate(capfd: pytest.CaptureFixture[str], out: Path, *more: str) -> brief.Ended:
    return brief.scratchpad(capfd, "calibrate", "--workers", "1", "--out", out, *more)


@pytest.fixture(scope="module")
def finished(training: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A whole run, killed once on the way, where units of another organism lie too."""
    out, taken = tmp_path_factory.mktemp("run") / "calibration", units.take
    before = iter(range(5))

    def failing(*arguments: Any) -> units.Done:
        if next(before, None) is None:
            raise KeyboardInterrupt
        return taken(*arguments)

    from analyses.commands.calibrate import CalibrateConfig, run_calibrate

    training.setattr(units, "take", failing)
    with pytest.raises(KeyboardInterrupt):
        run_calibrate(CalibrateConfig(out, workers=1))
    training.setattr(units, "take", taken)
    stale = pd.DataFrame({"organism": ["of yesterday"], "seconds": [1.0]})
    for folder in ("units", "units/costs", "units/seconds"):
        stale.to_parquet(out / folder / "an-organism.of-another-hash.truncate.parquet")
    run_calibrate(CalibrateConfig(out, workers=1))
    return out


def test_every_table_is_there_and_no_organism_is_left_out(finished: Path) -> None:
    tables = {path.stem: pd.read_parquet(path) for path in finished.glob("*.parquet")}
    assert set(tables) == TABLES
    names = set(tables["organisms"]["organism"])
    assert {rung.name for rung in RUNGS} < names
    assert len(names) == ORGANISMS
    for name in ("means", "costs", "reference"):
        assert set(tables[name]["organism"]) == names
    for name in ("values", "steps"):
        assert set(tables[name]["organism"]) == names - {UNREAD.name}
    assert set(tables["means"]["metric"]) == set(INSTRUMENTS)
    assert (tables["means"]["estimate"].notna() | tables["means"]["reason"].ne("")).all()


def test_a_budget_is_kept_and_counted(finished: Path) -> None:
    costs = pd.read_parquet(finished / "costs.parquet")
    assert set(costs["source"]) == {"transcripts", *sources()}
    # Of the four cells there is every question whose scratchpads can be scored.
    scored = costs[costs["source"] == CELLS].set_index("organism")["questions"]
    over = costs[(costs["questions"] < costs["organism"].map(scored)) & ~costs["source"].isin(
        ["monitor", REPEAT]
    )]  # fmt: skip
    assert (over["forward_tokens"] >= 3_000).all()
    resampled = costs[costs["source"] == "resample"]
    assert (resampled["questions"] < 6).all()


def test_one_that_cannot_be_read_stays_beside_the_others(finished: Path) -> None:
    organisms = pd.read_parquet(finished / "organisms.parquet").set_index("organism")
    assert organisms.index[organisms["unread"].ne("")].tolist() == [UNREAD.name]
    means = pd.read_parquet(finished / "means.parquet")
    unread = means["organism"] == UNREAD.name
    assert means.loc[unread, "reason"].eq(organisms.loc[UNREAD.name, "unread"]).all()
    assert means.loc[~unread, "estimate"].notna().any()
    board = pd.read_parquet(finished / "leaderboard.parquet")
    errors = board.query("exposure == 'all' and selection == 'all trained' and score == 'error'")
    assert (errors["undefined"] >= 1).all()
    assert "could be read" in (finished / "page.md").read_text()


def test_the_driver_is_marked_on_its_organism_alone(finished: Path) -> None:
    steps = pd.read_parquet(finished / "steps.parquet")
    drivers = steps[steps["driver"]]
    assert set(drivers["organism"]) <= {RUNGS[2].name}
    assert set(drivers["kind"]) <= {"inference"}


def test_the_manifest_says_what_was_reused(finished: Path) -> None:
    summary = brief.summary_of(finished)
    assert summary["organisms"] == ORGANISMS
    assert any("missed its plan" in warning for warning in summary["warnings"])
    assert all(isinstance(goal["met"], bool) for goal in summary["goals"])
    manifest = pd.read_json(finished / "run.json", typ="series")
    assert manifest["units"]["reused"] == 5
    assert manifest["units"]["total"] == ORGANISMS * (len(sources()) + 1)


def test_a_finished_run_gives_its_summary_and_another_seed_is_refused(
    finished: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = (finished / "summary.json").read_bytes()
    done = calibrate(capfd, finished, "--workers", "2")
    assert done.code == 0
    assert "forward tokens an intervention takes no further" in done.out
    gated = calibrate(capfd, finished, "--require", "organisms>=99", "--require", "budget>0")
    assert (gated.code, gated.line) == (
        3, f"Error: organisms>=99 is not met: {ORGANISMS}. See the summary."
    )  # fmt: skip
    assert set(REQUIRED) <= set(brief.summary_of(finished))
    refused = calibrate(capfd, finished, "--seed", "1")
    assert refused.code == 2
    assert "another configuration" in refused.line
    assert (finished / "summary.json").read_bytes() == before


def test_two_runs_of_one_seed_give_the_same_tables(
    finished: Path, tmp_path: Path, training: pytest.MonkeyPatch
) -> None:
    from analyses.commands.calibrate import CalibrateConfig, run_calibrate

    run_calibrate(CalibrateConfig(tmp_path / "again", workers=1))
    for name in TABLES:
        file = f"{name}.parquet"
        assert (finished / file).read_bytes() == (tmp_path / "again" / file).read_bytes(), name


def test_the_page_names_every_organism_and_metric(finished: Path) -> None:
    page = (finished / "page.md").read_text()
    for words in (*INSTRUMENTS, "mediated, swap, seed 1", "driver:2, swap, seed 1", "## Goals"):
        assert words in page
    assert "nan" not in page


def test_the_leaderboard_is_written(finished: Path) -> None:
    board = pd.read_csv(finished / "leaderboard.csv")
    assert set(board["metric"]) == set(INSTRUMENTS)
    assert "\\toprule" in (finished / "leaderboard.tex").read_text()


def test_a_fine_tuned_organism_is_compared_with_the_tiny_one(finished: Path) -> None:
    carried = pd.read_parquet(finished / "carried.parquet")
    assert set(carried["route"]) <= {"full"}
    assert "full" in set(pd.read_parquet(finished / "organisms.parquet")["route"])
    known = pd.read_parquet(finished / "known_errors.parquet")
    assert {"scratch", "full"} <= set(known["route"])
