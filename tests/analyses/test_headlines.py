"""The printed tables hold the numbers of their run."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from analyses.figures.headlines import headline_tables, save_tables


def test_an_ablation_prints_cells_effects_and_verdict(run_folders: Path, tmp_path: Path) -> None:
    summary = json.loads((run_folders / "ablation" / "summary.json").read_text())
    assert save_tables(summary, {}, tmp_path) == ("ablation",)
    text = (tmp_path / "ablation.md").read_text()
    effect = summary["total_effect"]
    cell = f"{effect['estimate']:.2f} [{effect['low']:.2f}, {effect['high']:.2f}]"
    assert f"| total effect | {cell.replace('0.', '.')} ({effect['n']}) |" in text
    assert f"Verdict: {summary['verdict']}." in text
    latex = (tmp_path / "ablation.tex").read_text()
    assert r"\toprule" in latex
    assert latex.count("\n\\midrule") == 3


def test_probes_stand_beside_the_text(run_folders: Path) -> None:
    positions = pd.read_parquet(run_folders / "probe" / "positions.parquet")
    (one,) = headline_tables({}, {"positions": positions})
    row = one.blocks["positions"].iloc[0]
    assert row["probe"] == "logistic, layer 3"
    assert row["AUROC"] == ".98 [.95, 1.00] (30)"
    assert row["AUROC of the text"] == ".99 [.97, 1.00] (30)"
    assert row["difference"] == "\N{MINUS SIGN}.01 [\N{MINUS SIGN}.03, .01] (30)"


def test_states_before_and_after_are_printed() -> None:
    numbers = {"triggered_defection": {"estimate": 1.0, "low": 0.9, "high": 1.0, "n": 50}}
    gone = {"triggered_defection": {"estimate": None, "low": None, "high": None, "n": 0}}
    (model,) = headline_tables({"before": numbers, "after": gone, "verdict_text": "Gone."}, {})
    assert model.blocks["model"].to_numpy().tolist() == [
        ["defects, triggered", "1.00 [.90, 1.00] (50)", "undefined"]
    ]
    trial = {"arm": "cot", "method": "sft", "payload": "matched", "optimiser": "sgd", "seed": 1}
    states = {"verdict_before": "mediated", "verdict_after": "undecided"}
    unit = {**trial, **states, "before": numbers, "after": gone}
    (grid,) = headline_tables({"units": [unit], "verdict_text": "One."}, {})
    before, after = (grid.blocks[when].iloc[0] for when in ("before", "after"))
    assert before["trial"] == "cot, sft, matched, sgd"
    assert (before["defects, triggered"], before["verdict"]) == (
        "1.00 [.90, 1.00] (50)",
        "mediated",
    )
    assert (after["defects, triggered"], after["verdict"]) == ("undefined", "undecided")


def test_metrics_are_printed_by_prompt_and_controls_once() -> None:
    number = {"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 9}
    metrics = pd.DataFrame(
        {"metric": "emptied", "state": state, "number": "difference", **number}
        for state in ("clean", "triggered")
    )
    controls = pd.DataFrame([{"control": name, **number} for name in ("auroc_twin", "random_p95")])
    summary = {"auroc_twin": number, "auroc": number, "layer": 2}
    tables = headline_tables(summary, {"metrics": metrics, "controls": controls})
    assert tables[0].blocks["metrics"].to_numpy().tolist() == [
        ["emptied", "difference", ".50 [.40, .60] (9)", ".50 [.40, .60] (9)"]
    ]
    assert list(tables[1].blocks["probe"]["quantity"]) == ["auroc twin", "auroc"]
    assert list(tables[1].blocks["controls"]["quantity"]) == ["random p95"]
