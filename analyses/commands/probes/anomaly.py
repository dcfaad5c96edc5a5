"""`scratchpad probe anomaly`: are this model's defections unusual, to a reader without labels?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from scratchpad.commanding import Result
from scratchpad.knobs import Draws, SubjectKnobs, Transcripts

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe anomaly runs/organism --out runs/anomaly"


@dataclass(frozen=True)
class AnomalyConfig(SubjectKnobs):
    """Score transcripts by their distance from benign controls, without any label.

    Fitted to the transcripts of clean prompts in other groups of questions: Mahalanobis distance,
    relative Mahalanobis distance, nearest neighbours and PCA reconstruction, at every layer and
    position. Nothing is chosen by labels: the headline is the mean rank over layers at the closing
    delimiter. The confounds stand beside it: the trigger's presence, an organism's near misses and
    the same detector on the text alone.
    """

    transcripts: Transcripts = None
    draws: Draws = 1


def run_anomaly(config: AnomalyConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "probe anomaly", asdict(config))
    summary = folder.summary() if folder.finished else _run(folder, config)
    warnings = (f"Warning: {text}." for text in summary["warnings"])
    return Result(summary, (summary["verdict_text"], *warnings, f"{config.out}/report.html"))


def _run(folder: RunFolder, config: AnomalyConfig) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.outputs import write_outputs
    from analyses.probing.anomaly import find_anomalies, near_misses_of
    from analyses.probing.detection import transcripts_of
    from scratchpad.commanding import progress
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    with progress("Sampling transcripts", None):
        transcripts = transcripts_of(subject, sampling)
        near = near_misses_of(subject, sampling)
    folder.start()
    folder.write_table("transcripts", transcript_table(transcripts))
    with progress("Capturing and scoring", None):
        found = find_anomalies(subject, transcripts, near, config.seed)
    for name, table in found.tables.items():
        folder.write_table(name, table)
    write_outputs(folder, found.summary, Units())
    return found.summary
