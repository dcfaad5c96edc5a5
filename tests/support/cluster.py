"""Ray nodes on this machine, as `ray start` makes them, and commands that are run on them."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
OWN = {
    "PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'tests/support'}",
    "RAY_AUTH_MODE": "disabled",
    "OMP_NUM_THREADS": "1",
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_OFFLINE": "1",
    "MPLBACKEND": "Agg",
}


@dataclass(frozen=True)
class Node:
    """A node of a cluster, and the address of its head."""

    process: subprocess.Popen[bytes]
    address: str

    def works(self) -> bool:
        """Whether a worker of the node does a piece: Ray names its process by what it does."""
        return any("Worker.do" in name for name in map(_title, _family(self.process.pid)))

    def kill(self) -> None:
        """Kill everything that the node has started."""
        for pid in _family(self.process.pid):
            os.kill(pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def node(
    folder: Path,
    head: Node | None = None,
    environment: Mapping[str, str] | None = None,
    before: Sequence[str] = (),
) -> Iterator[Node]:
    """Start a node with one processor: a head, or another one of a head's cluster.

    `before` stands in front of the command line.
    """
    address = head.address if head else f"127.0.0.1:{_free_port()}"
    port = address.rpartition(":")[2]
    place = [f"--address={address}"] if head else ["--head", f"--port={port}"]
    more = [] if head else ["--include-dashboard=false", f"--temp-dir={folder}"]
    ray = str(Path(sys.executable).with_name("ray"))
    process = subprocess.Popen(
        [*before, ray, "start", "--block", "--num-cpus=1", "--disable-usage-stats", *place, *more],
        env=os.environ | OWN | dict(environment or {}),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    started = Node(process, address)
    try:
        if not head:
            _wait_for(address)
        yield started
    finally:
        started.kill()


def scratchpad(
    *arguments: str | Path, environment: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run the command line in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "scratchpad", *map(str, arguments)],
        env=os.environ | OWN | dict(environment or {}),
        capture_output=True,
        text=True,
        timeout=540,
    )


def _free_port() -> int:
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        return int(any_port.getsockname()[1])


def _wait_for(address: str) -> None:
    host, _, port = address.rpartition(":")
    limit = time.monotonic() + PATIENCE
    while time.monotonic() < limit:
        try:
            socket.create_connection((host, int(port)), 1).close()
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"no node answers at {address}")


def _title(pid: int) -> str:
    import psutil

    try:
        return " ".join(psutil.Process(pid).cmdline())
    except psutil.NoSuchProcess:
        return ""


def _family(pid: int) -> list[int]:
    """A process and all that descend from it, youngest first."""
    import psutil

    try:
        process = psutil.Process(pid)
        return [*(one.pid for one in reversed(process.children(recursive=True))), pid]
    except psutil.NoSuchProcess:
        return []
