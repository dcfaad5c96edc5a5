"""Read rows one at a time: JSONL line by line, Parquet in batches, CSV through the csv module.

A row that cannot be read is handed to `drop`, so that it is counted like any other. Nothing in a
file is ever more than text and numbers, and no row is held longer than it takes to pass it on.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any, BinaryIO

from scratchpad.errors import DataError
from scratchpad.importers.reasons import (
    NOT_JSON,
    NOT_UTF8,
    TOO_DEEP,
    TOO_LONG,
    TOO_MANY_FIELDS,
    UNREADABLE,
    Dropped,
)

Drop = Callable[[Dropped], None]
Rows = Iterator[tuple[str, Any]]
# Far above any transcript, far below what would fill the memory.
LONGEST = 16 * 2**20
_BATCH = 64


def read_rows(path: Path, drop: Drop) -> Rows:
    """Read the rows of a file with where they stand; the suffix says what it is.

    Parameters
    ----------
    path : Path
        `.parquet`, `.csv` or `.tsv`; anything else is JSONL.
    drop : callable
        Is given each row that cannot be read.

    Raises
    ------
    DataError
        If the file is missing, or broken as a whole.
    """
    read = {".parquet": _parquet, ".csv": _csv, ".tsv": _csv}.get(path.suffix.lower(), _jsonl)
    return read(path, drop)


def _jsonl(path: Path, drop: Drop) -> Rows:
    try:
        with path.open("rb") as file:
            for number in count(1):
                line = file.readline(LONGEST + 1)
                if not line:
                    return
                where = f"{path.name}, line {number}"
                if len(line) > LONGEST:
                    _skip_line(file, line)
                    drop(TOO_LONG.at(where))
                elif line.strip():
                    yield from _parsed(where, line, drop)
    except OSError as error:
        raise DataError(
            f"Cannot read {path}", str(error), "Give a JSONL, Parquet or CSV file."
        ) from error


def _skip_line(file: BinaryIO, part: bytes) -> None:
    while part and not part.endswith(b"\n"):
        part = file.readline(LONGEST)


def _parsed(where: str, line: bytes, drop: Drop) -> Rows:
    try:
        yield where, json.loads(line.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        drop(NOT_UTF8.at(where, f"byte {error.start}"))
    except RecursionError:
        drop(TOO_DEEP.at(where))
    except ValueError as error:  # not JSON, or a whole number of thousands of digits
        drop(NOT_JSON.at(where, str(error)))


def _parquet(path: Path, drop: Drop) -> Rows:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    first = 0
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for number in range(batch.num_rows):
                    where = f"{path.name}, row {first + number}"
                    yield from _values(where, batch.slice(number, 1), drop)
                first += batch.num_rows
    except (OSError, ArrowException) as error:
        raise DataError(f"Cannot read {path}", _line(error), "Give a Parquet file.") from error


def _values(where: str, row: Any, drop: Drop) -> Rows:
    try:
        yield where, row.to_pylist()[0]
    except UnicodeDecodeError as error:
        drop(NOT_UTF8.at(where, f"byte {error.start}"))
    except (ValueError, OverflowError) as error:  # a date that Python has no word for
        drop(UNREADABLE.at(where, _line(error)))


def _csv(path: Path, drop: Drop) -> Rows:
    separator = "\t" if path.suffix.lower() == ".tsv" else ","
    limit = csv.field_size_limit(LONGEST)  # the module's own 128 KiB is less than some reasoning
    try:
        # Broken bytes become lone surrogates, which the importers refuse row by row.
        with path.open(encoding="utf-8-sig", errors="surrogateescape", newline="") as file:
            reader = csv.DictReader(file, delimiter=separator)
            for row in reader:
                where = f"{path.name}, line {reader.line_num}"
                if None in row:
                    drop(TOO_MANY_FIELDS.at(where))
                else:
                    yield where, row
    except (OSError, csv.Error) as error:
        raise DataError(f"Cannot read {path}", _line(error), "Give a CSV file.") from error
    finally:
        csv.field_size_limit(limit)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
