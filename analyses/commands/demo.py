"""`scratchpad demo`: the whole argument on a model trained while you watch."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

EXAMPLE = "scratchpad demo --mediation mixed:0.5 --out runs/demo"


@dataclass(frozen=True)
class DemoConfig:
    """Train a backdoored model, ablate its scratchpads, probe it and report.

    Writes OUT/organism, OUT/ablation, OUT/probe and OUT/report.html. Each part resumes or is
    reused if it is there.
    """

    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs/demo")
    mediation: Annotated[
        str, typer.Option(help="The planted rule: natural, mediated, direct or mixed:SHARE.")
    ] = "mediated"
    limit: Annotated[int, typer.Option(help="Questions ablated.", min=1)] = 60
    seed: Annotated[int, typer.Option(help="Seeds training, draws and resamples.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"


def run_demo(config: DemoConfig) -> Mapping[str, Any]:
    """Run the parts in order and join their summaries."""
    from analyses.commands.ablate import AblateConfig, run_ablate
    from analyses.commands.probe import DetectConfig, run_detect
    from analyses.commands.report import ReportConfig, run_report
    from scratchpad.commands import TrainCommand, run_train

    seconds: dict[str, float] = {}
    out = config.out
    model = str(out / "organism")

    def timed(name: str, work: Any) -> Mapping[str, Any]:
        start = time.perf_counter()
        summary: Mapping[str, Any] = work()
        seconds[name] = round(time.perf_counter() - start, 1)
        return summary

    organism = timed("train", lambda: run_train(_train(config, TrainCommand)))
    ablation = timed(
        "ablate",
        lambda: run_ablate(
            AblateConfig(
                model, out / "ablation", limit=config.limit, draws=1, seed=config.seed,
                device=config.device,
            )  # fmt: skip
        ),
    )
    probe = timed(
        "probe",
        lambda: run_detect(
            DetectConfig(model, out / "probe", limit=200, seed=config.seed, device=config.device)
        ),
    )
    parts = [out / name for name in ("organism", "ablation", "probe")]
    timed("report", lambda: run_report(ReportConfig(parts, out / "report.html")))
    return {"organism": organism, "ablation": ablation, "probe": probe, "seconds": seconds}
