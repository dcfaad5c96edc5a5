"""`scratchpad probe ...`: experiments on activations, each beside readers of the same text."""

from __future__ import annotations

import typer

from analyses.commands.probes import anomaly, contrast, detect, steer, trajectory, transfer
from scratchpad.commanding import add_command


def register(app: typer.Typer) -> None:
    """Mount the experiments."""
    probes = typer.Typer(no_args_is_help=True)
    probes.callback()(_probe)
    add_command(
        probes,
        "detect",
        detect.DetectConfig,
        detect.run_detect,
        example=detect.EXAMPLE,
        required=detect.REQUIRED,
    )
    add_command(
        probes, "transfer", transfer.TransferConfig, transfer.run_transfer, example=transfer.EXAMPLE
    )
    add_command(
        probes, "anomaly", anomaly.AnomalyConfig, anomaly.run_anomaly, example=anomaly.EXAMPLE
    )
    add_command(
        probes, "contrast", contrast.ContrastConfig, contrast.run_contrast, example=contrast.EXAMPLE
    )
    add_command(
        probes,
        "trajectory",
        trajectory.TrajectoryConfig,
        trajectory.run_trajectory,
        example=trajectory.EXAMPLE,
    )
    add_command(probes, "steer", steer.SteerConfig, steer.run_steer, example=steer.EXAMPLE)
    app.add_typer(probes, name="probe")


def _probe() -> None:
    """Fit probes on activations, beside readers of the same text."""
