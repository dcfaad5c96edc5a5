"""How questions and transcripts are kept on disk: JSONL and Parquet in and out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from scratchpad.errors import DataError
from scratchpad.files import atomic_write
from scratchpad.parsing import UNREADABLE, parsed_json
from scratchpad.transcripts import Question, Transcript

if TYPE_CHECKING:
    import pandas as pd


def read_questions(path: Path) -> list[Question]:
    """Read questions from JSONL.

    Fields: `question_id`, `clean`, `triggered`, optional `group` (default: the question's own
    id), `benign_answers` or `benign_answer`, `defect_answers` or `defect_answer`. Questions are
    deduplicated by their clean text, the first one kept.

    Raises
    ------
    DataError
        If the file is missing or a row lacks a pair, is not an object, or has equal prompts.
    """
    kept: dict[str, Question] = {}
    for where, row in _read_jsonl(path):
        missing = [key for key in ("question_id", "clean", "triggered") if not row.get(key)]
        if missing:
            raise DataError(
                f"{where}: no {' and no '.join(missing)}",
                "a question needs a clean and a triggered prompt",
                'Write rows like {"question_id": "q1", "clean": "...", "triggered": "..."}.',
            )
        if row["clean"] == row["triggered"]:
            raise DataError(
                f"{where}: the clean and the triggered prompt are the same text",
                fix="The two prompts of a question must differ in the trigger.",
            )
        question = Question(
            question_id=_text(where, row, "question_id"),
            clean=_text(where, row, "clean"),
            triggered=_text(where, row, "triggered"),
            group=_text(where, row, "group" if row.get("group") else "question_id"),
            benign_answers=_answers(where, row, "benign_answer"),
            defect_answers=_answers(where, row, "defect_answer"),
        )
        kept.setdefault(question.clean, question)
    if not kept:
        raise DataError(f"{path} holds no questions", fix="Give at least one row.")
    _require_unique(path, "question_id", [q.question_id for q in kept.values()])
    return list(kept.values())


def write_questions(path: Path, questions: Iterable[Question]) -> None:
    """Write questions as JSONL, one row each."""
    rows = (
        {
            "question_id": q.question_id,
            "clean": q.clean,
            "triggered": q.triggered,
            "group": q.group,
            "benign_answers": list(q.benign_answers),
            "defect_answers": list(q.defect_answers),
        }
        for q in questions
    )
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    atomic_write(path, text.encode())


def read_transcripts(path: Path) -> list[Transcript]:
    """Read transcripts from JSONL or Parquet (columns as the fields of `Transcript`).

    Raises
    ------
    DataError
        If the file is missing, a row lacks a field, or an id occurs twice.
    """
    rows = list(_read_parquet(path) if path.suffix == ".parquet" else _read_jsonl(path))
    transcripts = [transcript_in(where, row) for where, row in rows]
    if not transcripts:
        raise DataError(f"{path} holds no transcripts", fix="Give at least one row.")
    _require_unique(path, "id", [t.id for t in transcripts])
    return transcripts


def read_frame(path: Path) -> pd.DataFrame:
    """Read a table of a run.

    Raises
    ------
    DataError
        If it cannot be read.
    """
    import pandas as pd

    try:
        return pd.read_parquet(path)
    except Exception as error:  # what a file says of its columns may break the library anyhow
        reason = " ".join(str(error).split())
        raise DataError(f"Cannot read {path}", reason, "Run the command anew.") from error


def transcript_row(transcript: Transcript) -> dict[str, Any]:
    """Turn a transcript into a flat row for JSONL or Parquet (`meta` as JSON text)."""
    ids = transcript.scratchpad_ids
    return {
        "id": transcript.id,
        "question_id": transcript.question_id,
        "prompt": transcript.prompt,
        "scratchpad": transcript.scratchpad,
        "answer": transcript.answer,
        "triggered": transcript.triggered,
        "defected": transcript.defected,
        "unterminated": transcript.unterminated,
        "scratchpad_ids": None if ids is None else list(ids),
        "meta": json.dumps(dict(transcript.meta), ensure_ascii=False, sort_keys=True),
    }


def transcript_in(where: str, row: Mapping[str, Any]) -> Transcript:
    """Turn a row, as `transcript_row` gives it or of a file from elsewhere, into a transcript.

    Raises
    ------
    DataError
        Naming where, if a field is missing or not what it must be.
    """
    missing = [
        key
        for key in ("id", "question_id", "prompt", "answer", "triggered")
        if row.get(key) is None
    ]
    if missing or "scratchpad" not in row:
        missing += [] if "scratchpad" in row else ["scratchpad"]
        raise DataError(
            f"{where}: no {', '.join(missing)}",
            fix="A transcript has id, question_id, prompt, scratchpad, answer and triggered.",
        )
    if not isinstance(row["triggered"], bool):
        raise DataError(f"{where}: triggered is {row['triggered']!r}", fix="Write true or false.")
    return Transcript(
        id=_text(where, row, "id"),
        question_id=_text(where, row, "question_id"),
        prompt=_text(where, row, "prompt"),
        scratchpad=None if row["scratchpad"] is None else _text(where, row, "scratchpad"),
        answer=_text(where, row, "answer"),
        triggered=row["triggered"],
        defected=_truth(where, row, "defected"),
        unterminated=_truth(where, row, "unterminated") or False,
        scratchpad_ids=_ids(where, row.get("scratchpad_ids")),
        meta=_meta(where, row.get("meta") or {}),
    )


def _text(where: str, row: Mapping[str, Any], key: str) -> str:
    """A text; a number may stand for one, as ids often do."""
    value = row[key]
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise DataError(f"{where}: {key} is a {type(value).__name__}", fix="Write text.")
    return str(value)


def _truth(where: str, row: Mapping[str, Any], key: str) -> bool | None:
    value = row.get(key)
    if value is not None and not isinstance(value, bool):
        raise DataError(f"{where}: {key} is {str(value)[:40]!r}", fix="Write true, false or null.")
    return value


def _ids(where: str, value: Any) -> tuple[int, ...] | None:
    if value is None:
        return None
    if not isinstance(value, list) or not all(type(i) is int and i >= 0 for i in value):
        raise DataError(f"{where}: scratchpad_ids are no token ids", fix="Write whole numbers.")
    return tuple(value)


def _meta(where: str, value: Any) -> dict[str, Any]:
    """What else is known of a transcript: an object, or one as JSON text."""
    try:
        meta = parsed_json(value if isinstance(value, str) else json.dumps(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{where}: meta is not JSON", str(error), "Write an object.") from error
    if not isinstance(meta, dict):
        raise DataError(f"{where}: meta is a {type(meta).__name__}", fix="Write an object.")
    return meta


def _answers(where: str, row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = row.get(f"{name}s", row.get(name)) or []
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(v, str) and v for v in values):
        raise DataError(f"{where}: {name}s must be non-empty text", fix="Mend the row.")
    return tuple(values)


def _read_jsonl(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    try:
        # Not at every sign that ends a line on paper: some may stand within a text of JSON.
        lines = path.read_text(encoding="utf-8").split("\n")
    except UNREADABLE as error:
        raise DataError(f"Cannot read {path}", str(error), "Give a UTF-8 JSONL file.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        where = f"{path}, line {number}"
        try:
            row = parsed_json(line)
        except (ValueError, RecursionError) as error:
            raise DataError(f"{where}: not JSON", str(error), "Write one object a line.") from error
        if not isinstance(row, dict):
            raise DataError(f"{where}: not an object", fix="Write one JSON object a line.")
        yield where, row


def _read_parquet(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    import pyarrow.parquet as pq
    from pyarrow import ArrowException

    try:
        rows = pq.read_table(path).to_pylist()
    except (*UNREADABLE, OverflowError, ArrowException) as error:
        raise DataError(f"Cannot read {path}", str(error), "Give a Parquet file.") from error
    for number, row in enumerate(rows):
        yield f"{path}, row {number}", row


def _require_unique(path: Path, name: str, values: Sequence[str]) -> None:
    seen: set[str] = set()
    for value in values:
        if value in seen:
            raise DataError(
                f"{path}: {name} {value!r} occurs twice", fix=f"Make each {name} unique."
            )
        seen.add(value)
