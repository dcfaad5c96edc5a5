"""`scratchpad report`: one readable file of several runs."""

from __future__ import annotations

from dataclasses import dataclass
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
    from analyses.report import build_report, load_run

    sections = [load_run(folder) for folder in config.runs]
    path = build_report(sections, config.out)
    return Result({"report": str(path)}, (str(path),))
