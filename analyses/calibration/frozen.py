"""The calibration that this package carries: frozen tables, and where they come from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from pandas import DataFrame

from scratchpad.files import atomic_write

REFERENCE: Final = files("analyses") / "reference"
TABLES: Final = ("organisms", "reference", "means", "leaderboard", "step_scores", "known_errors")
# Columns of words, which may all be empty.
WORDS: Final = ("reason", "failures", "planted_verdict", "unread")
PROVENANCE: Final = "provenance.json"
CARRIED: Final = "carried"
"""Whether other organisms rank as tiny ones do: of a ladder of its own."""
CARRIED_PROVENANCE: Final = "carried-provenance.json"
# What a table is told apart by when a later run is compared with it.
COMPARED: Final = ("metric", "selection", "exposure", "score")


def freeze(run: Path, folder: Path) -> None:
    """Write a finished calibration's tables as CSV, with what made them.

    Parameters
    ----------
    run : Path
        The run folder.
    folder : Path
        Where the copy goes.
    """
    _freeze(run, folder, TABLES, PROVENANCE)


def freeze_carried(run: Path, folder: Path) -> None:
    """The same of a carry-over ladder: how far it ranks as tiny organisms do."""
    _freeze(run, folder, (CARRIED,), CARRIED_PROVENANCE)


def _freeze(run: Path, folder: Path, tables: Sequence[str], provenance: str) -> None:
    manifest = json.loads((run / "run.json").read_text(encoding="utf-8"))
    kept = ("command", "config", "config_hash", "versions", "git_commit")
    told = {name: manifest[name] for name in kept}
    told["config"] = _told(manifest)
    atomic_write(folder / provenance, (json.dumps(told, indent=2) + "\n").encode())
    for name in tables:
        table = pd.read_parquet(run / f"{name}.parquet")
        text = table.to_csv(index=False, float_format="%.6g", lineterminator="\n")
        atomic_write(folder / f"{name}.csv", text.encode())


def rank_agreements(own: DataFrame, folder: Traversable = REFERENCE) -> DataFrame:
    """How far others rank as tiny organisms do: a ladder's own table, or the carried one."""
    return own if len(own) else frozen_table(CARRIED, folder)


def frozen_table(name: str, folder: Traversable = REFERENCE) -> DataFrame:
    """One of `TABLES` as it is carried; empty where no calibration is."""
    file = folder / f"{name}.csv"
    if not file.is_file():
        return DataFrame()
    with file.open("r", encoding="utf-8") as text:
        table = pd.read_csv(text)
    return table.assign(
        **{name: table[name].astype(object).fillna("") for name in WORDS if name in table}
    )


def same_as_frozen(manifest: Mapping[str, Any], folder: Traversable = REFERENCE) -> bool:
    """Whether a run is of the configuration of the carried calibration, `out` aside."""
    file = folder / PROVENANCE
    if not file.is_file():
        return False
    return bool(json.loads(file.read_text(encoding="utf-8"))["config"] == _told(manifest))


def compared(leaderboard: DataFrame, frozen: DataFrame) -> DataFrame:
    """Set a leaderboard beside the frozen one.

    Returns
    -------
    DataFrame
        `COMPARED`, `then`, `now`, `difference`, and `apart`: whether the 95 % intervals do not
        meet. Rows that either lacks, or where either is undefined, are left out.
    """
    columns = [*COMPARED, "estimate", "low", "high"]
    if frozen.empty:
        return DataFrame(columns=[*COMPARED, "then", "now", "difference", "apart"])
    both = frozen[columns].merge(leaderboard[columns], on=list(COMPARED), suffixes=("_then", ""))
    both = both.dropna(subset=["estimate_then", "estimate"])
    apart = np.maximum(both["low"] - both["high_then"], both["low_then"] - both["high"]) > 0
    both = both.assign(
        then=both["estimate_then"],
        now=both["estimate"],
        difference=both["estimate"] - both["estimate_then"],
        apart=apart,
    )
    return both[[*COMPARED, "then", "now", "difference", "apart"]].reset_index(drop=True)


def rows_with(table: DataFrame, wanted: Mapping[str, Any]) -> DataFrame:
    """The rows in which columns have certain values; none where a column is not there."""
    for column, value in wanted.items():
        if column not in table:
            return DataFrame()
        table = table[table[column].astype(str) == str(value)]
    return table


def _told(manifest: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: value for name, value in manifest["config"].items() if name != "out"}
    # Where a base lies is nobody's business.
    return {name: Path(one).name if name == "base" else one for name, one in told.items()}
