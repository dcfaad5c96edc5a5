"""Copy a finished calibration into the repository: its page, its figures, its frozen tables.

.venv/bin/python docs/notes/publish_calibration.py runs/calibration
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Annotated

import typer

from analyses.calibration.frozen import freeze

ROOT = Path(__file__).parents[2]
FIGURES = {
    "calibration": "Planted against measured, one panel a metric",
    "monitorability-plane": "Monitorability against mediation",
    "step-attribution": "Step attributions on planted driver steps",
}


def publish(run: Annotated[Path, typer.Argument(help="Folder of the calibration.")]) -> None:
    """Write docs/calibration.md, docs/images/ and analyses/reference/ from a run."""
    freeze(run, ROOT / "analyses" / "reference")
    page, images = (run / "page.md").read_text(encoding="utf-8"), []
    for name, words in FIGURES.items():
        picture = run / "figures" / f"{name}.png"
        if picture.is_file():
            shutil.copy(picture, ROOT / "docs" / "images" / picture.name)
            caption = picture.with_suffix(".txt").read_text(encoding="utf-8").strip()
            images += [f"![{words}](images/{picture.name})", "", caption, ""]
    text = "\n".join([page.rstrip(), "", "## Figures", "", *images])
    (ROOT / "docs" / "calibration.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    typer.run(publish)
