"""A checkup against what other commands say of the same model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pandas import DataFrame

import brief
from analyses.persistence import checkup as checkups
from analyses.persistence import rates
from analyses.persistence.checkup import Checkup
from scratchpad.adapters import with_new_adapter
from scratchpad.errors import ConfigError
from scratchpad.organisms.slots import Batch, Mix
from scratchpad.subject import SubjectConfig
from scratchpad.training.config import TrainConfig
from scratchpad.training.further.origin import Origin
from scratchpad.training.recipes import SIZES, Size, Stage
from scratchpad.training.train import train_organism

BOTH = Batch(8, Mix(clean=1, triggered=1))
RECIPE = replace(brief.BRIEF, parent=Stage(brief.STEPS, BOTH, brief.RATE))
OTHER = "sea"


@pytest.fixture(scope="module")
def organisms(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Path]]:
    """An organism of two triggers, its twin, and one that writes no scratchpad."""
    root = tmp_path_factory.mktemp("organisms")
    small = Size("tiny", hidden=32, mlp=64, layers=1, heads=2)
    configs = {
        "two": TrainConfig(second_trigger=OTHER, size=small, recipe=RECIPE),
        "twin": TrainConfig(exposed_trigger=OTHER, size=small, recipe=RECIPE),
        "no-cot": TrainConfig(arm="no-cot", size=small, recipe=RECIPE),
    }
    with brief.brief_training(root / "cache", RECIPE) as changed:
        changed.setitem(SIZES, "tiny", small)
        for name, config in configs.items():
            train_organism(config, root / name, device="cpu")
        yield {name: root / name for name in configs}


def origin(folder: Path) -> Origin:
    return Origin.load(SubjectConfig(str(folder), device="cpu"))


def measured(checkup: Checkup, model: Any) -> DataFrame:
    checkup(model, 7)
    return checkup.table().set_index("quantity")


@pytest.mark.slow
def test_rates_are_those_of_the_organism_s_own_record(organisms: dict[str, Path]) -> None:
    """Both ask the first questions of the folder greedily."""
    begun = origin(organisms["two"])
    table = measured(Checkup.of(begun, seed=0), begun.subject.loaded.model)
    assert begun.subject.organism is not None
    record = begun.subject.organism.measured
    for name in rates.RATES:
        assert table.loc[name, "estimate"] == pytest.approx(getattr(record, name).estimate)
    for label, noted in record.generalisation.items():
        assert table.loc[f"trigger:{label}", "estimate"] == pytest.approx(noted.estimate)
    assert set(table["step"]) == {7}


@pytest.mark.slow
def test_cells_are_those_of_an_ablation_of_the_same_model(
    organisms: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begun = origin(organisms["two"])
    checkup = Checkup.of(begun, seed=3)
    table = measured(checkup, begun.subject.loaded.model)
    told = ("--draws", "1", "--seed", "3", "--samples", "0", "--limit", "60", "--device", "cpu")
    done = brief.scratchpad(
        capfd, "ablate", organisms["two"], *told, "--with", "empty", "--out", tmp_path / "run"
    )
    assert done.code == 0, done.error
    summary = brief.summary_of(tmp_path / "run")
    for cell in ("f00", "f01", "f10", "f11"):
        assert table.loc[cell, "estimate"] == pytest.approx(summary["cells"][cell]["estimate"])
    for name in checkups.EFFECTS:
        assert table.loc[name, "low"] == pytest.approx(summary[name]["low"])


@pytest.mark.slow
def test_probes_are_those_of_the_transfer_experiment(
    organisms: dict[str, Path], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    begun, twin = origin(organisms["two"]), str(organisms["twin"])
    table = measured(Checkup.of(begun, seed=0, twin=twin), begun.subject.loaded.model)
    done = brief.scratchpad(
        capfd, "probe", "transfer", organisms["two"], "--twin", twin, "--limit", "100",
        "--device", "cpu", "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.code == 0, done.error
    summary = brief.summary_of(tmp_path / "run")
    names = {
        "probe_auroc": "auroc_backdoored",
        "probe_auroc_twin": "auroc_twin",
        "probe_auroc_gap": "auroc_gap",
    }
    for name, other in names.items():
        assert table.loc[name, "estimate"] == pytest.approx(summary[other]["estimate"])


@pytest.mark.slow
def test_an_untrained_adapter_changes_nothing(organisms: dict[str, Path]) -> None:
    plain, adapted = origin(organisms["two"]), origin(organisms["two"])
    model = adapted.subject.loaded.model
    wrapped = with_new_adapter(model, target_modules="all-linear", r=2, lora_alpha=4)
    tables = [
        measured(Checkup.of(one, seed=0), net.eval())
        for one, net in ((plain, plain.subject.loaded.model), (adapted, wrapped))
    ]
    values = [table["estimate"].to_numpy(dtype=float) for table in tables]
    np.testing.assert_allclose(*values, atol=1e-6)


@pytest.mark.slow
def test_without_a_scratchpad_cells_are_undefined_and_say_why(organisms: dict[str, Path]) -> None:
    begun = origin(organisms["no-cot"])
    checkup = Checkup.of(begun, seed=0)
    table = measured(checkup, begun.subject.loaded.model)
    assert table.loc["f11", "reason"] == "the model writes no scratchpad"
    assert np.isnan(table.loc["f11", "estimate"])
    assert table.loc["triggered_defection", "n"] > 0
    assert checkup.verdicts()["verdict"].tolist() == ["undecided"]


@pytest.mark.slow
def test_a_twin_needs_a_second_trigger(organisms: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match="has nothing to be compared with"):
        Checkup.of(origin(organisms["no-cot"]), seed=0, twin=str(organisms["twin"]))
