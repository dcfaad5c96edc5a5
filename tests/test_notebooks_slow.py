"""The notebooks run, and find what the command line finds. Minutes; opt in with `-m slow`."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from nbclient import NotebookClient
from nbformat.v4 import new_code_cell

from planted import planted

pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("default")]
NOTEBOOKS = Path(__file__).parent.parent / "docs" / "notebooks"
CELLS = ("f00", "f01", "f10", "f11")


@pytest.fixture
def organism(monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = planted("mediated")
    monkeypatch.setenv("ORGANISM", str(folder))
    return folder


def found(notebook: str, expression: str) -> Any:
    """Run a notebook, and then an expression that JSON can hold."""
    content = nbformat.read(NOTEBOOKS / f"{notebook}.ipynb", as_version=4)
    last = new_code_cell(f"import json\nprint(json.dumps({expression}))")
    content.cells.append(last)
    where = {"metadata": {"path": str(NOTEBOOKS)}}
    NotebookClient(content, timeout=180, resources=where).execute()
    return json.loads(content.cells[-1].outputs[0]["text"])


def scratchpad(*arguments: str | Path) -> dict[str, Any]:
    command = [sys.executable, "-m", "scratchpad", *map(str, arguments), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    summary: dict[str, Any] = json.loads(done.stdout)
    return summary


def test_the_verdict_is_that_of_ablate(organism: Path, tmp_path: Path) -> None:
    verdict, cells = found("verdict", "[verdict, cells]")
    summary = scratchpad(
        "ablate", organism, "--limit", "40", "--draws", "1", "--samples", "0",
        "--with", "empty", "--device", "cpu", "--out", tmp_path / "run",
    )  # fmt: skip
    assert verdict == summary["verdict"] == "mediated"
    for name in CELLS:
        assert cells[name] == pytest.approx(summary["cells"][name], abs=1e-4), name


def test_the_probe_is_that_of_detect(organism: Path, tmp_path: Path) -> None:
    layers, text = found(
        "probe",
        "[{str(layer): one.to_json() for layer, one in by_layer.items()},"
        " {name: estimate(auroc, labels, one.held_out, folds, resamples).estimate"
        " for name, one in readers.items()}]",
    )
    scratchpad(
        "probe", "detect", organism, "--limit", "60", "--positions", "prompt-end,close",
        "--device", "cpu", "--out", tmp_path / "run",
    )  # fmt: skip
    probes, readers = (pd.read_parquet(tmp_path / "run" / f"{name}.parquet")
                       for name in ("probes", "readers"))  # fmt: skip
    here = probes[(probes["position"] == "prompt-end") & (probes["probe"] == "difference of means")]
    assert len(here) == len(layers) == 5
    for row in here.to_dict("records"):
        expected = {name: row[name] for name in ("estimate", "low", "high", "n") if name in row}
        expected |= {"estimate": row["auroc"]}
        assert layers[str(row["layer"])] == pytest.approx(expected, abs=1e-4)
    told = readers[readers["position"] == "prompt-end"].set_index("reader")["auroc"].to_dict()
    assert text == pytest.approx(told, abs=1e-6)
