"""`scratchpad figures`: draw figures and tables for a paper or a talk from saved runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.errors import ConfigError, unknown_name
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from analyses.figures.saved import SavedRun

EXAMPLE = "scratchpad figures runs/ablation runs/probe --format pdf --width text --out figures"
LACKING = "no table "
ACROSS = "mediation-bars"
"""The figure that sets runs beside each other."""


@dataclass(frozen=True)
class FiguresConfig:
    """Draw every figure that runs allow, each with its values (CSV) and a caption, and tables.

    Figures of one run go into OUT, those of several into OUT/RUN, and what compares runs into OUT
    itself. The headline tables go into a folder tables/ beside the figures, in LaTeX and Markdown.
    """

    runs: Annotated[list[Path], typer.Argument(help="Run folders.", show_default=False)]
    out: Annotated[Path, typer.Option(help="Folder to write.", show_default=False)]
    format: Annotated[str, typer.Option(help="Of the pictures: any of pdf,svg,png.")] = (
        "pdf,svg,png"
    )
    width: Annotated[
        str | None,
        typer.Option(
            help="column (3.35 in), text (6.9 in) or slide (12 in); each figure's usual one if "
            "left out.",
            show_default=False,
        ),
    ] = None
    style: Annotated[str, typer.Option(help="paper, or talk (larger type, thicker lines).")] = (
        "paper"
    )


def run_figures(config: FiguresConfig) -> Result:
    """Draw, and name what was drawn and what was not, with the reason."""
    from analyses.figures import Look
    from analyses.figures.saved import read_runs

    Look(config.width or "column", config.style)  # refuses what is unknown before any file is read
    formats = _formats(config.format)
    runs = read_runs(config.runs)
    folders = {run.name: config.out / run.name if len(runs) > 1 else config.out for run in runs}
    found = {run.name: _draw_run(run, folders[run.name], config, formats) for run in runs}
    lines = [line for name, one in found.items() for line in _lines(one, folders[name], formats[0])]
    if len(runs) == 1:
        return Result(found[runs[0].name], tuple(lines))
    beside = _compare(runs, config, formats)
    return Result(beside | {"runs": found}, (*lines, *_lines(beside, config.out, formats[0])))


def _formats(text: str) -> tuple[str, ...]:
    from analyses.figures.output import FORMATS

    asked = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    for name in asked:
        if name not in FORMATS:
            raise unknown_name("format", name, FORMATS)
    if not asked:
        raise ConfigError("No format is given", fix=f"Give any of {', '.join(FORMATS)}.")
    return asked


def _draw_run(
    run: SavedRun, folder: Path, config: FiguresConfig, formats: tuple[str, ...]
) -> dict[str, Any]:
    from analyses.figures import FIGURES, draw_figures
    from analyses.figures.headlines import save_tables

    drawn = draw_figures(
        FIGURES, run.tables, folder, formats=formats, width=config.width, style=config.style
    )
    tables = save_tables(run.summary, run.tables, folder / "tables")
    return {"figures": list(drawn.names), "tables": list(tables), "skipped": drawn.skipped}


def _compare(
    runs: tuple[SavedRun, ...], config: FiguresConfig, formats: tuple[str, ...]
) -> dict[str, Any]:
    from analyses.figures import FIGURES, draw_figures
    from analyses.figures.saved import compared

    drawn = draw_figures(
        {ACROSS: FIGURES[ACROSS]}, compared(runs), config.out, formats=formats,
        width=config.width, style=config.style,
    )  # fmt: skip
    return {"figures": list(drawn.names), "tables": [], "skipped": drawn.skipped}


def _lines(found: Mapping[str, Any], folder: Path, kind: str) -> Iterator[str]:
    yield from (f"{folder}/{name}.{kind}" for name in found["figures"])
    yield from (f"{folder}/tables/{name}.tex" for name in found["tables"])
    lacking = {n: why for n, why in found["skipped"].items() if why.startswith(LACKING)}
    for name, reason in found["skipped"].items():
        if name not in lacking:
            yield f"skipped {name}: {reason}"
    if lacking:
        named = ", ".join(f"{n} ({why.removeprefix(LACKING)})" for n, why in lacking.items())
        yield f"skipped for want of a table: {named}"
