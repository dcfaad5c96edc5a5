"""Find the questions of an imported table: those whose clean and triggered prompt are known."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from scratchpad.importers.writing import Lines
from scratchpad.transcripts import Question


def write_pairs(table: Path, path: Path) -> int:
    """Write the questions of a table of transcripts as JSONL and say how many there are.

    No file is written where there are none.
    """
    lines = Lines()
    number = 0
    for question in pairs(table):
        number += 1
        lines.add(
            {
                "question_id": question.question_id,
                "clean": question.clean,
                "triggered": question.triggered,
                "group": question.group,
            }
        )
    if number:
        lines.save(path)
    lines.close()
    return number


def pairs(table: Path) -> Iterator[Question]:
    """The questions of a table, in the order in which their second prompt turns up.

    A question is known if its transcripts bring both prompts, or one of them names the other
    (`other_prompt` in its `meta`). Prompts are only held while the other one is awaited.
    """
    wanted = _with_both_states(table)
    waiting: dict[str, dict[str, Any]] = {}
    done: set[str] = set()
    for row in _rows(table, ["question_id", "triggered", "prompt", "meta"]):
        name, meta = row["question_id"], json.loads(row["meta"])
        if name in done:
            continue
        other = meta.get("other_prompt")
        if other is None and name in wanted:
            first = waiting.setdefault(name, row)
            other = first["prompt"] if first["triggered"] != row["triggered"] else None
        if other is None or other == row["prompt"]:
            continue
        clean, triggered = (other, row["prompt"]) if row["triggered"] else (row["prompt"], other)
        waiting.pop(name, None)
        done.add(name)
        yield Question(name, clean, triggered, str(meta.get("group", name)))


def _with_both_states(table: Path) -> set[str]:
    states: tuple[set[str], set[str]] = (set(), set())
    for row in _rows(table, ["question_id", "triggered"]):
        states[row["triggered"]].add(row["question_id"])
    return states[0] & states[1]


def _rows(table: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    import pyarrow.parquet as pq

    with pq.ParquetFile(table) as file:
        for batch in file.iter_batches(batch_size=1000, columns=columns):
            yield from batch.to_pylist()
