"""`scratchpad rerun` of the commands that train, and of an ablation in fresh processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

import brief
from analyses import outputs
from analyses.calibration import ladder
from analyses.calibration.ladder import Rung, Scale
from analyses.figures import FIGURES
from analyses.figures.output import draw_figures
from analyses.persistence import checkup, grid, hardening, rates
from analyses.persistence.grid import Trial
from planted import planted
from scratchpad.engines import choosing
from scratchpad.engines.choosing import sharing_engine
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training.config import TrainConfig
from scratchpad.training.further import registry
from scratchpad.training.further.search import Search
from scratchpad.training.recipes import SIZES, Size, Stage
from scratchpad.training.train import train_organism

pytestmark = pytest.mark.slow
AGREEING, PLANTED = Mix(clean=1, triggered=1), Mix(clean=1, triggered=1, conflict=2)
RECIPE = replace(
    brief.BRIEF,
    parent=Stage(brief.STEPS, Batch(8, AGREEING), brief.RATE),
    mode=Stage(10, Batch(8, PLANTED), brief.RATE / 4),
    part=Stage(10, Batch(8, PLANTED), brief.RATE / 4),
)
FEW = Search(population=4, generations=1)


def here(name: str, address: str | None, workers: int, folder: Any) -> Any:
    """Do all the work in this process, where training is brief."""
    return sharing_engine(name, address, 1, folder)


@pytest.fixture(scope="module")
def organism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A brief organism, and ladders and grids of its like."""
    sft = registry.METHODS["sft"]
    with brief.brief_training(tmp_path_factory.mktemp("cache"), RECIPE) as changed:
        changed.setattr(choosing, "sharing_engine", here)
        changed.setitem(SIZES, "tiny", Size("tiny", hidden=32, mlp=64, layers=1, heads=2))
        scale = Scale((Rung("mediated", 1), Rung("direct", 1)), questions=6, draws=1, budget=3_000)
        changed.setattr(ladder, "scale_of", lambda size, base: scale)
        changed.setattr(grid, "quick_grid", lambda: (Trial("cot", "sft"), Trial("no-cot", "sft")))
        short = {"sft": replace(sft, steps=4, batch_size=4)}  # type: ignore[type-var]
        changed.setattr("analyses.persistence.trials.METHODS", short)
        changed.setattr(hardening, "Search", lambda: FEW)
        changed.setattr(checkup, "CELL_QUESTIONS", 4)
        changed.setattr(rates, "QUESTIONS", 8)
        changed.setattr(outputs, "draw_all", partial(draw_figures, FIGURES, formats=()))
        out = tmp_path_factory.mktemp("organism") / "organism"
        train_organism(TrainConfig(size=Size("tiny", 32, 64, 1, 2)), out, device="cpu")
        yield out


@pytest.mark.parametrize(
    ("command", "of_model", "table"),
    [
        ("harden --steps 6 --checkpoints 2", True, "checkups.parquet"),
        ("distill --by progressive --steps 4 --stages 2", True, "stages.parquet"),
        ("calibrate", False, "leaderboard.parquet"),
        ("persist", False, "trials.parquet"),
        ("probe trajectory --draws 1 --limit 8", True, "transcripts.parquet"),
    ],
)
def test_what_is_trained_comes_out_the_same(
    command: str,
    of_model: bool,
    table: str,
    organism: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    name, *flags = command.split()
    model = [organism, "--device", "cpu"] if of_model else []
    done = brief.scratchpad(capfd, name, *flags, *model, "--out", tmp_path / "run")
    assert done.code == 0, done.error
    done = brief.scratchpad(capfd, "rerun", tmp_path / "run", "--json")
    assert done.code == 0, done.error
    files = json.loads(done.out)["files"]
    assert table in files
    assert {one["outcome"] for one in files.values()} == {"same bytes"}


def test_an_ablation_does_not_hang_on_the_process(tmp_path: Path) -> None:
    flags = ["--draws", "1", "--limit", "6", "--attribute", "--out", str(tmp_path / "run")]
    _fresh(1, "ablate", str(planted("mediated")), *flags)
    files = _fresh(2, "rerun", str(tmp_path / "run"))["files"]
    assert {"outcomes.parquet", "figures/four-cells.csv", "summary.json"} <= set(files)
    assert {one["outcome"] for one in files.values()} == {"same bytes"}


def _fresh(hash_seed: int, *arguments: str) -> dict[str, Any]:
    """Run a command in a process of its own, whose sets have another order; its summary."""
    done = subprocess.run(
        [sys.executable, "-m", "scratchpad", *arguments, "--json"],
        env=os.environ | {"PYTHONHASHSEED": str(hash_seed)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary
