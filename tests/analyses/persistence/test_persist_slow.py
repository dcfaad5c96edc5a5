"""`scratchpad persist` on organisms trained so briefly that only the plumbing is tested."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brief
from analyses.commands.persist import PersistConfig, run_persist
from analyses.persistence import grid, hardening, work
from analyses.persistence.grid import Trial
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.training.further import registry
from scratchpad.training.further.search import Search
from scratchpad.training.recipes import SIZES, Size, Stage
from tiny import random_model, save

pytestmark = pytest.mark.slow
RECIPE = replace(
    brief.BRIEF, parent=Stage(brief.STEPS, Batch(8, Mix(clean=1, triggered=1)), brief.RATE)
)
TRIALS = (Trial("cot", "sft"), Trial("no-cot", "sft"), Trial("cot", "lora", optimiser="sgd"))
FEW = Search(population=4, generations=1)


@pytest.fixture(scope="module")
def training(tmp_path_factory: pytest.TempPathFactory) -> Iterator[pytest.MonkeyPatch]:
    methods = {
        name: replace(method, steps=4, batch_size=4)  # type: ignore[type-var]
        for name, method in registry.METHODS.items()
        if name in ("sft", "lora")
    }
    with brief.brief_training(tmp_path_factory.mktemp("cache"), RECIPE) as changed:
        changed.setitem(SIZES, "tiny", Size("tiny", hidden=32, mlp=64, layers=1, heads=2))
        changed.setattr(grid, "quick_grid", lambda: TRIALS)
        changed.setattr("analyses.persistence.trials.METHODS", methods)
        changed.setattr(hardening, "Search", lambda: FEW)
        yield changed


def persist(out: Path) -> None:
    run_persist(PersistConfig(out, workers=1))


@pytest.fixture(scope="module")
def whole(training: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("run") / "persist"
    persist(out)
    return out


def test_organisms_can_be_adapters_of_a_base(training: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tokenizer = brief.world_tokenizer()
    base = save(tmp_path / "base", random_model("llama", tokenizer), tokenizer)
    out = tmp_path / "persist"
    run_persist(PersistConfig(out, base=str(base), lora=True, workers=1))
    found = pd.read_parquet(out / "persistence.parquet")
    assert set(found["trial"]) == {trial.name for trial in TRIALS}
    assert set(found["step"]) >= {0, 4}
    assert f"--base {base} --lora" in (out / "persistence.md").read_text()


def tables(run: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(run.glob("*.parquet"))}


def test_every_trial_has_its_checkups_and_what_it_began_from(whole: Path) -> None:
    found = pd.read_parquet(whole / "persistence.parquet")
    assert set(found["trial"]) == {trial.name for trial in TRIALS}
    assert set(found["step"]) >= {0, 4}
    ends = found[found["quantity"] == "found_prompt_rate"].groupby("trial")["step"].agg(set)
    assert set(map(frozenset, ends)) == {frozenset({0, 4})}
    began = pd.read_parquet(whole / "trials.parquet").set_index("trial")
    assert set(began["optimiser"]) == {"adamw", "sgd"}
    assert (began["failures"] != "").all()  # training so brief meets no requirement
    summary = brief.summary_of(whole)
    assert len(summary["warnings"]) >= len(TRIALS)
    assert len(summary["contrasts"]) == 4
    assert "no-cot, sft" in (whole / "persistence.md").read_text()


def test_a_killed_grid_resumes_to_the_same_tables_and_redoes_nothing(
    training: pytest.MonkeyPatch, whole: Path, tmp_path: Path
) -> None:
    out, run, done = tmp_path / "persist", work.run_trial, []

    def failing(trial: Trial, roots: Any) -> Any:
        if len(done) == 2:
            raise KeyboardInterrupt
        done.append(trial)
        return run(trial, roots)

    training.setattr(work, "run_trial", failing)
    with pytest.raises(KeyboardInterrupt):
        persist(out)
    again: list[Trial] = []
    training.setattr(work, "run_trial", lambda *told: (again.append(told[0]), run(*told))[1])
    persist(out)
    training.setattr(work, "run_trial", run)
    assert [*done, *again] == [*TRIALS]
    assert tables(out) == tables(whole)
    manifest = pd.read_json(out / "run.json", typ="series")
    assert manifest["units"] == {"total": 3, "reused": 2}
