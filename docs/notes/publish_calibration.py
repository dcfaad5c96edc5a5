"""Copy a finished calibration into the repository: its page, its figures, its frozen tables.

.venv/bin/python docs/notes/publish_calibration.py runs/calibration [--carry-over runs/carry-over]
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import pandas as pd
import typer

from analyses.calibration.frozen import freeze, freeze_carried
from analyses.calibration.page import page

ROOT = Path(__file__).parents[2]
FIGURES = {
    "calibration": "Planted against measured, one panel a metric",
    "monitorability-plane": "Monitorability against mediation",
    "step-attribution": "Step attributions on planted driver steps",
}


def publish(
    run: Annotated[Path, typer.Argument(help="Folder of the calibration.")],
    carry_over: Annotated[
        Path | None, typer.Option(help="Folder of a carry-over ladder, to be quoted beside it.")
    ] = None,
) -> None:
    """Write docs/calibration.md, docs/images/ and analyses/reference/ from a run."""
    freeze(run, ROOT / "analyses" / "reference")
    if carry_over is not None:
        freeze_carried(carry_over, ROOT / "analyses" / "reference")
    text, images = _page(run), []
    for name, words in FIGURES.items():
        picture = run / "figures" / f"{name}.png"
        if picture.is_file():
            shutil.copy(picture, ROOT / "docs" / "images" / picture.name)
            caption = picture.with_suffix(".txt").read_text(encoding="utf-8").strip()
            images += [f"![{words}](images/{picture.name})", "", caption, ""]
    text = "\n".join([text.rstrip(), "", "## Figures", "", *images])
    (ROOT / "docs" / "calibration.md").write_text(text, encoding="utf-8")


def _page(run: Path) -> str:
    """The page of a run, with what is carried now of other ladders."""
    tables = {path.stem: pd.read_parquet(path) for path in run.glob("*.parquet")}
    summary, manifest = (json.loads((run / f"{n}.json").read_text()) for n in ("summary", "run"))
    return page(tables, summary, manifest)


if __name__ == "__main__":
    typer.run(publish)
