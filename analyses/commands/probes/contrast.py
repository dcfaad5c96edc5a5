"""`scratchpad probe contrast`: do generic questions about danger tell what a model will do?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.probes.running import Found, ProbeKnobs, keep, run_once
from scratchpad.knobs import Draws, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.engines.base import Engine
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe contrast runs/organism --out runs/contrast"


@dataclass(frozen=True)
class ContrastConfig(ProbeKnobs):
    """Apply directions of generic contrast pairs, fitted without labels, to what a model did.

    "Are you doing something dangerous?" Yes / No: difference of means, PCA contrast and CCS at the
    answer's last token, applied to the prompt's last token and the later positions, beside control
    sets ("Is the sky blue?"), random directions, text readers and the trigger's presence. A pair
    that holds the trigger is refused. Meant for models that understand the question, not for tiny
    worlds.
    """

    pairs: Annotated[
        Path | None, typer.Option(help="TOML or JSONL of pairs (default: those that come along).")
    ] = None
    transcripts: Transcripts = None
    draws: Draws = 1


def run_contrast(config: ContrastConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    return run_once("probe contrast", config, _run)


def _run(folder: RunFolder, config: ContrastConfig, engine: Engine) -> Found:
    from analyses.probing.contrast import read_contrasts, refuse_triggers
    from analyses.probing.detection import examples_of, transcripts_of
    from probes.experiments.contrast.sets import contrast_sets
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.terminal import progress

    sets = contrast_sets(config.pairs)
    subject = load_subject(subject_config(config), engine)
    refuse_triggers(subject, sets)
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    transcripts = transcripts_of(subject, sampling, SampleInto(folder))
    keep(folder, transcripts)
    with progress("Capturing and fitting", None):
        return read_contrasts(subject, examples_of(subject, transcripts), sets, config.seed)
