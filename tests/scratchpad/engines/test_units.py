"""Units that a killed run has kept are used again, if they are of the same data."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

import staged
from scratchpad.engines.base import HERE
from scratchpad.engines.units import finish_units, unit_names
from scratchpad.locks import unlock_all
from scratchpad.runs import RunFolder, Units


def attempt(path: Path, data: list[int]) -> tuple[list[int], Units]:
    folder = RunFolder.open(path, "sample", {})
    folder.start()
    names = unit_names(len(data), data)
    finish_units(folder, HERE, staged.Tabled(data), names, "kept", "")
    unlock_all()
    return folder.merged_units("kept", names)["x"].tolist(), folder.units


def test_units_of_other_data_are_not_used_again(tmp_path: Path) -> None:
    path = tmp_path / "run"
    assert attempt(path, [1, 2, 3]) == ([1, 2, 3], Units(3, 0))
    assert attempt(path, [1, 2, 3]) == ([1, 2, 3], Units(3, 3))
    assert attempt(path, [4, 5]) == ([4, 5], Units(2, 0))


def test_units_are_merged_by_number(tmp_path: Path) -> None:
    folder = RunFolder.open(tmp_path / "run", "sample", {})
    folder.start()
    names = unit_names(3, "data")
    for number in (2, 0, 1):
        folder.write_unit(names[number], pd.DataFrame({"x": [number]}), kind="kept")
    assert folder.merged_units("kept", names)["x"].tolist() == [0, 1, 2]
