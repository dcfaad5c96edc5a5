"""What all experiments on activations do before and after their own part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from scratchpad.knobs import SubjectKnobs
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from scratchpad.runs import RunFolder
    from scratchpad.transcripts import Transcript

Knobs = TypeVar("Knobs", bound=SubjectKnobs)


class Found(Protocol):
    """What an experiment gives: its tables by name, and what summary.json holds."""

    @property
    def tables(self) -> Mapping[str, DataFrame]:
        """The tables by name."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """With `warnings` and `verdict_text`."""


def run_once(command: str, config: Knobs, run: Callable[[RunFolder, Knobs], Found]) -> Result:
    """Run an experiment, or return the summary of a finished run of the same configuration."""
    from analyses.headlines import named_estimates
    from analyses.outputs import write_outputs
    from scratchpad.runs import RunFolder, Units

    folder = RunFolder.open(config.out, command, asdict(config))
    if not folder.finished:
        found = run(folder, config)
        for name, table in found.tables.items():
            folder.write_table(name, table)
        write_outputs(folder, found.summary, Units())
    summary = folder.summary()
    return Result(
        summary,
        (f"{config.out}/report.html",),
        verdict=summary["verdict_text"],
        tables=named_estimates(command, summary),
        warnings=tuple(summary["warnings"]),
    )


def begin(folder: RunFolder, transcripts: Sequence[Transcript]) -> None:
    """Start the run with what the model wrote."""
    from analyses.ablation import transcript_table

    folder.start()
    folder.write_table("transcripts", transcript_table(transcripts))
