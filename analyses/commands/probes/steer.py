"""`scratchpad probe steer`: does the model use the direction that a probe reads?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.commanding import Result
from scratchpad.knobs import Draws, SubjectKnobs, Transcripts

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe steer runs/organism --out runs/steer"


@dataclass(frozen=True)
class SteerConfig(SubjectKnobs):
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
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "probe steer", asdict(config))
    summary = folder.summary() if folder.finished else _run(folder, config)
    warnings = (f"Warning: {text}." for text in summary["warnings"])
    return Result(summary, (summary["verdict_text"], *warnings, f"{config.out}/report.html"))


def _run(folder: RunFolder, config: SteerConfig) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.outputs import write_outputs
    from analyses.probing.detection import transcripts_of
    from analyses.probing.steering import CONDITIONS, steer
    from scratchpad.commanding import progress
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        transcripts = transcripts_of(subject, sampling)
    folder.start()
    folder.write_table("transcripts", transcript_table(transcripts))
    with progress("Fitting and steering", CONDITIONS) as advance:
        found = steer(
            subject,
            transcripts,
            probe=config.probe,
            questions=config.steered_questions,
            randoms=config.random_directions,
            seed=config.seed,
            advance=advance,
        )
    for name, table in found.tables.items():
        folder.write_table(name, table)
    write_outputs(folder, found.summary, Units())
    return found.summary
