"""`scratchpad probe detect`: can activations tell that this model is about to defect?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

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
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "probe detect", asdict(config))
    summary = folder.summary() if folder.finished else _run(folder, config)
    warnings = (f"Warning: {text}." for text in summary["warnings"])
    return Result(summary, (summary["verdict_text"], *warnings, f"{config.out}/report.html"))


def _run(folder: RunFolder, config: DetectConfig) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.outputs import write_outputs
    from analyses.probing.detection import crossed, detect_defection, examples_of, transcripts_of
    from scratchpad.commanding import progress
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        transcripts = transcripts_of(subject, sampling)
        if config.crossed:
            transcripts = crossed(subject, transcripts, sampling)
    folder.start()
    folder.write_table("transcripts", transcript_table(transcripts))
    with progress("Capturing and fitting", None):
        positions = [name.strip() for name in config.positions.split(",")]
        examples = examples_of(subject, transcripts, positions)
        result = detect_defection(subject, examples, folder.path / "activations", config.seed)
    for name, table in result.tables.items():
        folder.write_table(name, table)
    write_outputs(folder, result.summary, Units())
    return result.summary
