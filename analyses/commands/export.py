"""`scratchpad export`: a run in the formats of other tools."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from scratchpad.terminal import Result

FORMATS = ("inspect", "datasets", "parquet", "csv")
EXAMPLE = "scratchpad export runs/ablation --to inspect --out logs/ablation.eval"


@dataclass(frozen=True)
class ExportConfig:
    """Write a run's transcripts, outcomes and estimates for another tool.

    inspect: one .eval log for `inspect view`, scratchpads as reasoning; datasets: a folder a
    table, for `datasets.load_from_disk`; parquet and csv: a typed file a table. Nothing is
    overwritten.
    """

    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]
    to: Annotated[str, typer.Option(help="inspect, datasets, parquet or csv.", show_default=False)]
    out: Annotated[
        Path, typer.Option(help="Folder (inspect: FILE.eval) to write.", show_default=False)
    ]


def run_export(config: ExportConfig) -> Result:
    """Write, and say how much of what.

    Raises
    ------
    ScratchpadError
        If the format is not known, the run holds nothing to export, or something is there.
    """
    from analyses.export.files import require_new, write_csv, write_datasets, write_parquet
    from analyses.export.inspect_log import write_inspect
    from analyses.export.tidy import tidy_tables
    from analyses.opened import open_run
    from scratchpad.errors import unknown_name

    writers = {"datasets": write_datasets, "parquet": write_parquet, "csv": write_csv}
    if config.to not in FORMATS:
        raise unknown_name("format", config.to, FORMATS)
    require_new(config.out)
    run = open_run(config.run)
    if config.to == "inspect":
        rows = {"samples": write_inspect(run, config.out)}
    else:
        tables = tidy_tables(run)
        writers[config.to](tables, config.out)
        rows = {name: table.num_rows for name, table in tables.items()}
    said = ", ".join(f"{count:,} {name.replace('_', ' ')}" for name, count in rows.items())
    return Result({"out": str(config.out), "rows": rows}, (f"{said} in {config.out}",))
