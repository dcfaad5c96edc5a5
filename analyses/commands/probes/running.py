"""What all experiments on activations do before and after their own part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from scratchpad.knobs import EngineKnobs, SubjectKnobs
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pandas import DataFrame

    from scratchpad.engines.base import Engine
    from scratchpad.runs import RunFolder
    from scratchpad.transcripts import Transcript


@dataclass(frozen=True)
class ProbeKnobs(EngineKnobs, SubjectKnobs):
    """A model under study, and who reads its activations."""


Knobs = TypeVar("Knobs", bound=ProbeKnobs)


class Found(Protocol):
    """What an experiment gives: its tables by name, and what summary.json holds."""

    @property
    def tables(self) -> Mapping[str, DataFrame]:
        """The tables by name."""

    @property
    def summary(self) -> Mapping[str, Any]:
        """With `warnings` and `verdict_text`."""


def run_once(
    command: str, config: Knobs, run: Callable[[RunFolder, Knobs, Engine], Found]
) -> Result:
    """Run an experiment, or return the summary of a finished run of the same configuration."""
    from analyses.headlines import named_estimates
    from analyses.outputs import write_outputs
    from scratchpad.engines.choosing import chosen_engine
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, command, asdict(config))
    if not folder.finished:
        with chosen_engine(config.engine, config.address, device=config.device) as engine:
            found = run(folder, config, engine)
        for name, table in found.tables.items():
            folder.write_table(name, table)
        write_outputs(folder, found.summary, folder.units)
    summary = folder.summary()
    return Result(
        summary,
        (f"{config.out}/report.html",),
        verdict=summary["verdict_text"],
        tables=named_estimates(command, summary),
        warnings=tuple(summary["warnings"]),
    )


def keep(folder: RunFolder, transcripts: Sequence[Transcript]) -> None:
    """Keep what the model wrote as the run's transcripts."""
    from analyses.ablation import transcript_table

    folder.write_table("transcripts", transcript_table(transcripts))
