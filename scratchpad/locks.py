"""One process at a time: whoever writes a folder holds its lock until the end.

The system frees the lock of a process that ends in any way, so that the next one goes on by
itself. Between machines that need not be so: a lock that another machine's process has left is
refused, since nobody here can know whether it still runs.
"""

from __future__ import annotations

import atexit
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scratchpad.errors import RunFolderError
from scratchpad.files import cannot_write
from scratchpad.parsing import UNREADABLE, parsed_json

if TYPE_CHECKING:
    from filelock import FileLock

# What torchrun, Intel MPI and Open MPI call the number of a process among those that train.
RANK = ("RANK", "PMI_RANK", "OMPI_COMM_WORLD_RANK")
FOREVER = -1.0
_HELD: dict[Path, FileLock] = {}


class Owner(NamedTuple):
    """Who holds a lock."""

    command: str = "unknown"
    process: int = 0
    host: str = ""
    since: str = ""

    def __str__(self) -> str:
        if not self.host:
            return "by another process"
        return (
            f"by scratchpad {self.command}, process {self.process} on {self.host}"
            f" since {self.since}"
        )


def lock(folder: Path, path: Path, command: str, *, patience: float = 0.0) -> None:
    """Take the lock of a folder for this process, which may hold it already.

    Of processes that train together the main one alone takes it.

    Parameters
    ----------
    folder : Path
        What is written.
    path : Path
        The lock file, which is removed in the end.
    command : str
        Who writes.
    patience : float
        Seconds to wait for another process; `FOREVER`: as long as it takes.

    Raises
    ------
    RunFolderError
        If another process holds it, one of another machine has left it, or the folder cannot be
        written to.
    """
    from filelock import FileLock

    path = path.absolute()
    if path in _HELD or not _is_main():
        return
    held = FileLock(path, thread_local=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _acquire(held, folder, path, patience)
        _HELD[path] = held
        if not patience:
            _require_of_here(folder, path)
        _sign(path, command)
    except OSError as error:
        unlock(path)
        raise cannot_write(folder, error) from error


def unlock(path: Path) -> None:
    """Let go of a lock, if this process holds it; its file is removed."""
    held = _HELD.pop(path.absolute(), None)
    if held is None:
        return
    # Before the lock is free: who takes it then makes a file of its own.
    with suppress(OSError):
        path.unlink()
    held.release()


def remove_dead(path: Path) -> None:
    """Remove a lock that nobody holds: its holder was killed when all was done but this."""
    if path.exists():
        with suppress(RunFolderError):
            lock(path.parent, path, "unknown")
            unlock(path)


@atexit.register
def unlock_all() -> None:
    """Let go of all that this process holds."""
    for path in [*_HELD]:
        unlock(path)


if hasattr(os, "register_at_fork"):
    # A copy of this process holds nothing, and must not remove what this one holds.
    os.register_at_fork(after_in_child=_HELD.clear)


@contextmanager
def locked(target: Path, command: str, *, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock of a file or folder that appears whole, beside it; raises as `lock`."""
    path = beside(target)
    again = path.absolute() in _HELD
    lock(target, path, command, patience=patience)
    try:
        yield
    finally:
        if not again:
            unlock(path)


def _require_of_here(folder: Path, path: Path) -> None:
    """Refuse a lock that names another machine; whoever waits goes by what the system says."""
    here, before = platform.node(), _owner(path)
    if before.host in ("", here):
        return
    # Kept, with its file: it is not ours to remove.
    _HELD.pop(path).release()
    raise RunFolderError(
        f"{folder} was locked",
        f"{before}; whether that process still runs cannot be known on {here}",
        f"If it has ended, remove {path}.",
    )


def _sign(path: Path, command: str) -> None:
    """Write who holds the lock."""
    now = datetime.now().astimezone().isoformat(" ", "seconds")
    owner = Owner(command, os.getpid(), platform.node(), now)
    path.write_text(json.dumps(owner._asdict()), encoding="utf-8")


def beside(target: Path) -> Path:
    """The lock of a file or folder that appears whole."""
    return target.with_name(f".{target.name}.lock")


def _acquire(held: FileLock, folder: Path, path: Path, patience: float) -> None:
    from filelock import Timeout

    with suppress(Timeout):
        held.acquire(blocking=False)
        return
    owner = _owner(path)
    if not patience:
        raise RunFolderError(
            f"{folder} is being written",
            str(owner),
            "Wait for it to end, or choose another --out.",
        )
    print(f"Waiting: {folder} is being written {owner}.", file=sys.stderr)
    held.acquire(timeout=patience)


def _owner(path: Path) -> Owner:
    """Who signed last; nobody, if a process was killed before it could."""
    try:
        told: Any = parsed_json(path.read_text(encoding="utf-8"))
    except UNREADABLE:
        return Owner()
    if not isinstance(told, dict):
        return Owner()
    return Owner(**{name: told[name] for name in Owner._fields if name in told})


def _is_main() -> bool:
    return next((os.environ[name] for name in RANK if name in os.environ), "0") == "0"
