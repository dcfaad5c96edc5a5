"""What a run or organism folder holds for figures: its summary and its tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pandas as pd
from pandas import DataFrame

from scratchpad.errors import DataError
from scratchpad.parsing import read_json
from scratchpad.run_manifest import MANIFEST, check_schema
from scratchpad.runs import SUMMARY
from scratchpad.tables import read_frame

ORGANISM: Final = "organism.json"
COMPARED: Final = (
    "total_indirect_effect",
    "pure_indirect_effect",
    "necessity_share",
    "sufficiency_share",
)


@dataclass(frozen=True)
class SavedRun:
    """A finished run.

    Parameters
    ----------
    name : str
        Of its folder; unlike those of the runs that it was read with.
    summary : mapping
        `summary.json`; empty for an organism folder.
    tables : mapping of str to DataFrame
        The Parquet tables by name.
    """

    name: str
    summary: Mapping[str, Any]
    tables: Mapping[str, DataFrame]


def read_runs(folders: Sequence[Path]) -> tuple[SavedRun, ...]:
    """Read run or organism folders.

    Raises
    ------
    DataError
        If one is no finished run, or a file of it is broken.
    RunFolderError
        If a newer version wrote it.
    """
    names = names_of(folders)
    return tuple(_read(folder, name) for folder, name in zip(folders, names, strict=True))


def names_of(folders: Sequence[Path]) -> list[str]:
    """Name folders by themselves, and by a number too where an earlier one has that name."""
    names: list[str] = []
    for folder in folders:
        name, number = folder.resolve().name, 2
        while name in names:
            name, number = f"{folder.resolve().name}-{number}", number + 1
        names.append(name)
    return names


def compared(runs: Sequence[SavedRun]) -> dict[str, DataFrame]:
    """Give the tables in which runs stand beside each other.

    Returns
    -------
    dict of str to DataFrame
        `reference`, with the indirect effects and their shares of every ablation and those of
        the organisms of every calibration, and `organisms` of the calibrations; none of these
        where there is nothing to compare.
    """
    ablations = [
        {"organism": run.name, "effect": effect, "reason": "", "repeat": 0, **run.summary[effect]}
        for run in runs
        for effect in COMPARED
        if "cells" in run.summary and isinstance(run.summary.get(effect), Mapping)
    ]
    parts = [DataFrame(ablations)] if ablations else []
    parts += [run.tables["reference"] for run in runs if "reference" in run.tables]
    if not parts:
        return {}
    known = [run.tables["organisms"] for run in runs if "organisms" in run.tables]
    planted = {"organisms": pd.concat(known).drop_duplicates("organism")} if known else {}
    return {"reference": pd.concat(parts, ignore_index=True), **planted}


def _read(folder: Path, name: str) -> SavedRun:
    check_schema(folder, read_json(folder / MANIFEST, {}))
    summary = read_json(folder / SUMMARY, {})
    if not summary and not (folder / ORGANISM).is_file():
        raise DataError(
            f"{folder} is not a finished run",
            f"it holds neither {SUMMARY} nor {ORGANISM}",
            "Name the folder that a command wrote with --out.",
        )
    return SavedRun(
        name, summary, {p.stem: read_frame(p) for p in sorted(folder.glob("*.parquet"))}
    )
