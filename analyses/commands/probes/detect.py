"""`scratchpad probe detect`: can activations tell that this model is about to defect?"""

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

# What stands in a summary for --require to name.
REQUIRED = (
    "auroc", "auroc_gap", "auroc_backdoored", "auroc_twin", "auroc_same_trigger", "text_auroc",
    "auroc_minus_text", "trigger_auroc", "recall_at_1_fpr", "length_auroc", "shuffled_auroc",
    "random_best", "random_p95", "calibration_error", "recall_at_1_fpr_from_control",
    "auroc_against_near_misses", "near_miss_alarms", "layer", "hook", "position", "probe",
    "text_reader", "n_transcripts", "n_defected", "n_control", "n_control_defected",
    "n_near_misses", "n_near_misses_defected", "n_control_per_fold", "left_out", "absent",
)  # fmt: skip
EXAMPLE = "scratchpad probe detect runs/organism --out runs/probe"


@dataclass(frozen=True)
class DetectConfig(ProbeKnobs):
    """Fit probes at every layer and position, beside readers of the same text.

    The label is what the model did, never the presence of the trigger. Difference of means, mass
    mean, ridge and L2 logistic regression on the residual stream; layer, position, probe and
    penalty are chosen on training folds, so the headline AUROC is on held-out questions. What was
    captured stays in the run folder (activations/). With --crossed prompts meet the scratchpads
    of the other trigger state too: on an `xor` organism no reader of single words can then tell
    the label, and a probe only where the decision has been computed.

    Control text, benign and in no fold, sets the threshold that 1 % of it may pass: what an
    organism writes after 1000 newly drawn held-out prompts, or what --control gives. An organism
    is asked its near misses too: a probe that fires on them reads the look of a trigger.
    """

    transcripts: Transcripts = None
    draws: Draws = 1
    positions: Annotated[
        str,
        typer.Option(help="Where to read; also steps, step:K, N%, every N%, answer:K, mean:SPAN."),
    ] = "prompt-end,last-step,close"
    control: Annotated[
        Path | None,
        typer.Option(help="Benign transcripts (JSONL or Parquet) for the 1 % threshold."),
    ] = None
    crossed: Annotated[
        bool,
        typer.Option(help="Let it answer in all four cells: each prompt with either scratchpad."),
    ] = False


def run_detect(config: DetectConfig) -> Result:
    """Run the experiment, or return the summary of a finished run of the same configuration."""
    return run_once("probe detect", config, _run)


def _run(folder: RunFolder, config: DetectConfig, engine: Engine) -> Found:
    from analyses.ablation import transcript_table
    from analyses.probing.apart import set_apart
    from analyses.probing.detection import crossed, detect_defection, examples_of, transcripts_of
    from scratchpad.sampled import SampleInto
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.tables import read_transcripts
    from scratchpad.terminal import progress

    control = None if config.control is None else read_transcripts(config.control)
    subject = load_subject(subject_config(config), engine)
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    folder.start()
    transcripts = transcripts_of(subject, sampling, SampleInto(folder))
    if config.crossed:
        transcripts = crossed(subject, transcripts, sampling, SampleInto(folder))
    apart = set_apart(subject, transcripts, control, sampling, SampleInto(folder))
    keep(folder, transcripts)
    for kind, one in apart.items():
        folder.write_table(kind.replace(" ", "_"), transcript_table(one.transcripts))
    with progress("Capturing and fitting", None):
        positions = [name.strip() for name in config.positions.split(",")]
        examples = examples_of(subject, transcripts, positions)
        read = {kind: one.examples(examples.position_names) for kind, one in apart.items()}
        beside = {kind: one for kind, one in read.items() if one is not None}
        place = folder.path / "activations"
        return detect_defection(subject, examples, place, config.seed, beside)
