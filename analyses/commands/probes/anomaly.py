"""`scratchpad probe anomaly`: are this model's defections unusual, to a reader without labels?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from analyses.commands.probes.running import Found, ProbeKnobs, keep, run_once
from scratchpad.knobs import Draws, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    from scratchpad.engines.base import Engine
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe anomaly runs/organism --out runs/anomaly"


@dataclass(frozen=True)
class AnomalyConfig(ProbeKnobs):
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
    return run_once("probe anomaly", config, _run)


def _run(folder: RunFolder, config: AnomalyConfig, engine: Engine) -> Found:
    from analyses.probing.anomaly import find_anomalies, near_misses_of
    from analyses.probing.detection import transcripts_of
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.terminal import progress

    subject = load_subject(subject_config(config), engine)
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    transcripts = transcripts_of(subject, sampling, SampleInto(folder))
    near = near_misses_of(subject, sampling, SampleInto(folder))
    keep(folder, transcripts)
    with progress("Capturing and scoring", None):
        return find_anomalies(subject, transcripts, near, config.seed)
