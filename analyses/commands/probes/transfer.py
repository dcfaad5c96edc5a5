"""`scratchpad probe transfer`: does what a probe reads carry over to a trigger it never saw?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.probes.running import Found, ProbeKnobs, keep, run_once
from scratchpad.knobs import Draws, Twin
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.engines.base import Engine
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe transfer runs/two-triggers --twin runs/twin --out runs/transfer"


@dataclass(frozen=True)
class TransferConfig(ProbeKnobs):
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
    twin: Twin = None
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
    return run_once("probe transfer", config, _run)


def _run(folder: RunFolder, config: TransferConfig, engine: Engine) -> Found:
    from analyses.probing.corners import load_corner
    from analyses.probing.transfer import STUDIED, domains_of, transfer, written_after_both
    from scratchpad.asked import other_questions
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.terminal import progress

    subject = load_subject(subject_config(config), engine)
    others = other_questions(subject.loaded, config.to, config.limit)
    corners = {STUDIED: subject.loaded} | {
        corner: load_corner(subject, corner, name, dtype=config.dtype)
        for corner, name in config.corners.items()
    }
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    written = written_after_both(subject, others, sampling, SampleInto(folder))
    keep(folder, written.transcripts)
    with progress("Capturing and fitting", None):
        return transfer(written, domains_of(written, corners, config.seed, engine), config.seed)
