"""Draw the pictures of README.md and docs/ anew.

Those of the calibration come from the tables that the package carries, the four cells from the
run of `scratchpad demo`, where there is one.

.venv/bin/python docs/notes/pictures.py runs/demo
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer
from pandas import DataFrame

from analyses.calibration.frozen import TABLES, frozen_table
from analyses.figures import FIGURES, draw_figures
from scratchpad.files import atomic_write

IMAGES = Path(__file__).parents[1] / "images"
CARRIED = ("calibration", "monitorability-plane", "step-attribution")
OF_A_RUN = ("four-cells",)


def pictures(run: Annotated[Path, typer.Argument(help="Folder of a demo or an ablation.")]) -> None:
    """Write docs/images/*.png, and say what could not be drawn."""
    written = {path.stem: pd.read_parquet(path) for path in sorted(run.rglob("outcomes.parquet"))}
    _draw(CARRIED, {name: frozen_table(name) for name in TABLES})
    _draw(OF_A_RUN, written)


def _draw(names: Iterable[str], tables: Mapping[str, DataFrame]) -> None:
    figures = {name: FIGURES[name] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        drawn = draw_figures(figures, tables, Path(folder), formats=("png",))
        for name in drawn.names:
            atomic_write(IMAGES / f"{name}.png", (Path(folder) / f"{name}.png").read_bytes())
            print(IMAGES / f"{name}.png")
    for name, reason in drawn.skipped.items():
        print(f"left as it is: {name} ({reason})")


if __name__ == "__main__":
    typer.run(pictures)
