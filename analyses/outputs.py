"""The end of every command that has results: figures, report, summary, in that order."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from analyses.figures import draw_all
from analyses.report import build_report, load_run
from scratchpad.runs import RunFolder, Units


def write_outputs(folder: RunFolder, summary: Mapping[str, Any], units: Units) -> None:
    """Draw what the folder's tables allow, write the report and finish the run."""
    tables = {path.stem: pd.read_parquet(path) for path in sorted(folder.path.glob("*.parquet"))}
    draw_all(tables, folder.path / "figures")
    folder.write_json("summary.json", summary)
    build_report([load_run(folder.path)], folder.path / "report.html")
    folder.finish(summary, units)
