"""`scratchpad report`: one readable file of several runs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import typer

from scratchpad.terminal import Result

EXAMPLE = "scratchpad report runs/organism runs/ablation runs/probe --out runs/report.html"


@dataclass(frozen=True)
class ReportConfig:
    """Join runs and organisms into one self-contained HTML file."""

    runs: Annotated[list[Path], typer.Argument(help="Run or organism folders.", show_default=False)]
    out: Annotated[Path, typer.Option(help="HTML file to write.", show_default=False)]


def run_report(config: ReportConfig) -> Result:
    """Write the report and say where it is."""
    from analyses.figures.saved import names_of
    from analyses.report import build_report, load_run

    named = zip(config.runs, names_of(config.runs), strict=True)
    sections = [replace(load_run(folder), name=name) for folder, name in named]
    path = build_report(sections, config.out)
    return Result({"report": str(path)}, (str(path),))
