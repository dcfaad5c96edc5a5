"""A finished run, opened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import analyses
from scratchpad.errors import ConfigError, DataError, RunFolderError
from scratchpad.estimates import Estimate
from scratchpad.run_manifest import MANIFEST, SCHEMA
from scratchpad.runs import RunFolder

RECORD = {"estimate": 0.4, "low": 0.3, "high": 0.5, "n": 40}
HOSTILE = "<script>alert(1)</script>\x1b"


def run_of(path: Path, command: str, summary: dict[str, Any]) -> Path:
    folder = RunFolder.open(path, command, {})
    folder.write_table("outcomes", pd.DataFrame({"value": [0.5]}))
    folder.finish(summary)
    return path


def test_tables_and_estimates_go_by_name(tmp_path: Path) -> None:
    summary = {"cells": {"f01": RECORD}, "interventions": {"keep:0.5": {"effect": RECORD}}}
    run = analyses.open_run(run_of(tmp_path / "run", "ablate", summary))
    assert run.tables == ("outcomes",)
    assert run.table("outcomes")["value"].tolist() == [0.5]
    assert run.transcripts() == []
    assert run.estimate("cells.f01") == Estimate(0.4, 0.3, 0.5, 40)
    assert set(run.estimates()) == {"cells.f01", "interventions.keep:0.5.effect"}
    with pytest.raises(ConfigError, match="Did you mean 'cells"):
        run.estimate("cells.f10")
    with pytest.raises(ConfigError, match="Did you mean 'outcomes'"):
        run.table("outcome")


@pytest.mark.parametrize(
    ("command", "summary", "shown"),
    [
        ("ablate", {"cells": {"f01": RECORD}}, "f01  clean prompt, triggered scratchpad"),
        ("harden", {"before": {"benign_accuracy": RECORD}, "after": {}}, "benign answers right"),
        ("distill", {"before": {}, "after": {"probe_auroc": RECORD}}, "probe AUROC"),
        ("calibrate", {"metrics": {"emptied": {"error": RECORD}}}, "emptied"),
        ("persist", {"units": [
            {"arm": "cot", "method": "sft", "payload": "dense", "optimiser": "sgd", "seed": 1,
             "before": {"triggered_defection": RECORD}, "after": {}}
        ]}, "cot, sft, dense, sgd"),
        ("probe detect", {"auroc_minus_text": RECORD}, "auroc minus text"),
    ],
)  # fmt: skip
def test_a_notebook_shows_verdict_and_headline_numbers(
    command: str, summary: dict[str, Any], shown: str, tmp_path: Path
) -> None:
    told = {"verdict_text": HOSTILE, **summary}
    page = analyses.open_run(run_of(tmp_path / "run", command, told))._repr_html_()
    assert shown in page
    assert ".40 [.30, .50]" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\N{SYMBOL FOR ESCAPE}" in page
    assert "<script" not in page


def test_an_unfinished_run_is_refused(tmp_path: Path) -> None:
    RunFolder.open(tmp_path / "run", "ablate", {}).start()
    with pytest.raises(DataError) as caught:
        analyses.open_run(tmp_path / "run")
    assert str(caught.value) == (
        f"{tmp_path}/run is not a finished run: it holds no run.json that says so. Name a folder"
        " that a command wrote with --out, once it has come to its end."
    )


def test_a_run_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = run_of(tmp_path / "run", "ablate", {}) / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | {"schema": SCHEMA + 1}))
    with pytest.raises(RunFolderError, match="written by a newer version"):
        analyses.open_run(tmp_path / "run")
