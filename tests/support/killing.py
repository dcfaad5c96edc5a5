"""Kill a command again and again, and see what it has left."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import IO

DRIVER = Path(__file__).with_name("shortened.py")
# Of these suffixes every byte must be as in a run that nobody killed.
COMPARED = (".parquet", ".csv", ".jsonl", ".safetensors")
# Seconds that no step of a test takes, whatever the machine is busy with.
PATIENCE = 600.0

Snapshot = dict[str, tuple[int, int]]


class Attempt:
    """A process that runs a command."""

    def __init__(self, pid: int, output: IO[str]) -> None:
        self.pid = pid
        self._output = output
        self._code: int | None = None

    def poll(self, timeout: float = 0.0) -> int | None:
        """Its exit code, once it has ended."""
        if self._code is None and select.select([self._output], [], [], timeout)[0]:
            self._code = int(self._output.readline())
        return self._code

    def kill(self) -> int:
        """Kill its process group."""
        os.killpg(self.pid, signal.SIGKILL)
        code = self.poll(PATIENCE)
        assert code == -signal.SIGKILL
        return code


class Server:
    """Starts commands, one at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(DRIVER)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def start(self, arguments: Sequence[str], log: Path) -> Attempt:
        """Start a command; the one before has to have ended."""
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps({"arguments": arguments, "log": str(log)}) + "\n")
        self._process.stdin.flush()
        return Attempt(int(self._process.stdout.readline()), self._process.stdout)

    def stop(self) -> None:
        """Start no more."""
        self._process.communicate()


@dataclass(frozen=True)
class Killable:
    """A command that is run in a folder of its own.

    Parameters
    ----------
    name : str
    arguments : tuple of str
        Of the command line, but for `--out`.
    units : tuple of str
        Patterns of what an attempt keeps for the next, in the folder that holds `out` and `cache`.
    first : str
        Pattern of the first unit, after which it is killed.
    """

    name: str
    arguments: tuple[str, ...]
    units: tuple[str, ...] = ("out/units/*.parquet",)
    first: str = "out/units/*.parquet"

    def start(self, server: Server, folder: Path) -> Attempt:
        """Start it in a process group of its own."""
        folder.mkdir(parents=True, exist_ok=True)
        arguments = (str(folder / "cache"), *self.arguments, "--out", str(folder / "out"))
        return server.start(arguments, folder / "log")

    def kept(self, folder: Path) -> Snapshot:
        """What is finished: by name, when and as which file it was written."""
        found = [
            path
            for pattern in self.units
            for path in folder.glob(pattern)
            if not path.name.startswith(".")
        ]
        states = {str(path.relative_to(folder)): path.stat() for path in found}
        return {name: (one.st_mtime_ns, one.st_ino) for name, one in states.items()}

    def begun(self, folder: Path, process: int) -> bool:
        """Whether this attempt writes, and a first unit is there."""
        locks = (folder / "out" / ".lock", folder / ".out.lock")
        return any(_owner(one) == process for one in locks) and any(folder.glob(self.first))


@dataclass
class Ended:
    """How a run came to its end.

    Parameters
    ----------
    folder : Path
    seconds : float
        From its first unit on.
    kills : int
    reused : list of int
        How many finished units each kill has left, but for one when all was done.
    redone : list of str
        Units that an attempt made again although they were finished.
    """

    folder: Path
    seconds: float = 0.0
    kills: int = 0
    reused: list[int] = field(default_factory=list)
    redone: list[str] = field(default_factory=list)


def run(
    server: Server,
    command: Killable,
    folder: Path,
    rng: Random | None = None,
    *,
    kills: int = 0,
    span: float = 0.0,
) -> Ended:
    """Run a command to its end, killed so many times before, each time within `span` seconds."""
    ended = Ended(folder)
    while True:
        before = command.kept(folder)
        attempt = command.start(server, folder)
        alive = _begun(command, folder, attempt)
        start = time.monotonic()
        if rng is None or ended.kills == kills or not alive:
            attempt.poll(PATIENCE)
        else:
            attempt.poll(rng.uniform(0, span))
        killed = attempt.poll() is None
        code, after = attempt.kill() if killed else attempt.poll(), command.kept(folder)
        ended.redone += [name for name in before if after.get(name, before[name]) != before[name]]
        if not killed:
            assert code in (0, 3), (folder / "log").read_text()
            ended.seconds = time.monotonic() - start
            return ended
        ended.kills += 1
        ended.reused.append(sum(name.startswith("out/units") for name in after))
        if _finished(folder):
            # Merged and dropped.
            ended.reused.pop()
        else:
            assert before.keys() <= after.keys()


def _begun(command: Killable, folder: Path, attempt: Attempt) -> bool:
    """Wait until an attempt has begun; whether it is alive then."""
    limit = time.monotonic() + PATIENCE
    while attempt.poll(0.01) is None and not command.begun(folder, attempt.pid):
        assert time.monotonic() < limit
    return attempt.poll() is None


def _finished(folder: Path) -> bool:
    try:
        return bool(json.loads((folder / "out" / "run.json").read_text())["finished"])
    except OSError:
        return (folder / "out" / "organism.json").exists()


def units(folder: Path) -> dict[str, int]:
    """How many units run.json says that there are, and how many were reused at last."""
    found: dict[str, int] = json.loads((folder / "out" / "run.json").read_text())["units"]
    return found


def _owner(lock: Path) -> int | None:
    try:
        return int(json.loads(lock.read_text())["process"])
    except (OSError, ValueError, KeyError):
        return None


def contents(folder: Path) -> dict[str, bytes]:
    """What a run must end with, byte by byte."""
    return results(folder / "out")


def results(out: Path) -> dict[str, bytes]:
    """What lies in a run folder that must be the same whoever made it, byte by byte."""
    found = {
        str(path.relative_to(out)): path.read_bytes()
        for path in sorted(out.rglob("*"))
        if path.suffix in COMPARED or path.name == "summary.json"
    }
    assert found
    return found


def differing(found: dict[str, bytes], expected: dict[str, bytes]) -> list[str]:
    """Which files differ, or are there only once; not how."""
    return [name for name in {**expected, **found} if found.get(name) != expected.get(name)]


def left(folder: Path) -> list[str]:
    """What no run may leave behind."""
    hidden = folder.rglob(".*")
    return [str(path.relative_to(folder)) for path in [*hidden, *folder.glob("out/units")]]
