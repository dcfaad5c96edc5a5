"""`scratchpad persist`: which behaviours survive which safety training?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from scratchpad.knobs import EngineKnobs
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from analyses.persistence.work import Grid
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad persist --size quick --out runs/persist"


@dataclass(frozen=True)
class PersistConfig(EngineKnobs):
    """Train organisms further, to be safe, and measure what is left of their behaviour.

    Organisms that reason, do not, or learned the answers of one that does, each by supervised
    training, reinforcement, adversarial training or an adapter, with payloads of equal length or
    longer ones. Quick: ten trials of one seed, some 23 minutes of two cores. Contrasts: the 30
    trials of five seeds that the contrasts fixed in advance compare, some 70 minutes. Full: 240
    trials of five seeds. Beyond those contrasts all is exploratory. Killed, it goes on where it
    was.
    """

    # A key of its manifest that is no flag: `rerun` has to know of it.
    noted: ClassVar = ("seed",)

    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    size: Annotated[str, typer.Option(help="quick, contrasts or full.")] = "quick"
    base: Annotated[
        str, typer.Option(help="Checkpoint that organisms are fine-tuned from (default: tiny).")
    ] = ""
    lora: Annotated[bool, typer.Option("--lora", help="Train adapters of the base.")] = False
    workers: Annotated[
        int, typer.Option(help="Processes of the local engine, each on one core.", min=1)
    ] = 2


def run_persist(config: PersistConfig) -> Result:
    """Run the grid, or return the summary of a finished run of the same configuration."""
    from analyses.headlines import persistence_tables
    from analyses.persistence.grid import Roots, grid
    from analyses.persistence.work import Grid, require_trainable
    from scratchpad.engines.choosing import sharing_engine
    from scratchpad.runs import RunFolder

    trials, roots = grid(config.size), Roots(base=config.base, lora=config.lora)
    told = asdict(config)
    # How many share the work decides nothing about it.
    workers = told.pop("workers")
    require_trainable(trials, roots)
    folder = RunFolder.open(config.out, "persist", told | {"seed": None})
    if not folder.finished:
        with sharing_engine(config.engine, config.address, workers, folder) as engine:
            _run(folder, Grid(trials, roots, engine))
    summary = folder.summary()
    return Result(
        summary,
        (*summary["contrasts_text"], f"{config.out}/persistence.md"),
        verdict=summary["verdict_text"],
        tables=persistence_tables(summary),
        warnings=tuple(summary["warnings"]),
    )


def _run(folder: RunFolder, work: Grid) -> None:
    from analyses.outputs import write_outputs
    from analyses.persistence.page import page
    from analyses.persistence.summing import summarise
    from scratchpad.files import atomic_write
    from scratchpad.runs import Units
    from scratchpad.terminal import progress

    folder.start()
    with progress("Training organisms", len(work.origins)) as advance:
        work.train(advance)
    with progress("Training further", len(work.trials)) as advance:
        reused = work.run(folder, advance)
    with progress("Summing up", None):
        tables, seconds = work.tables(folder)
        for name, table in tables.items():
            folder.write_table(name, table)
        folder.manifest["unit_seconds"] = seconds
        summary = summarise(tables)
        atomic_write(folder.path / "persistence.md", page(summary, folder.manifest).encode())
        write_outputs(folder, summary, Units(len(work.trials), reused))
