"""What a report is made of: the files of a run or organism folder, read once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from pandas import DataFrame

from analyses.figures import FIGURES
from scratchpad.errors import DataError
from scratchpad.parsing import read_json
from scratchpad.run_manifest import MANIFEST, check_schema
from scratchpad.tables import read_frame

Kind = Literal[
    "ablation",
    "probe",
    "trajectory",
    "calibration",
    "organism",
    "harden",
    "distill",
    "persist",
]
# What only summaries of that kind hold.
_MARKS: Final[dict[str, Kind]] = {
    "cells": "ablation",
    "leads": "trajectory",
    "goals": "calibration",
    "contrasts": "persist",
    "stages": "distill",
    "method": "harden",
}
# What every version since the first wrote, and a report cannot do without.
_COLUMNS: Final = {
    "outcomes": (
        "question_id", "group", "draw", "intervention", "arguments", "step_index", "prompt_state",
        "scratchpad_state", "surprisal", "native_surprisal", "unterminated", "unchanged",
        "not_applicable", "value", "invalid", "scorer",
    ),
    "transcripts": ("id", "question_id", "prompt", "scratchpad", "answer", "triggered"),
}  # fmt: skip
_PICTURES: Final = {"svg": "image/svg+xml", "png": "image/png"}  # the better one first


@dataclass(frozen=True)
class Picture:
    """A figure as it was saved: its name, its caption, its bytes and their media type."""

    name: str
    caption: str
    content: bytes
    media_type: str


@dataclass(frozen=True)
class RunSection:
    """One run of the toolkit as a report shows it.

    Parameters
    ----------
    kind : Kind
        Decides which tables are shown.
    name : str
        Name of the folder.
    run : mapping
        `run.json`, or `organism.json` of an organism folder; empty where there is none.
    summary : mapping
        `summary.json`.
    tables : mapping of str to DataFrame
        The Parquet tables by name, `outcomes` among them.
    pictures : tuple of Picture
        The figures, in the order in which the toolkit lists them.
    examples : tuple of mapping
        `examples.json`: transcripts before and after an intervention.
    """

    kind: Kind
    name: str
    run: Mapping[str, Any] = field(default_factory=dict)
    summary: Mapping[str, Any] = field(default_factory=dict)
    tables: Mapping[str, DataFrame] = field(default_factory=dict)
    pictures: tuple[Picture, ...] = ()
    examples: tuple[Mapping[str, Any], ...] = ()


def load_run(folder: Path) -> RunSection:
    """Read a run or organism folder; what it lacks is absent from the report.

    Raises
    ------
    DataError
        If the folder holds neither `summary.json` nor `organism.json`, or a file is broken.
    RunFolderError
        If a newer version wrote it.
    """
    manifest = read_json(folder / MANIFEST, {})
    check_schema(folder, manifest)
    organism, summary = (
        read_json(folder / "organism.json", {}),
        read_json(folder / "summary.json", {}),
    )
    if not organism and not summary:
        raise DataError(
            f"{folder} is not a finished run",
            "it holds neither summary.json nor organism.json",
            "Name the folder that a command wrote with --out.",
        )
    return RunSection(
        kind=_kind(folder, organism, summary),
        name=folder.resolve().name,
        run=organism or manifest,
        summary=summary,
        tables=_tables(folder),
        pictures=_pictures(folder / "figures"),
        examples=tuple(_examples(folder / "examples.json")),
    )


def _kind(folder: Path, organism: Mapping[str, Any], summary: Mapping[str, Any]) -> Kind:
    if organism:
        return "organism"
    for mark, kind in _MARKS.items():
        if mark in summary:
            return kind
    command = str(read_json(folder / "run.json", {}).get("command", ""))
    if command.startswith("probe") or "auroc" in summary:
        return "probe"
    raise DataError(
        f"{folder} is a run of a kind that has no report",
        f"its summary.json holds none of {', '.join(_MARKS)}, and no auroc",
        "Name a folder that `scratchpad ablate`, `probe`, `calibrate`, `harden`, `distill`, "
        "`persist` or `train` wrote.",
    )


def _examples(path: Path) -> list[dict[str, Any]]:
    examples: list[Any] = read_json(path, [])
    if not all(isinstance(one, dict) for one in examples):
        raise DataError(f"{path} holds something else than examples", fix="Run the command anew.")
    return examples


def _tables(folder: Path) -> dict[str, DataFrame]:
    found = {path.stem: read_frame(path) for path in sorted(folder.glob("*.parquet"))}
    for name, table in found.items():
        if lacking := [column for column in _COLUMNS.get(name, ()) if column not in table]:
            raise DataError(
                f"{folder / name}.parquet is of another version of this toolkit",
                f"it has no column {', '.join(lacking)}",
                "Run the command anew, or remove the table: what it holds is left out then.",
            )
    return found


def _pictures(folder: Path) -> tuple[Picture, ...]:
    names = {path.stem for kind in _PICTURES for path in folder.glob(f"*.{kind}")}
    known = [name for name in FIGURES if name in names]
    return tuple(_picture(folder, name) for name in known + sorted(names - set(known)))


def _picture(folder: Path, name: str) -> Picture:
    kind = next(kind for kind in _PICTURES if (folder / f"{name}.{kind}").is_file())
    caption = folder / f"{name}.txt"
    return Picture(
        name=name,
        caption=caption.read_text(encoding="utf-8", errors="replace").strip()
        if caption.is_file()
        else name,
        content=(folder / f"{name}.{kind}").read_bytes(),
        media_type=_PICTURES[kind],
    )
