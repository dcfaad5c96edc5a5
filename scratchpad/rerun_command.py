"""`scratchpad rerun`: does a run come out the same once more?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.errors import ModelError, RunFolderError
from scratchpad.rerun_differences import DIFFERS, EQUAL, SAME, TOLERANCE
from scratchpad.terminal import Result, Table

if TYPE_CHECKING:
    from scratchpad.rerun_differences import Compared

EXAMPLE = "scratchpad rerun runs/ablation --out runs/ablation-again"


@dataclass(frozen=True)
class RerunCommand:
    """Run a finished run once more from its manifest, and compare what comes out.

    Says which tables, values of figures and summaries are the same bytes, which are equal to 1e-5
    and which differ (exit code 3), and what explains it: versions, commit, host, device. Start it
    in the folder in which the run was started: relative paths count from there.
    """

    run: Annotated[Path, typer.Argument(help="Run folder.", show_default=False)]
    out: Annotated[
        Path | None,
        typer.Option(help="Run folder to write (default: RUN-rerun).", show_default=False),
    ] = None


def run_rerun(config: RerunCommand) -> Result:
    """Run it again and compare; a rerun that was killed goes on, a finished one is compared."""
    from scratchpad.cli import build
    from scratchpad.commanding import commands_of
    from scratchpad.rerun_config import HERE, command_of, config_of, read_recorded
    from scratchpad.run_manifest import MANIFEST

    run, out = read_recorded(config.run), _place(config)
    mounted = command_of(run, dict(commands_of(build())))
    again = config_of(run, mounted.config_class, out)
    begun = (out / MANIFEST).is_file()
    try:
        mounted.run(again)
    except ModelError as error:
        raise ModelError(error.symptom, error.cause, f"{error.fix} {HERE}") from error
    return _result(config.run, out, begun=begun)


def _place(config: RerunCommand) -> Path:
    """Where the rerun goes: never over the run."""
    run = config.run.resolve()
    out = config.out or config.run.parent / f"{run.name}-rerun"
    if out.resolve().is_relative_to(run):
        raise RunFolderError(
            f"{out} is where the run is", "a rerun leaves it as it is", "Choose another --out."
        )
    return out


def _result(run: Path, out: Path, *, begun: bool) -> Result:
    from scratchpad.parsing import read_json
    from scratchpad.rerun_differences import compare_manifests, compare_runs, difference_said
    from scratchpad.run_manifest import MANIFEST

    files = compare_runs(run, out)
    made_with = compare_manifests(*(read_json(one / MANIFEST, {}) for one in (run, out)))
    failures = tuple(
        f"{name} differs ({difference_said(one.difference)})"
        for name, one in files.items()
        if one.outcome == DIFFERS
    )
    summary = {
        "run": str(run),
        "out": str(out),
        "same": not failures,
        "tolerance": TOLERANCE,
        "files": {name: one.to_json() for name, one in files.items()},
        "made_with": made_with,
    }
    rows = tuple(
        (name, one.outcome, difference_said(one.difference)) for name, one in files.items()
    )
    return Result(
        summary,
        tuple(_lines(out, made_with, begun=begun)),
        failures,
        verdict=_verdict(files),
        tables=(
            Table("Results of the run and of the rerun", ("", "", "largest difference"), rows),
        ),
    )


def _verdict(files: Mapping[str, Compared]) -> str:
    count = Counter(one.outcome for one in files.values())
    said = {SAME: "the same bytes", EQUAL: f"equal to {TOLERANCE:g}", DIFFERS: "different"}
    parts = (f"{count[kind]} {words}" for kind, words in said.items() if count[kind])
    return f"{len(files)} files: {', '.join(parts)}."


def _lines(out: Path, made_with: Mapping[str, list[Any]], *, begun: bool) -> Iterator[str]:
    if begun:
        yield f"{out} had been begun before: what was there was not made again."
    for name, (then, now) in made_with.items():
        yield f"{name}: {then} then, {now} now"
    yield str(out)
