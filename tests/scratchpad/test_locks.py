"""One process at a time writes a folder: tried with real processes."""

from __future__ import annotations

import json
import os
import platform
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import pytest

from scratchpad.errors import RunFolderError
from scratchpad.locks import lock, locked, unlock
from scratchpad.runs import RunFolder

# Begins a run when told to, says how that went, and goes on until its input ends.
WRITER = """
import sys
from pathlib import Path
from scratchpad.errors import RunFolderError
from scratchpad.runs import RunFolder
print("ready", flush=True)
sys.stdin.readline()
try:
    RunFolder.open(Path(sys.argv[1]), "sample", {"seed": 0}).start()
    print("writes", flush=True)
except RunFolderError as error:
    print(error, flush=True)
sys.stdin.readline()
"""


def writers(folder: Path, count: int) -> list[subprocess.Popen[str]]:
    """Processes that wait for a line before they begin the same run."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    call = [sys.executable, "-c", WRITER, str(folder)]
    begun = [subprocess.Popen(call, **pipes) for _ in range(count)]  # type: ignore[call-overload]
    assert all(said(one) == "ready" for one in begun)
    return begun


def said(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def tell(processes: Sequence[subprocess.Popen[str]]) -> list[str]:
    """Let processes go on; gives what each says to it."""
    for one in processes:
        assert one.stdin
        one.stdin.write("\n")
        one.stdin.flush()
    return [said(one) for one in processes]


def end(process: subprocess.Popen[str]) -> None:
    process.communicate("\n")


def test_the_second_process_refuses_and_a_killed_one_leaves_nothing_to_clear(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    (holder,) = writers(run, 1)
    assert tell([holder]) == ["writes"]
    since = json.loads((run / ".lock").read_text())["since"]
    before = {path: path.read_bytes() for path in run.iterdir()}
    with pytest.raises(RunFolderError) as error:
        RunFolder.open(run, "sample", {"seed": 0})
    assert str(error.value) == (
        f"{run} is being written: by scratchpad sample, process {holder.pid} on {platform.node()}"
        f" since {since}. Wait for it to end, or choose another --out."
    )
    assert {path: path.read_bytes() for path in run.iterdir()} == before
    holder.send_signal(signal.SIGKILL)
    end(holder)
    assert (run / ".lock").exists()
    again = RunFolder.open(run, "sample", {"seed": 0})
    again.start()
    assert json.loads((run / ".lock").read_text())["process"] == os.getpid()
    again.finish({})
    assert sorted(path.name for path in run.iterdir()) == ["run.json", "summary.json"]


def test_of_many_that_find_the_lock_of_a_dead_one_a_single_one_takes_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    (killed, *others) = writers(run, 5)
    assert tell([killed]) == ["writes"]
    killed.send_signal(signal.SIGKILL)
    end(killed)
    answers = tell(others)
    assert answers.count("writes") == 1
    assert sum("is being written" in answer for answer in answers) == len(others) - 1
    for one in others:
        end(one)
    assert not (run / ".lock").exists()


def test_what_another_machine_has_locked_is_refused_and_says_what_to_remove(
    tmp_path: Path,
) -> None:
    owner = {"command": "ablate", "process": 7, "host": "elsewhere", "since": "2026-01-02 03:04:05"}
    (tmp_path / ".lock").write_text(json.dumps(owner))
    for _ in range(2):
        with pytest.raises(RunFolderError) as error:
            RunFolder.open(tmp_path, "ablate", {})
        assert str(error.value) == (
            f"{tmp_path} was locked: by scratchpad ablate, process 7 on elsewhere since 2026-01-02 "
            f"03:04:05; whether that process still runs cannot be known on {platform.node()}. "
            f"If it has ended, remove {tmp_path / '.lock'}."
        )
    assert json.loads((tmp_path / ".lock").read_text()) == owner
    (tmp_path / ".lock").unlink()
    RunFolder.open(tmp_path, "ablate", {}).finish({})


@pytest.mark.parametrize("left", ["", "{", "[]", '{"process": 3}'])
def test_a_lock_whose_owner_was_killed_while_signing_is_free(left: str, tmp_path: Path) -> None:
    (tmp_path / ".lock").write_text(left)
    RunFolder.open(tmp_path, "ablate", {}).finish({})
    assert not (tmp_path / ".lock").exists()


def test_a_run_killed_after_all_but_its_lock_is_cleared_when_it_is_looked_at(
    tmp_path: Path,
) -> None:
    RunFolder.open(tmp_path, "ablate", {}).finish({})
    (tmp_path / "units").mkdir()
    (tmp_path / ".lock").write_text("")
    assert RunFolder.open(tmp_path, "ablate", {}).finished
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run.json", "summary.json"]


def test_who_begins_late_does_not_begin_anew_what_another_has_finished(tmp_path: Path) -> None:
    late = RunFolder.open(tmp_path / "run", "sample", {})
    first = RunFolder.open(tmp_path / "run", "sample", {})
    first.start()
    first.finish({"verdict": "direct"})
    with pytest.raises(RunFolderError, match="the same command again: it gives the summary"):
        late.start()
    assert RunFolder.open(tmp_path / "run", "sample", {}).summary() == {"verdict": "direct"}


def test_of_processes_that_train_together_the_main_one_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "1")
    with locked(tmp_path / "organism", "train"):
        assert not list(tmp_path.iterdir())
    monkeypatch.setenv("RANK", "0")
    with locked(tmp_path / "organism", "train"), locked(tmp_path / "organism", "train"):
        assert [path.name for path in tmp_path.iterdir()] == [".organism.lock"]
    assert not list(tmp_path.iterdir())


def test_a_forked_process_holds_nothing(tmp_path: Path) -> None:
    lock(tmp_path, tmp_path / ".lock", "sample")
    child = os.fork()
    if not child:
        unlock(tmp_path / ".lock")
        os._exit(0)
    os.waitpid(child, 0)
    assert (tmp_path / ".lock").exists()
    unlock(tmp_path / ".lock")


def test_a_run_killed_between_any_two_writes_ends_alike(tmp_path: Path) -> None:
    """Every rename in turn is the last thing that an attempt comes to."""
    whole = tmp_path / "whole"
    work(whole)
    expected = contents(whole)
    replace, count = os.replace, 0
    for last in range(100):
        run = tmp_path / f"killed-{last}"
        count = 0

        def dying(source: str, target: str, last: int = last) -> None:
            nonlocal count
            if count == last:
                raise KeyboardInterrupt
            count += 1
            replace(source, target)

        with pytest.MonkeyPatch.context() as changed:
            changed.setattr(os, "replace", dying)
            try:
                work(run)
            except KeyboardInterrupt:
                unlock(run / ".lock")
            else:
                break
        work(run)
        assert contents(run) == expected
    assert count == last >= 7


def work(path: Path) -> None:
    """A command in small: three units, a table, a summary."""
    folder = RunFolder.open(path, "toy", {})
    if folder.finished:
        return
    folder.start()
    for number in range(3):
        if f"{number}" not in folder.finished_units():
            folder.write_unit(f"{number}", pd.DataFrame({"x": [number]}))
    folder.write_table("outcomes", folder.merged_units())
    folder.finish({"sum": int(folder.merged_units()["x"].sum())})


def contents(run: Path) -> dict[str, bytes]:
    """All that a run has left, but for its seconds."""
    files = {str(path.relative_to(run)): path for path in run.rglob("*")}
    assert files.pop("run.json").is_file()
    return {name: path.read_bytes() for name, path in files.items()}
