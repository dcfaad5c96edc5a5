"""Run folders: a manifest, units of work, tables, and nothing half-written.

The same command with the same configuration resumes an unfinished folder and returns the summary
of a finished one; a folder that holds anything else is refused before anything is touched.
"""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from scratchpad.errors import RunFolderError
from scratchpad.files import UNFINISHED, atomic_write, remove_unfinished
from scratchpad.locks import lock, remove_dead, unlock
from scratchpad.memory import splits
from scratchpad.parsing import UNREADABLE, parsed_json
from scratchpad.placement import places
from scratchpad.run_manifest import (
    MANIFEST,
    SPLITS,
    check_schema,
    config_hash,
    new_manifest,
    require_same_versions,
)

if TYPE_CHECKING:
    import pandas as pd

SUMMARY, LOCK = "summary.json", ".lock"


class Units(NamedTuple):
    """How many units of work a run has, and how many of them an earlier attempt had done."""

    total: int = 0
    reused: int = 0

    def plus(self, other: Units) -> Units:
        """Both together."""
        return Units(self.total + other.total, self.reused + other.reused)


NO_UNITS = Units()


@dataclass
class RunFolder:
    """A folder that one run of one command writes.

    Parameters
    ----------
    path : Path
    manifest : dict
        What run.json holds.
    units : Units
        Counted so far.
    """

    path: Path
    manifest: dict[str, Any]
    units: Units = NO_UNITS
    _started: float = field(default_factory=time.perf_counter)
    _splits: int = field(default_factory=splits)

    @classmethod
    def open(cls, path: Path, command: str, config: Mapping[str, Any]) -> RunFolder:
        """Open a new, unfinished or finished folder of this command and configuration.

        One that is there and unfinished is locked for this process.

        Raises
        ------
        RunFolderError
            If the folder holds a run of another configuration, or anything else, or was begun
            with other versions of libraries, or another process writes it.
        """
        wanted = config_hash(command, config)
        folder = cls._there(path, wanted) or cls(path, new_manifest(command, config, wanted))
        if folder.finished:
            # Killed between its last steps, a run leaves them behind.
            shutil.rmtree(path / "units", ignore_errors=True)
            remove_dead(path / LOCK)
        if folder.finished or not path.exists():
            return folder
        folder._lock()
        # Whoever held the lock may have finished meanwhile.
        return cls._there(path, wanted) or folder

    @classmethod
    def _there(cls, path: Path, wanted: str) -> RunFolder | None:
        """The run that a folder holds, if it holds one."""
        if (path / MANIFEST).is_file():
            manifest = _read_object(path / MANIFEST)
            check_schema(path, manifest)
            if manifest.get("config_hash") != wanted:
                raise RunFolderError(
                    f"{path} holds a run of another configuration",
                    f"{manifest.get('command', 'unknown')} {manifest.get('config_hash', '')}",
                    "Choose another --out, or remove the folder.",
                )
            if not manifest.get("finished"):
                require_same_versions(path, manifest)
            return cls(path, manifest)
        if path.exists() and (not path.is_dir() or any(map(_of_others, path.iterdir()))):
            raise RunFolderError(
                f"{path} is not empty and holds no run", fix="Choose another --out."
            )
        return None

    @property
    def begun(self) -> bool:
        """Whether an attempt has written here before."""
        return (self.path / MANIFEST).is_file()

    @property
    def finished(self) -> bool:
        """Whether the run has come to its end."""
        return bool(self.manifest.get("finished"))

    def summary(self) -> dict[str, Any]:
        """What summary.json holds."""
        return _read_object(self.path / SUMMARY)

    def write_json(self, name: str, content: Any) -> None:
        """Write a JSON file."""
        text = json.dumps(content, indent=2, ensure_ascii=False, default=str, allow_nan=False)
        atomic_write(self._inside(name), (text + "\n").encode())

    def write_table(self, name: str, table: pd.DataFrame) -> None:
        """Write a table as NAME.parquet, the same bytes for the same table."""
        import io

        import pyarrow as pa
        import pyarrow.parquet as pq

        buffer = io.BytesIO()
        pq.write_table(
            pa.Table.from_pandas(table, preserve_index=False), buffer, compression="zstd"
        )
        atomic_write(self._inside(f"{name}.parquet"), buffer.getvalue())

    def start(self) -> None:
        """Lock the folder and write the manifest: from here on it is this run's.

        Raises
        ------
        RunFolderError
            If another process writes there, or was faster.
        """
        self._lock()
        there = self._there(self.path, self.manifest["config_hash"])
        if there is not None and there.finished:
            raise RunFolderError(
                f"Another process finished {self.path} meanwhile",
                fix="Run the same command again: it gives the summary.",
            )
        remove_unfinished(self.path)
        self.write_json(MANIFEST, self.manifest)

    def _lock(self) -> None:
        lock(self.path, self.path / LOCK, self.manifest.get("command", "unknown"))

    def write_unit(self, name: str, table: pd.DataFrame, *, kind: str = "") -> None:
        """Keep a finished unit of work of a kind; tables that belong to it are written before."""
        self._tell_splits()
        self.write_table(f"units/{kind}/{name}" if kind else f"units/{name}", table)

    def finished_units(self, kind: str = "") -> set[str]:
        """Names of the units of a kind that need not be done again."""
        return {path.stem for path in (self.path / "units" / kind).glob("[!.]*.parquet")}

    def merged_units(self, kind: str = "", names: Collection[str] | None = None) -> pd.DataFrame:
        """All units of a kind, or those of some names, as one table in the order of names."""
        import pandas as pd

        chosen = self.finished_units(kind) if names is None else names
        paths = [self.path / "units" / kind / f"{name}.parquet" for name in sorted(chosen)]
        return pd.concat([pd.read_parquet(path) for path in paths], ignore_index=True)

    def _tell_splits(self) -> None:
        """Say in the manifest how often memory ran out, before what hangs on it is kept."""
        new, self._splits = splits() - self._splits, splits()
        if new:
            self.manifest[SPLITS] = self.manifest.get(SPLITS, 0) + new
            self.write_json(MANIFEST, self.manifest)

    def finish(self, summary: Mapping[str, Any], units: Units = NO_UNITS) -> None:
        """Write the summary, drop the units that are merged, and close the manifest."""
        self._tell_splits()
        self.write_json(SUMMARY, summary)
        self.manifest |= {
            "seconds": round(time.perf_counter() - self._started, 1),
            "units": units._asdict(),
            "finished": True,
        }
        if places():
            self.manifest["placement"] = places()
        self.write_json(MANIFEST, self.manifest)
        shutil.rmtree(self.path / "units", ignore_errors=True)
        unlock(self.path / LOCK)

    def _inside(self, name: str) -> Path:
        """The path of a file of this folder, whatever its name says and its links lead to."""
        path = self.path / name
        if not path.parent.resolve().is_relative_to(self.path.resolve()):
            raise RunFolderError(
                f"{path} is outside of the run folder",
                "nothing is written there",
                "Choose another --out.",
            )
        return path


def _of_others(path: Path) -> bool:
    """Whether a file is something else than what a run that was killed at once has left."""
    return path.name != LOCK and not path.name.startswith(UNFINISHED)


def _read_object(path: Path) -> dict[str, Any]:
    try:
        content = parsed_json(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise RunFolderError(f"Cannot read {path}", str(error), "Remove the folder.") from error
    if not isinstance(content, dict):
        raise RunFolderError(f"{path} holds no object", fix="Remove the folder.")
    return content
