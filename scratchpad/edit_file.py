"""Scratchpads as a file for a human editor, and back: TOML, which keeps every space of a text."""

from __future__ import annotations

import hashlib
import json
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from scratchpad.errors import DataError, unknown_name
from scratchpad.files import atomic_write
from scratchpad.parsing import UNREADABLE
from scratchpad.transcripts import CLEAN, TRIGGERED, State

STATES = ("clean", "triggered")
HEADER = """\
# Scratchpads to edit. Change the text between the ''' marks, then:
#     scratchpad edit MODEL --apply THIS-FILE --out DIR
# White space counts. The line break after an opening ''' is not part of the text, one before a
# closing ''' is. Leave every other line as it is. What is not edited is counted as unchanged;
# an entry that is taken out is not looked at.
"""
ENTRY: Mapping[str, type] = {"question_id": str, "state": str, "draw": int, "text": str}
# What TOML takes between ''' as it stands.
_PLAIN = re.compile(r"(?!.*''')[^\x00-\x08\x0b-\x1f\x7f]*(?<!')", re.DOTALL)


class Entry(NamedTuple):
    """A scratchpad to edit, and whose it is."""

    question_id: str
    state: State
    draw: int
    text: str

    def __str__(self) -> str:
        return f"question {self.question_id!r}, {STATES[self.state]}, draw {self.draw}"


@dataclass(frozen=True)
class EditFile:
    """What an edited file holds.

    Parameters
    ----------
    transcripts : Path
        The transcripts whose scratchpads were exported.
    digest : str
        Of their file, so that edits are not compared with other originals.
    entries : tuple of Entry
    """

    transcripts: Path
    digest: str
    entries: tuple[Entry, ...]

    def require_exported_from(self, transcripts: Path) -> None:
        """Raise `DataError` if these are other transcripts than the texts were exported from."""
        if digest_of(transcripts) != self.digest:
            raise DataError(
                f"The edited scratchpads were not exported from {transcripts}",
                "they would be compared with other originals",
                "Give the --transcripts they were exported from, or export again.",
            )


def digest_of(path: Path) -> str:
    """Name the content of a file.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()[:16]
    except UNREADABLE as error:
        raise DataError(f"Cannot read {path}", str(error), "Name the file it is in.") from error


def require_new(path: Path) -> None:
    """Raise `DataError` if there is such a file already."""
    if path.exists():
        raise DataError(f"{path} exists already and may hold edits", fix="Name another --export.")


def write_edit_file(path: Path, transcripts: Path, entries: Iterable[Entry]) -> None:
    """Write scratchpads of a file of transcripts for a human editor.

    One that is there already, as it was written, is that of a run that was killed since.

    Raises
    ------
    DataError
        As `require_new`, if there is another file.
    """
    parts = [
        f"{HEADER}transcripts = {_quoted(str(transcripts.resolve()))}\n"
        f"digest = {_quoted(digest_of(transcripts))}\n",
        *map(_written, entries),
    ]
    content = "\n".join(parts).encode()
    if path.exists() and path.read_bytes() == content:
        return
    require_new(path)
    atomic_write(path, content)


def read_edit_file(path: Path) -> EditFile:
    """Read an edited file.

    Raises
    ------
    DataError
        If it cannot be read, lacks something, or holds an entry twice.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except UNREADABLE as error:
        raise DataError(
            f"Cannot read {path}", str(error), "Mend it, or export the scratchpads again."
        ) from error
    _require(str(path), content, {"transcripts": str, "digest": str, "scratchpad": list})
    entries = tuple(_entries(path, content["scratchpad"]))
    return EditFile(Path(content["transcripts"]), content["digest"], entries)


def _entries(path: Path, rows: Sequence[Any]) -> Iterator[Entry]:
    seen: set[tuple[str, State, int]] = set()
    for number, row in enumerate(rows, start=1):
        where = f"{path}, entry {number}"
        _require(where, row if isinstance(row, dict) else {}, ENTRY)
        if row["state"] not in STATES:
            raise unknown_name(f"state in {where}", row["state"], STATES)
        state = TRIGGERED if row["state"] == STATES[TRIGGERED] else CLEAN
        entry = Entry(row["question_id"], state, row["draw"], row["text"])
        if entry[:3] in seen:
            raise DataError(f"{where}: {entry} occurs twice", fix="Take one of the two out.")
        seen.add(entry[:3])
        yield entry


def _require(where: str, row: Mapping[str, Any], wanted: Mapping[str, type]) -> None:
    for key in row:
        if key not in wanted:
            raise unknown_name(f"key in {where}", key, wanted)
    for key, kind in wanted.items():
        if type(row.get(key)) is not kind:
            found = f"{key} is {row[key]!r}" if key in row else f"no {key}"
            raise DataError(f"{where}: {found}", fix="Leave all but the texts as exported.")


def _written(entry: Entry) -> str:
    text = f"'''\n{entry.text}'''" if _PLAIN.fullmatch(entry.text) else _quoted(entry.text)
    return (
        f"[[scratchpad]]\nquestion_id = {_quoted(entry.question_id)}\n"
        f'state = "{STATES[entry.state]}"\ndraw = {entry.draw}\ntext = {text}\n'
    )


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
