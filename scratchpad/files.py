"""Files and folders that are there whole or not at all, and stay there when the power fails."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from scratchpad.errors import RunFolderError

UNFINISHED = ".part."
"""How the name of what is being written begins."""


def atomic_write(path: Path, content: bytes) -> None:
    """Write a file whole or not at all: temporary file in the same folder, fsync, rename.

    Raises
    ------
    RunFolderError
        If the folder cannot be written to.
    """
    begun: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(
            dir=path.parent, prefix=f"{UNFINISHED}{path.name}.", delete=False
        ) as file:
            begun = Path(file.name)
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(begun, 0o644)
        os.replace(begun, path)
        sync_folder(path.parent)
    except OSError as error:
        if begun is not None:
            begun.unlink(missing_ok=True)
        raise cannot_write(path, error) from error


@contextmanager
def written_whole(target: Path) -> Iterator[Path]:
    """Give a path beside the target for a file or a folder, which replaces it if all went well.

    It ends as the target does, which some libraries go by. Only one process at a time may do so
    with one target; what a killed one has left is removed.

    Raises
    ------
    RunFolderError
        If there is no writing there.
    """
    part = target.with_name(f"{UNFINISHED}{target.name}")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        remove(part)
        yield part
        sync_tree(part)
        os.replace(part, target)
        sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        remove(part)


def cannot_write(path: Path, error: OSError) -> RunFolderError:
    """Build the error for a file that cannot be written."""
    return RunFolderError(
        f"Cannot write {path}", str(error), "Give a folder with room that you may write to."
    )


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there and can be removed."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
        return
    with suppress(OSError):
        path.unlink()


def remove_unfinished(folder: Path) -> None:
    """Remove what a killed process was writing anywhere in a folder that nobody else writes."""
    for path in [*folder.rglob(f"{UNFINISHED}*")]:
        remove(path)


def sync_tree(path: Path) -> None:
    """Put a file, or all of a folder, onto the disk."""
    if path.is_dir():
        for one in path.iterdir():
            sync_tree(one)
        sync_folder(path)
        return
    with path.open("r+b") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Put the names in a folder onto the disk, where the system can do so."""
    if os.name != "posix":
        return
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
