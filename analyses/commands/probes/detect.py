"""`scratchpad probe detect`: can activations tell that this model is about to defect?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from analyses.commands.probes.running import Found, begin, run_once
from scratchpad.commanding import Result
from scratchpad.knobs import Draws, SubjectKnobs, Transcripts

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe detect runs/organism --out runs/probe"


@dataclass(frozen=True)
class DetectConfig(SubjectKnobs):
    """Fit probes at every layer and position, beside readers of the same text.

    The label is what the model did, never the presence of the trigger. Difference of means, mass
    mean, ridge and L2 logistic regression on the residual stream; layer, position, probe and
    penalty are chosen on training folds, so the headline AUROC is on held-out questions. What was
    captured stays in the run folder (activations/). With --crossed prompts meet the scratchpads
    of the other trigger state too: on an `xor` organism no reader of single words can then tell
    the label, and a probe only where the decision has been computed.
    """

    transcripts: Transcripts = None
    draws: Draws = 1
    positions: Annotated[
        str,
        typer.Option(help="Where to read; also steps, step:K, N%, every N%, answer:K, mean:SPAN."),
    ] = "prompt-end,last-step,close"
    crossed: Annotated[
        bool,
        typer.Option(help="Let it answer in all four cells: each prompt with either scratchpad."),
    ] = False


def run_detect(config: DetectConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    return run_once("probe detect", config, _run)


def _run(folder: RunFolder, config: DetectConfig) -> Found:
    from analyses.probing.detection import crossed, detect_defection, examples_of, transcripts_of
    from scratchpad.commanding import progress
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        transcripts = transcripts_of(subject, sampling)
        if config.crossed:
            transcripts = crossed(subject, transcripts, sampling)
    begin(folder, transcripts)
    with progress("Capturing and fitting", None):
        positions = [name.strip() for name in config.positions.split(",")]
        examples = examples_of(subject, transcripts, positions)
        return detect_defection(subject, examples, folder.path / "activations", config.seed)
