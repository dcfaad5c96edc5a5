"""Every command that ends in a verdict, a probe or a figure."""

from __future__ import annotations

import typer

from analyses.commands import ablate, demo, figures, probe, report
from scratchpad.commanding import add_command


def register(app: typer.Typer) -> None:
    """Mount the commands."""
    add_command(app, "demo", demo.DemoConfig, demo.run_demo, example=demo.EXAMPLE)
    add_command(app, "ablate", ablate.AblateConfig, ablate.run_ablate, example=ablate.EXAMPLE)
    probes = typer.Typer(no_args_is_help=True)
    probes.callback()(_probe)
    add_command(probes, "detect", probe.DetectConfig, probe.run_detect, example=probe.EXAMPLE)
    app.add_typer(probes, name="probe")
    add_command(app, "figures", figures.FiguresConfig, figures.run_figures, example=figures.EXAMPLE)
    add_command(app, "report", report.ReportConfig, report.run_report, example=report.EXAMPLE)


def _probe() -> None:
    """Fit probes on activations, beside readers of the same text."""
