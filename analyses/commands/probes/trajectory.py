"""`scratchpad probe trajectory`: when do activations know, and does the text know earlier?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.probes.running import Found, ProbeKnobs, keep, run_once
from scratchpad.knobs import Draws, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from probes.experiments.trajectory.experiment import TrajectoryResult
    from scratchpad.engines.base import Engine
    from scratchpad.models import LoadedModel
    from scratchpad.runs import RunFolder
    from scratchpad.subject import Subject
    from scratchpad.transcripts import Transcript

EXAMPLE = "scratchpad probe trajectory runs/organism --twin runs/twin --out runs/trajectory"


@dataclass(frozen=True)
class TrajectoryConfig(ProbeKnobs):
    """Find the step from which activations know of a defection, and the text does.

    The label is what the model did. At the prompt's end and at the end of every step a probe on
    the residual stream, readers of the text with and without the prompt, and the answer forced
    there are each held to 1 % false positives on benign transcripts of other questions. The lead
    is the number of steps by which the probe knows earlier, and stays sure, than the reader of
    prompt and scratchpad; a twin that does not defect tells how much of it any model has.
    """

    twin: Annotated[
        str | None, typer.Option(help="Model whose lead on the same tokens is subtracted.")
    ] = None
    transcripts: Transcripts = None
    # Of an organism's 300 questions: 1,200 benign prefixes for the thresholds of each fold.
    draws: Draws = 5


def run_trajectory(config: TrajectoryConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    return run_once("probe trajectory", config, _run)


def _run(folder: RunFolder, config: TrajectoryConfig, engine: Engine) -> Found:
    from analyses.probing.corners import load_corner
    from analyses.probing.detection import transcripts_of
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config), engine)
    twin = load_corner(subject, "twin", config.twin, dtype=config.dtype) if config.twin else None
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    transcripts = transcripts_of(subject, sampling, SampleInto(folder))
    keep(folder, transcripts)
    result = _measure(subject, transcripts, twin, folder, config.seed)
    return result


def _measure(
    subject: Subject,
    transcripts: list[Transcript],
    twin: LoadedModel | None,
    folder: RunFolder,
    seed: int,
) -> TrajectoryResult:
    from analyses.probing.trajectory import (
        examples_of,
        forced_answers,
        payload_scorers,
        stepped,
    )
    from probes.experiments.trajectory.experiment import deal, trajectory
    from probes.reading import Reading
    from scratchpad.terminal import progress

    reading = Reading(subject.loaded, subject.engine)
    beside = Reading(twin, subject.engine) if twin else None
    place = folder.path
    split = stepped(subject, transcripts)
    examples = examples_of(subject, split)
    deal(examples, seed)
    scorers, forced = payload_scorers(subject), None
    if scorers is not None:
        forced = forced_answers(subject, scorers, split, examples, folder)
    with progress("Capturing and fitting", None):
        return trajectory(
            examples,
            reading.record(place / "activations", examples.texts),
            forced=forced,
            twin=beside.record(folder.path / "activations-twin", examples.texts)
            if beside
            else None,
            seed=seed,
        )
