"""Every command that ends in a verdict, a probe or a figure."""

from __future__ import annotations

import typer

from analyses.commands import (
    ablate,
    calibrate,
    demo,
    distill,
    export,
    figures,
    harden,
    persist,
    probes,
    report,
)
from scratchpad.commanding import add_command


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    add_command(app, "demo", demo.DemoConfig, demo.run_demo, example=demo.EXAMPLE)
    add_command(
        app,
        "ablate",
        ablate.AblateConfig,
        ablate.run_ablate,
        example=ablate.EXAMPLE,
        required=ablate.REQUIRED,
    )
    add_command(app, "distill", distill.DistillConfig, distill.run_distill, example=distill.EXAMPLE)
    add_command(app, "harden", harden.HardenConfig, harden.run_harden, example=harden.EXAMPLE)
    add_command(app, "persist", persist.PersistConfig, persist.run_persist, example=persist.EXAMPLE)
    probes.register(app)
    add_command(
        app,
        "calibrate",
        calibrate.CalibrateConfig,
        calibrate.run_calibrate,
        example=calibrate.EXAMPLE,
        required=calibrate.REQUIRED,
    )
    add_command(app, "figures", figures.FiguresConfig, figures.run_figures, example=figures.EXAMPLE)
    add_command(app, "export", export.ExportConfig, export.run_export, example=export.EXAMPLE)
    add_command(app, "report", report.ReportConfig, report.run_report, example=report.EXAMPLE)
