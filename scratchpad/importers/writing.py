"""Write tables of any length without holding them: whole or not at all, a group at a time."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from scratchpad.files import written_whole
from scratchpad.tables import transcript_row
from scratchpad.transcripts import Transcript

ROWS, CHARACTERS = 1000, 32 * 2**20
_IN_MEMORY = 2**20


def write_transcripts(path: Path, transcripts: Iterable[Transcript]) -> None:
    """Write transcripts to Parquet as they come, the same bytes for the same transcripts."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = _schema()
    with written_whole(path) as part, pq.ParquetWriter(part, schema, compression="zstd") as writer:
        for rows in _row_groups(transcripts):
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def _schema() -> Any:
    import pyarrow as pa

    texts = ("id", "question_id", "prompt", "scratchpad", "answer")
    truths = ("triggered", "defected", "unterminated")
    return pa.schema(
        [
            *((name, pa.string()) for name in texts),
            *((name, pa.bool_()) for name in truths),
            ("scratchpad_ids", pa.list_(pa.int64())),
            ("meta", pa.string()),
        ]
    )


def _row_groups(transcripts: Iterable[Transcript]) -> Iterator[list[dict[str, Any]]]:
    """Rows in groups of a thousand, or fewer where they are long."""
    rows: list[dict[str, Any]] = []
    characters = 0
    for transcript in transcripts:
        row = transcript_row(transcript)
        rows.append(row)
        characters += sum(len(value) for value in row.values() if isinstance(value, str))
        if len(rows) >= ROWS or characters >= CHARACTERS:
            yield rows
            rows, characters = [], 0
    if rows:
        yield rows


class Lines:
    """JSON lines kept aside, on disk if they grow, until it is known that they are wanted."""

    def __init__(self) -> None:
        self._file = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - closed

    def add(self, row: Mapping[str, Any]) -> None:
        """Add one line."""
        self._file.write((json.dumps(row) + "\n").encode())

    def save(self, path: Path) -> None:
        """Write all lines to a file."""
        self._file.seek(0)
        with written_whole(path) as part, part.open("wb") as target:
            shutil.copyfileobj(self._file, target)

    def close(self) -> None:
        """Let go of the lines."""
        self._file.close()
