"""The connection to a Ray cluster, and what a worker may take of it."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

from scratchpad.errors import ConfigError

SECONDS = 5.0
"""How long an address may take to answer."""

SETTINGS = bytes([0, 0, 0, 4, 0, 0, 0, 0, 0])
"""An empty frame of settings, with which either side of an HTTP/2 connection begins (RFC 9113)."""


class Resources(NamedTuple):
    """How many workers a cluster has room for, and what each asks for, as Ray's options."""

    workers: int
    needs: dict[str, float]


def library() -> Any:
    """The library, if it is installed.

    Raises
    ------
    ConfigError
        If it is not.
    """
    try:
        import ray
    except ImportError as error:
        raise ConfigError(
            "--engine ray needs Ray",
            str(error),
            "pip install 'scratchpad-faithfulness[ray]'.",
        ) from error
    return ray


@contextmanager
def connected(address: str | None) -> Iterator[None]:
    """Be connected to a cluster: that of an address, or one that is started on this machine.

    Raises
    ------
    ConfigError
        If Ray is not installed, nothing answers at the address, or it lets nobody in.
    """
    # Nothing of a run is told to anyone.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # What a worker raised is told once, by who asked for it.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    ray = library()
    own = {} if address else {"include_dashboard": False}
    if address not in (None, "auto"):
        _require_answer(address)
    try:
        # Left open, the address is that of whichever cluster was started here last.
        ray.init(address=address or "local", logging_level=logging.ERROR, **own)
    except (ConnectionError, ValueError, RuntimeError, ray.exceptions.RayError) as error:
        raise _unreachable(address or "this machine", str(error)) from error
    try:
        yield
    finally:
        ray.shutdown()


def _require_answer(address: str) -> None:
    """Find out within seconds what the library takes minutes to find out."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or "/" in host:
        raise ConfigError(
            f"--address {address!r} is not HOST:PORT",
            fix="Give what `ray start --head` printed, or auto; run the command on a node.",
        )
    try:
        with socket.create_connection((host, int(port)), SECONDS) as connection:
            said = b"" if os.environ.get("RAY_USE_TLS") == "1" else _greeted(connection)
    except (OSError, OverflowError) as error:
        raise _unreachable(address, str(error)) from error
    if said and said[3] != SETTINGS[3]:
        raise _unreachable(address, "what answers there is no cluster's head")


def _greeted(connection: socket.socket) -> bytes:
    """The first frame of whoever answers; clusters speak gRPC, which is HTTP/2."""
    connection.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + SETTINGS)
    said = b""
    while len(said) < len(SETTINGS):
        part = connection.recv(len(SETTINGS))
        if not part:
            raise ConnectionError("it hung up")
        said += part
    return said


def _unreachable(address: str, reason: str) -> ConfigError:
    return ConfigError(
        f"No Ray cluster can be reached at {address}",
        " ".join(reason.split()),
        "Start one with `ray start --head`, and give the HOST:PORT that it prints.",
    )


def require_room(size: int) -> None:
    """Refuse a cluster that never has the memory (bytes) that a worker needs.

    Raises
    ------
    ConfigError
        Naming both.
    """
    nodes = [node["Resources"] for node in library().nodes() if node["Alive"]]
    largest = max((node.get("memory", 0.0) for node in nodes), default=0.0)
    if size > largest:
        raise ConfigError(
            f"A worker needs {size / 2**30:.1f} GiB of memory",
            f"the largest node of the cluster gives {largest / 2**30:.1f} GiB",
            "Use --dtype bfloat16, a smaller --memory-budget, or nodes with more.",
        )


def resources_of(device: str) -> Resources:
    """What the cluster has for workers of a device.

    Raises
    ------
    ConfigError
        If GPUs are asked for and it has none.
    """
    nodes = [node["Resources"] for node in library().nodes() if node["Alive"]]
    gpus = [int(node.get("GPU", 0)) for node in nodes]
    if device == "cpu" or (device in ("auto", "all") and not any(gpus)):
        return Resources(sum(int(node.get("CPU", 0)) for node in nodes), {"num_cpus": 1})
    if not any(gpus):
        raise ConfigError(
            f"The cluster has no GPU for --device {device}", fix="Use --device auto or cpu."
        )
    share = min(filter(None, gpus)) if device == "all" else 1
    return Resources(sum(count // share for count in gpus), {"num_cpus": 1, "num_gpus": share})
