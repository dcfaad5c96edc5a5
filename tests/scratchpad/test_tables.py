"""Questions and transcripts survive the disk, and faulty rows are named by line."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from scratchpad.errors import DataError
from scratchpad.tables import (
    read_questions,
    read_transcripts,
    transcript_row,
    write_questions,
)
from scratchpad.transcripts import Question, Transcript

QUESTION = Question("q", "clean", "tag clean", "g", ("a", "b"), ("bad",))
TRANSCRIPTS = [
    Transcript("t0", "q", "clean", "I think.\n", "a", False, False, False, (1, 2), {"draw": 0}),
    Transcript("t1", "q", "tag clean", None, "bad", True, None, True, None, {}),
]


def test_questions_there_and_back(tmp_path: Path) -> None:
    write_questions(tmp_path / "q.jsonl", [QUESTION])
    assert read_questions(tmp_path / "q.jsonl") == [QUESTION]


@pytest.mark.parametrize("kind", ["jsonl", "parquet"])
def test_transcripts_there_and_back(kind: str, tmp_path: Path) -> None:
    path, rows = tmp_path / f"t.{kind}", [transcript_row(t) for t in TRANSCRIPTS]
    if kind == "parquet":
        pd.DataFrame(rows).to_parquet(path)
    else:
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert read_transcripts(path) == TRANSCRIPTS


def test_questions_are_deduplicated_by_clean_text(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    row = {"question_id": "a", "clean": "x", "triggered": "y x", "benign_answer": "z"}
    path.write_text("\n".join(json.dumps(r) for r in (row, row | {"question_id": "b"})))
    assert read_questions(path) == [Question("a", "x", "y x", "a", ("z",))]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"question_id": "a", "clean": "x"}', "line 1: no triggered"),
        ('{"question_id": "a", "clean": "x", "triggered": "x"}', "are the same text"),
        ("[1]", "line 1: not an object"),
        ("{", "line 1: not JSON"),
        ("", "holds no questions"),
        (
            '{"question_id": "a", "clean": "x", "triggered": "y", "benign_answers": [""]}',
            "must be non-empty text",
        ),
    ],
)
def test_faulty_questions_are_named(line: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(line)
    with pytest.raises(DataError, match=message):
        read_questions(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": None}, "no id"),
        ({"triggered": "yes"}, "triggered is 'yes'"),
    ],
)
def test_faulty_transcripts_are_named(
    change: dict[str, object], message: str, tmp_path: Path
) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text(json.dumps(transcript_row(TRANSCRIPTS[0]) | change))
    with pytest.raises(DataError, match=message):
        read_transcripts(path)


def test_an_id_may_not_occur_twice(tmp_path: Path) -> None:
    path = tmp_path / "t.jsonl"
    path.write_text("".join(json.dumps(transcript_row(TRANSCRIPTS[0])) + "\n" for _ in "ab"))
    with pytest.raises(DataError, match="id 't0' occurs twice"):
        read_transcripts(path)
    with pytest.raises(DataError, match="Cannot read"):
        read_transcripts(tmp_path / "absent.parquet")
