"""What other tools read of an export equals what the run's tables hold, hostile text included."""

from __future__ import annotations

import builtins
import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest

import brief
from analyses.commands.export import ExportConfig, run_export
from analyses.labels import labels
from scratchpad.errors import ScratchpadError
from scratchpad.runs import RunFolder
from scratchpad.tables import transcript_row
from scratchpad.transcripts import Transcript

HOSTILE = '\x00\x1b[31m\u202e</script><b>\r\n\x85\u2028,"=1+1"\t\''
QUESTIONS, DRAWS = 4, 2
GONE = {"estimate": None, "low": None, "high": None, "n": 0, "reason": "none valid"}
SUMMARY: dict[str, Any] = {
    "verdict": "mediated",
    "verdict_text": "Mediated.",
    "scorer": "payload",
    "total_effect": {"estimate": 0.97, "low": 0.9, "high": 0.99, "n": 2},
    "cells": {"f00": {"estimate": 0.01, "low": 0.0, "high": 0.03, "n": 2}, "f0e": GONE},
    "interventions": {
        "truncate:0.5": {"clean": {"effect": {"estimate": 0.2, "low": 0.1, "high": 0.3, "n": 2}}}
    },
    "warnings": [HOSTILE],
}


def transcripts() -> list[Transcript]:
    """Two draws of every prompt; one is not judged, one never closed, one has no scratchpad."""
    made = [
        Transcript(
            id=f"q{q}-{state}-{draw}", question_id=f"q{q}", prompt=f"{'tag ' * state}ask {q}",
            scratchpad=f"{HOSTILE} {q}", answer=f"{HOSTILE}{state}", triggered=bool(state),
            defected=bool(state), scratchpad_ids=(q, state), meta={"draw": draw},
        )
        for q in range(QUESTIONS) for draw in range(DRAWS) for state in (0, 1)
    ]  # fmt: skip
    odd = {"defected": None, "scratchpad": None, "scratchpad_ids": None}
    made[0] = Transcript(**{**vars(made[0]), **odd})
    made[1] = Transcript(**{**vars(made[1]), "unterminated": True, "answer": ""})
    return made


@pytest.fixture(scope="module")
def ablation(
    tmp_path_factory: pytest.TempPathFactory, make_outcomes: Callable[..., pd.DataFrame]
) -> Path:
    """A finished run of hostile transcripts."""
    root = tmp_path_factory.mktemp("export")
    questions = root / "questions.jsonl"
    rows = [
        {"question_id": f"q{q}", "clean": f"ask {q}", "triggered": f"tag ask {q}",
         "benign_answers": [f"right {q}", "too"]}
        for q in range(QUESTIONS)
    ]  # fmt: skip
    questions.write_text("".join(json.dumps(row) + "\n" for row in rows))
    told = {"model": "m", "questions": str(questions), "out": root / "run", "payload": None}
    folder = RunFolder.open(root / "run", "ablate", told)
    folder.start()
    folder.write_table("transcripts", pd.DataFrame(map(transcript_row, transcripts())))
    table = make_outcomes(questions=QUESTIONS, draws=DRAWS, invalid_share=0.3)
    assert table["value"].isna().any()
    folder.write_table("outcomes", table)
    folder.manifest |= {"seconds": 3.0, "finished": True}
    folder.write_json("run.json", folder.manifest)
    (folder.path / "summary.json").write_text(json.dumps(SUMMARY))
    return folder.path


def export(run: Path, to: str, out: Path) -> dict[str, int]:
    rows: dict[str, int] = run_export(ExportConfig(run, to, out)).summary["rows"]
    return rows


@pytest.fixture(scope="module")
def log(ablation: Path) -> Any:
    from inspect_ai.log import read_eval_log

    out = ablation.parent / "logs" / "one.eval"
    assert export(ablation, "inspect", out) == {"samples": 2 * QUESTIONS * DRAWS}
    assert [path.name for path in out.parent.iterdir()] == ["one.eval"]
    return read_eval_log(out)


def test_inspect_reads_the_same_texts(log: Any) -> None:
    assert (log.status, log.eval.model, log.eval.task) == ("success", "m", "scratchpad ablate")
    assert log.eval.metadata["verdict_text"] == "Mediated."
    by_id = {sample.id: sample for sample in log.samples}  # a log is read in an order of its own
    assert len(by_id) == len(transcripts())
    for told in transcripts():
        sample = by_id[told.id]
        question, answer = sample.messages
        assert (sample.id, sample.input, question.text) == (told.id, told.prompt, told.prompt)
        reasoning = [part.reasoning for part in answer.content if part.type == "reasoning"]
        assert reasoning == ([] if told.scratchpad is None else [told.scratchpad])
        assert (answer.text, sample.output.completion) == (told.answer, told.answer)
        assert sample.output.stop_reason == ("max_tokens" if told.unterminated else "stop")
        assert sample.target == [f"right {told.question_id[1:]}", "too"]
        assert sample.metadata["triggered"] == told.triggered
        score = (sample.scores or {}).get("defected")
        assert (score and score.value) == told.defected


def test_inspect_scores_are_means_of_the_outcomes(log: Any, ablation: Path) -> None:
    table = pd.read_parquet(ablation / "outcomes.parquet")
    table["label"] = labels(table)
    table["id"] = table.apply(
        lambda row: f"{row['question_id']}-{row['scratchpad_state']}-{row['draw']}", axis=1
    )
    headline = table[(table["scorer"] == "payload") & table["value"].notna()]
    own = headline["prompt_state"] == headline["scratchpad_state"]
    name = headline["label"].where(own, headline["label"] + ", other prompt")
    expected = headline["value"].groupby([headline["id"], name]).mean().to_dict()
    found = {
        (sample.id, name): score.value
        for sample in log.samples
        for name, score in sample.scores.items()
        if name != "defected"
    }
    assert len(found) > 50
    assert found == pytest.approx(expected)
    kept = {sample.id: len(sample.metadata["outcomes"]) for sample in log.samples}
    assert kept == table.groupby("id").size().to_dict()


def test_inspect_metrics_are_the_estimates_of_the_summary(log: Any) -> None:
    scores = {score.name: score for score in log.results.scores}
    effect = scores["estimates"].metrics["total_effect"]
    assert (effect.value, effect.metadata) == (0.97, {"low": 0.9, "high": 0.99, "n": 2})
    assert scores["truncate:0.5"].metrics["clean effect"].value == 0.2
    assert list(scores["cells"].metrics) == ["f00"]
    assert scores["cells"].metadata == {"undefined": {"f0e": "none valid"}}
    assert {name: one.value for name, one in scores["defected"].metrics.items()} == {
        "clean": 0.0, "triggered": 1.0
    }  # fmt: skip


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows with every kind of missing value as None, and lists as lists."""
    return [
        {
            str(name): list(value) if hasattr(value, "__len__") and not isinstance(value, str)
            else None if pd.isna(value) else value
            for name, value in row.items()
        }
        for row in table.to_dict("records")
    ]  # fmt: skip


def test_datasets_and_parquet_hold_typed_copies(ablation: Path, tmp_path: Path) -> None:
    import datasets

    rows = export(ablation, "datasets", tmp_path / "d")
    assert rows == export(ablation, "parquet", tmp_path / "p")
    loaded = {name: datasets.load_from_disk(tmp_path / "d" / name) for name in rows}
    kinds = {name: feature.dtype for name, feature in loaded["outcomes"].features.items()}
    assert (kinds["step_index"], kinds["value"], kinds["invalid"]) == ("int64", "float64", "bool")
    assert loaded["transcripts"].features["defected"].dtype == "bool"
    assert loaded["transcripts"].features["scratchpad_ids"].feature.dtype == "int64"
    for name in ("transcripts", "outcomes"):
        held = rows_of(pd.read_parquet(ablation / f"{name}.parquet"))
        assert loaded[name].to_list() == held
        assert pq.read_table(tmp_path / "p" / f"{name}.parquet").to_pylist() == held
    assert [row["key"] for row in loaded["estimates"]] == [
        "total_effect", "cells.f00", "cells.f0e", "interventions.truncate:0.5.clean.effect"
    ]  # fmt: skip
    assert loaded["estimates"][2] == {"key": "cells.f0e", **GONE}


def test_csv_keeps_hostile_text_and_tells_absent_from_empty(ablation: Path, tmp_path: Path) -> None:
    export(ablation, "csv", tmp_path / "c")
    with (tmp_path / "c" / "transcripts.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    for row, told in zip(found, transcripts(), strict=True):
        assert (row["prompt"], row["answer"]) == (told.prompt, told.answer)
        assert row["scratchpad"] == (told.scratchpad or "")
        ids = told.scratchpad_ids
        assert row["scratchpad_ids"] == ("" if ids is None else json.dumps(list(ids)))
    raw = (tmp_path / "c" / "transcripts.csv").read_text(encoding="utf-8")
    assert '"q0-0-0","q0","ask 0",,' in raw
    assert ',"",true,true,true,' in raw


@pytest.mark.parametrize("to", ["inspect", "datasets", "parquet", "csv"])
def test_nothing_is_overwritten(to: str, ablation: Path, tmp_path: Path) -> None:
    out = tmp_path / "there.eval"
    out.write_text("precious")
    with pytest.raises(ScratchpadError) as caught:
        export(ablation, to, out)
    assert str(caught.value) == (
        f"{out} exists: an export overwrites nothing. Choose another --out."
    )
    assert out.read_text() == "precious"


def test_what_cannot_be_exported_is_one_clear_line(
    ablation: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    empty = RunFolder.open(tmp_path / "empty", "calibrate", {})
    empty.finish({})
    fix = " Name a folder of `scratchpad sample`, `ablate`, `import` or `probe`."
    cases: list[tuple[Path, str, str, str]] = [
        (ablation, "inspct", "x", "Unknown format 'inspct'. Did you mean 'inspect'?"),
        (ablation, "inspect", "x", f"{tmp_path}/x is no name of a log."),
        (empty.path, "csv", "x", f"{empty.path} holds neither transcripts nor outcomes: it is a"
         f" run of 'calibrate'.{fix}"),
        (empty.path, "inspect", "x.eval", f"{empty.path} holds no transcripts: it is a run of"
         f" 'calibrate'.{fix}"),
        (tmp_path, "csv", "x", f"{tmp_path} is not a finished run: it holds no run.json that says"
         " so."),
    ]  # fmt: skip
    for run, to, out, message in cases:
        done = brief.scratchpad(capfd, "export", run, "--to", to, "--out", tmp_path / out)
        assert (done.code, done.line.startswith(f"Error: {message}")) == (2, True), done.line
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


@pytest.mark.parametrize(("to", "module"), [("inspect", "inspect_ai"), ("datasets", "datasets")])
def test_what_is_not_installed_is_named(
    to: str, module: str, ablation: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    load = builtins.__import__

    def absent(name: str, *told: Any) -> Any:
        if name.partition(".")[0] == module:
            raise ImportError(f"No module named {module!r}")
        return load(name, *told)

    monkeypatch.setattr(builtins, "__import__", absent)
    with pytest.raises(ScratchpadError) as caught:
        export(ablation, to, tmp_path / "x.eval")
    assert str(caught.value) == (
        f"Exporting to {to} needs more packages: No module named {module!r}. Install them: pip"
        " install 'scratchpad-faithfulness[export]'."
    )
    assert not list(tmp_path.iterdir())
