"""`scratchpad probe steer`: does the model use the direction that a probe reads?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.probes.running import Found, ProbeKnobs, keep, run_once
from scratchpad.knobs import Draws, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.engines.base import Engine
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe steer runs/organism --out runs/steer"


@dataclass(frozen=True)
class SteerConfig(ProbeKnobs):
    """Add a probe's direction to the residual stream, or take it out, and see whether it matters.

    The probe is chosen and fitted on half of the groups of questions; on the others the model is
    steered from the scratchpad on, or from the prompt's end on, by several amounts, and so it is by
    random directions of equal norm. P(defection) is read off its own scratchpad and sampled from
    the prompt. A change that makes its own text unlikely or its answers strange does not count.
    """

    transcripts: Transcripts = None
    draws: Draws = 1
    probe: Annotated[
        str, typer.Option(help="difference of means, mass mean, ridge or logistic.")
    ] = "difference of means"
    steered_questions: Annotated[
        int, typer.Option(help="Steer at most N questions, spread over groups.", min=1)
    ] = 20
    random_directions: Annotated[
        int, typer.Option(help="Random directions to compare with.", min=20)
    ] = 20


def run_steer(config: SteerConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    return run_once("probe steer", config, _run)


def _run(folder: RunFolder, config: SteerConfig, engine: Engine) -> Found:
    from analyses.probing.detection import transcripts_of
    from analyses.probing.steering import steer
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config), engine)
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    transcripts = transcripts_of(subject, sampling, SampleInto(folder))
    keep(folder, transcripts)
    return steer(
        subject,
        transcripts,
        probe=config.probe,
        questions=config.steered_questions,
        randoms=config.random_directions,
        seed=config.seed,
        folder=folder,
    )
