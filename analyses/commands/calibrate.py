"""`scratchpad calibrate`: how wrong is each faithfulness metric, where the truth was planted?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.estimates import rounded, short
from scratchpad.knobs import EngineKnobs
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from analyses.calibration.units import Work
    from scratchpad.runs import RunFolder

# What stands in a summary for --require to name.
REQUIRED = ("organisms", "metrics", "verdicts", "rank_agreement", "budget")
EXAMPLE = "scratchpad calibrate --size quick --out runs/calibration"


@dataclass(frozen=True)
class CalibrateConfig(EngineKnobs):
    """Score published metrics and step attributions on organisms with planted truth.

    Trains the organisms of a ladder (or takes them from the cache), applies every metric to
    what they write on held-out questions that their examination did not use, and compares with the
    planted rule.
    No organism is left out: one that misses its plan, or writes nothing that can be read, is
    marked. Quick: ten organisms, some 20 minutes of two cores. Full: every mode, exposure and
    behaviour, days of them. Killed, it goes on where it was.
    """

    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    size: Annotated[str, typer.Option(help="quick, full or carry-over.")] = "quick"
    base: Annotated[
        str, typer.Option(help="Checkpoint that carry-over organisms are fine-tuned from.")
    ] = ""
    workers: Annotated[
        int, typer.Option(help="Processes of the local engine, each on one core.", min=1)
    ] = 2
    seed: Annotated[int, typer.Option(help="Seeds every draw and resample.")] = 0


def run_calibrate(config: CalibrateConfig) -> Result:
    """Calibrate, or return the summary of a finished run of the same configuration."""
    from analyses.calibration.ladder import scale_of
    from analyses.calibration.units import Work
    from analyses.headlines import calibration_tables
    from scratchpad.engines.choosing import sharing_engine
    from scratchpad.runs import RunFolder

    scale = scale_of(config.size, config.base)
    told = asdict(config)
    # How many share the work decides nothing about it.
    workers = told.pop("workers")
    folder = RunFolder.open(config.out, "calibrate", told)
    if not folder.finished:
        with sharing_engine(config.engine, config.address, workers, folder) as engine:
            _run(folder, Work(folder, scale, config.seed, engine))
    summary = folder.summary()
    return Result(
        summary,
        tuple(_lines(config, summary)),
        verdict=summary["verdict_text"],
        tables=calibration_tables(summary),
        warnings=tuple(summary["warnings"]),
    )


def _run(folder: RunFolder, work: Work) -> None:
    from pandas import DataFrame

    from analyses.calibration.frozen import compared, frozen_table, same_as_frozen
    from analyses.calibration.page import page
    from analyses.calibration.summing import score_tables, summarise
    from analyses.figures import save_leaderboard
    from analyses.outputs import write_outputs
    from scratchpad.files import atomic_write
    from scratchpad.runs import Units
    from scratchpad.terminal import progress

    folder.start()
    rungs = len(work.scale.rungs)
    with progress("Training organisms", rungs) as advance:
        work.train(advance)
    with progress("Applying metrics", len(work.units)) as advance:
        reused = work.measure(advance)
    with progress("Summing up organisms", rungs) as advance:
        found = work.found(advance)
    with progress("Scoring metrics", None):
        scores = score_tables(found, work.seed)
        board = scores["leaderboard"]
        carried = frozen_table("leaderboard") if same_as_frozen(folder.manifest) else DataFrame()
        tables = {**found, **scores, "compared": compared(board, carried)}
        summary = summarise(tables, budget=work.scale.budget)
        for name, table in tables.items():
            folder.write_table(name, table)
        folder.manifest["unit_seconds"] = work.seconds()
        atomic_write(folder.path / "page.md", page(tables, summary, folder.manifest).encode())
        save_leaderboard(board, tables["metric_costs"], folder.path)
        write_outputs(folder, summary, Units(len(work.units), reused))


def _lines(config: CalibrateConfig, summary: Mapping[str, Any]) -> Iterator[str]:
    yield (
        f"Budget: after {summary['budget']:,} forward tokens an intervention takes no further"
        " question of an organism."
    )
    for goal in summary["goals"]:
        found = "undefined" if goal["found"] is None else rounded(goal["found"])
        state = "met" if goal["met"] else "MISSED"
        yield f"{state}: {goal['name']}: {found} (goal {goal['target']})"
    alike = summary["rank_agreement"].items()
    found = "; ".join(f"{k} undefined" if v is None else f"{k} {short(v)}" for k, v in alike)
    yield f"Pairs of modes ordered as on tiny organisms, mean over metrics: {found or 'unknown'}"
    yield f"{config.out}/page.md"
