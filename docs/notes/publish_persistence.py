"""Copy a finished grid into docs/notes: its page, its figure and the values of the figure.

.venv/bin/python docs/notes/publish_persistence.py runs/persist
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer

from analyses.persistence.page import page

NOTES = Path(__file__).parent
FIGURE = "persistence"


def publish(run: Annotated[Path, typer.Argument(help="Folder that `persist` wrote.")]) -> None:
    """Write persistence-SIZE.md, .png and .csv from a run."""
    summary, manifest = (json.loads((run / f"{n}.json").read_text()) for n in ("summary", "run"))
    name = f"persistence-{manifest['config']['size']}"
    for kind in ("png", "csv"):
        shutil.copy(run / "figures" / f"{FIGURE}.{kind}", NOTES / f"{name}.{kind}")
    caption = (run / "figures" / f"{FIGURE}.txt").read_text(encoding="utf-8").strip()
    picture = f"![Behaviour along safety training]({name}.png)"
    text = "\n".join([page(summary, manifest).rstrip(), "", "## Figure", "", picture, "", caption])
    (NOTES / f"{name}.md").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    typer.run(publish)
