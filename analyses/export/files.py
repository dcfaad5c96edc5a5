"""Where exports go: a new folder or file, whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from scratchpad.errors import ConfigError, RunFolderError
from scratchpad.files import written_whole
from scratchpad.locks import locked

if TYPE_CHECKING:
    import pyarrow as pa


def not_installed(to: str, error: ImportError) -> ConfigError:
    """Build the error for a format whose package is not there."""
    fix = "Install them: pip install 'scratchpad-faithfulness[export]'."
    return ConfigError(f"Exporting to {to} needs more packages", str(error), fix)


def require_new(out: Path) -> None:
    """Raise `RunFolderError` if there is something already."""
    if os.path.lexists(out):
        raise RunFolderError(
            f"{out} exists", "an export overwrites nothing", "Choose another --out."
        )


@contextmanager
def written_new(out: Path) -> Iterator[Path]:
    """Give a path to write a file or folder to, which becomes `out` once all is written.

    Raises
    ------
    RunFolderError
        If `out` exists, cannot be written, or another process writes it.
    """
    with locked(out, "export"):
        require_new(out)
        with written_whole(out) as part:
            yield part


def write_parquet(tables: Mapping[str, pa.Table], out: Path) -> None:
    """Write OUT/NAME.parquet for every table."""
    import pyarrow.parquet as pq

    with written_new(out) as folder:
        folder.mkdir()
        for name, table in tables.items():
            pq.write_table(table, folder / f"{name}.parquet", compression="zstd")


def write_csv(tables: Mapping[str, pa.Table], out: Path) -> None:
    """Write OUT/NAME.csv for every table: text in quotes, a null as nothing, a list as JSON."""
    import pyarrow.csv as pc

    told = pc.WriteOptions(quoting_style="needed")
    with written_new(out) as folder:
        folder.mkdir()
        for name, table in tables.items():
            pc.write_csv(_flat(table), folder / f"{name}.csv", told)


def write_datasets(tables: Mapping[str, pa.Table], out: Path) -> None:
    """Save OUT/NAME for every table, to be read by `datasets.load_from_disk`.

    Raises
    ------
    ConfigError
        If datasets is not installed.
    """
    try:
        from datasets import Dataset
        from datasets.utils.logging import disable_progress_bar
    except ImportError as error:
        raise not_installed("datasets", error) from error
    disable_progress_bar()
    with written_new(out) as folder:
        for name, table in tables.items():
            Dataset(table).save_to_disk(folder / name)


def _flat(table: pa.Table) -> pa.Table:
    import json

    import pyarrow as pa

    for place, column in enumerate(table.schema):
        if pa.types.is_list(column.type):
            cells = table.column(place).to_pylist()
            text = pa.array([None if one is None else json.dumps(one) for one in cells])
            table = table.set_column(place, column.name, text)
    return table
