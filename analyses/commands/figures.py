"""`scratchpad figures`: draw a run's figures again from its saved tables."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scratchpad.terminal import Result

EXAMPLE = "scratchpad figures runs/ablation --out figures"


@dataclass(frozen=True)
class FiguresConfig:
    """Draw every figure that a run's tables allow, as PNG, SVG and PDF with its values as CSV."""

    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)]


def run_figures(config: FiguresConfig) -> Result:
    """Draw, and name what was drawn."""
    from analyses.figures import draw_all
    from analyses.report import load_run

    drawn = draw_all(load_run(config.run).tables, config.out)
    return Result({"figures": list(drawn)}, tuple(f"{config.out}/{name}.pdf" for name in drawn))
