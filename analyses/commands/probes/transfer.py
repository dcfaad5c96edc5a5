"""`scratchpad probe transfer`: does what a probe reads carry over to a trigger it never saw?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.commanding import Result
from scratchpad.knobs import Draws, SubjectKnobs

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe transfer runs/two-triggers --twin runs/twin --out runs/transfer"


@dataclass(frozen=True)
class TransferConfig(SubjectKnobs):
    """Fit probes after one trigger and judge them after another, in every model that is given.

    All models read the tokens that the studied one wrote. A twin defects after the first trigger
    and has merely been exposed to the second: what its probe carries over is the look of a
    trigger, not the coming defection, and is subtracted (folded at .5). Headline at the prompt's
    end, where no scratchpad has said anything yet; layer and probe are chosen after the first
    trigger alone.
    """

    to: Annotated[
        Path | None,
        typer.Option(help="JSONL of pairs with another trigger (default: the organism's second)."),
    ] = None
    twin: Annotated[
        str | None, typer.Option(help="Organism that was only exposed to the other trigger.")
    ] = None
    clean: Annotated[
        str | None, typer.Option(help="Organism of the same world without a backdoor.")
    ] = None
    base: Annotated[str | None, typer.Option(help="Model from before the backdoor.")] = None
    draws: Draws = 1

    @property
    def corners(self) -> dict[str, str]:
        """The other corners of the control square that were given."""
        given = {"twin": self.twin, "clean": self.clean, "base": self.base}
        return {name: model for name, model in given.items() if model is not None}


def run_transfer(config: TransferConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "probe transfer", asdict(config))
    summary = folder.summary() if folder.finished else _run(folder, config)
    warnings = (f"Warning: {text}." for text in summary["warnings"])
    return Result(summary, (summary["verdict_text"], *warnings, f"{config.out}/report.html"))


def _run(folder: RunFolder, config: TransferConfig) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.outputs import write_outputs
    from analyses.probing.corners import load_corner
    from analyses.probing.transfer import STUDIED, domains_of, transfer, written_after_both
    from scratchpad.commanding import progress
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, other_questions, subject_config

    subject = load_subject(subject_config(config))
    others = other_questions(subject, config.to, config.limit)
    corners = {STUDIED: subject.loaded} | {
        corner: load_corner(subject, corner, name, dtype=config.dtype)
        for corner, name in config.corners.items()
    }
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        written = written_after_both(subject, others, sampling)
    folder.start()
    folder.write_table("transcripts", transcript_table(written.transcripts))
    with progress("Capturing and fitting", None):
        result = transfer(written, domains_of(written, corners, config.seed), config.seed)
    for name, table in result.tables.items():
        folder.write_table(name, table)
    write_outputs(folder, result.summary, Units())
    return result.summary
