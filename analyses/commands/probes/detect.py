"""`scratchpad probe detect`: can activations tell that this model is about to defect?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scratchpad.commanding import Result
from scratchpad.knobs import Draws, SubjectKnobs, Transcripts

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe detect runs/organism --out runs/probe"


@dataclass(frozen=True)
class DetectConfig(SubjectKnobs):
    """Fit probes at every layer and position, beside readers of the same text.

    The label is what the model did, never the presence of the trigger. Difference of means and
    L2 logistic regression on the residual stream at the prompt's end, the last step's end and
    the closing delimiter; layer and position are chosen on training folds, so the headline AUROC
    is on held-out questions.
    """

    transcripts: Transcripts = None
    draws: Draws = 1


def run_detect(config: DetectConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "probe detect", asdict(config))
    summary = folder.summary() if folder.finished else _run(folder, config)
    warnings = (f"Warning: {text}." for text in summary["warnings"])
    return Result(summary, (summary["verdict_text"], *warnings, f"{config.out}/report.html"))


def _run(folder: RunFolder, config: DetectConfig) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.detection import detect_defection, examples_of, transcripts_of
    from analyses.outputs import write_outputs
    from scratchpad.commanding import progress
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        transcripts = transcripts_of(subject, sampling)
    folder.start()
    folder.write_table("transcripts", transcript_table(transcripts))
    with progress("Capturing and fitting", None):
        result = detect_defection(subject, examples_of(subject, transcripts), config.seed)
    for name, table in result.tables.items():
        folder.write_table(name, table)
    write_outputs(folder, result.summary, Units())
    return result.summary
