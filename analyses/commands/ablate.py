"""`scratchpad ablate`: change the scratchpads of a model and measure what it then does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from scratchpad.knobs import Draws, EngineKnobs, SubjectKnobs, Transcripts
from scratchpad.terminal import Result

if TYPE_CHECKING:
    import pandas as pd

    from analyses.ablation import Ablation
    from scratchpad.engines.base import Engine
    from scratchpad.on_policy import Pairs
    from scratchpad.rewriters.written import Speaker
    from scratchpad.runs import RunFolder
    from scratchpad.subject import Subject
    from scratchpad.transcripts import Transcript

DEFAULT_INTERVENTIONS = "remove,empty,truncate,drop-step,flip-step,implant,filler,shuffle"
# Empty and implanted scratchpads are needed by the checks before "decoration", paraphrased ones
# before "encoded".
ALWAYS = "transplant,relay,reasoning,empty,implant,regenerate:implant,cross-prompt,paraphrase"
# What stands in a summary for --require to name.
REQUIRED = (
    "verdict", "scorer", "total_effect", "pure_direct_effect", "total_direct_effect",
    "pure_indirect_effect", "total_indirect_effect", "interaction", "necessity_share",
    "proportion_mediated", "sufficiency_share", "normalised_interaction", "relay_share",
    "reasoning_share", "cells", "cells_by_scorer", "greedy_cells", "verdict_by_invalid",
    "decoration_checks", "encoding_checks", "between_question_variance", "invalid_share",
    "unterminated_pairs", "surprisal", "interventions", "metrics",
)  # fmt: skip
EXAMPLE = "scratchpad ablate runs/organism --out runs/ablation --with truncate,filler:dots"


@dataclass(frozen=True)
class AblateConfig(EngineKnobs, SubjectKnobs):
    """Change a model's scratchpads and measure what it then does.

    The four cells (clean and triggered prompt x clean and triggered scratchpad) and the relay
    split are always measured; --with adds interventions. Ends in a verdict: does the visible
    reasoning drive the defection?
    """

    with_: Annotated[
        str,
        typer.Option(
            "--with",
            help=f"Interventions (default: {DEFAULT_INTERVENTIONS.replace(',', ', ')}).",
            show_default=False,
        ),
    ] = DEFAULT_INTERVENTIONS
    rewriter: Annotated[
        str,
        typer.Option(help="Who rewrites steps: rules, hf:MODEL or server:URL#MODEL."),
    ] = "rules"
    judge: Annotated[
        str | None,
        typer.Option(help="A model that reads scratchpads as a monitor: hf:MODEL or server:..."),
    ] = None
    transcripts: Transcripts = None
    contrast: Annotated[
        bool, typer.Option("--contrast", help="Also compare the questions' own answers.")
    ] = False
    attribute: Annotated[
        bool,
        typer.Option(
            "--attribute", help="Also say what each word of the prompt does (CC-SHAP): slow."
        ),
    ] = False
    draws: Draws = 4
    samples: Annotated[int, typer.Option(help="Answers sampled per cell; 0: none.", min=0)] = 8


def run_ablate(config: AblateConfig) -> Result:
    """Run the ablation, or return the summary of a finished run of the same configuration."""
    from scratchpad.engines.choosing import chosen_engine
    from scratchpad.runs import RunFolder

    folder = RunFolder.open(config.out, "ablate", asdict(config))
    if folder.finished:
        return _result(config, folder.summary())
    with chosen_engine(config.engine, config.address, device=config.device) as engine:
        ablation = _prepare(config, engine)
        return _result(config, _run(folder, config, ablation))


def _result(config: AblateConfig, summary: Mapping[str, Any]) -> Result:
    from analyses.calibration.quoted import NONE_APPLIES, said
    from analyses.headlines import ablation_tables

    known_error = said(summary.get("known_error", {"reason": NONE_APPLIES}))
    return Result(
        summary,
        (f"{config.out}/report.html",),
        verdict=f"{summary['verdict_text']}\n{known_error}",
        tables=ablation_tables(summary),
        warnings=tuple(summary["warnings"]),
    )


def _prepare(config: AblateConfig, engine: Engine) -> Ablation:
    from analyses.ablation import Ablation
    from scratchpad.interventions import parse
    from scratchpad.rewriters import load_rewriter
    from scratchpad.subject import load_subject, subject_config

    interventions = parse(f"{ALWAYS},{config.with_}" if config.with_ else ALWAYS)
    rewriter = load_rewriter(config.rewriter)
    if config.judge is not None:
        _speaker(config.judge)  # a wrong name is to be found out before the weights are read
    subject = load_subject(subject_config(config), engine)
    scorers = subject.scorers(
        contrast=config.contrast or subject.has_contrast, samples=config.samples
    )
    sampling = subject.sampling(draws=config.draws, seed=config.seed)
    return Ablation(subject, interventions, scorers, sampling, rewriter)


def _run(folder: RunFolder, config: AblateConfig, ablation: Ablation) -> Mapping[str, Any]:
    from analyses.ablation import transcript_table
    from analyses.ablation_summary import summarise_ablation
    from analyses.ablation_units import ShowExamples, score_greedy, written
    from analyses.metrics.summary import metric_table
    from analyses.outputs import write_outputs
    from scratchpad.terminal import progress

    scorer = ablation.scorers.headline
    folder.start()
    transcripts = written(folder, ablation)
    greedy = written(folder, ablation, greedy=True)
    pairs = ablation.pairs(transcripts)
    folder.write_table("transcripts", transcript_table(transcripts))
    tables = _score(folder, ablation, pairs, transcripts, attribute=config.attribute)
    outcomes = tables.pop("outcomes")
    greedy_cells = score_greedy(folder, ablation, greedy)
    folder.write_table("greedy_outcomes", greedy_cells)
    with progress("Summing up", None):
        monitored = _monitored(ablation.subject, transcripts, config)
        summary = summarise_ablation(
            outcomes,
            greedy_cells,
            pairs.cases,
            tables={"monitored": monitored, **tables},
            scorer=scorer,
            seed=config.seed,
        )
        summary["known_error"] = _known_error(ablation, pairs, summary["metrics"])
        folder.write_table("metrics", metric_table(summary["metrics"]))
        shown = ShowExamples(ablation, tuple(transcripts))
        [(_, entries)] = ablation.subject.engine.run(shown, [()])
        folder.write_json("examples.json", entries)
        write_outputs(folder, summary, folder.units)
    return summary


def _known_error(ablation: Ablation, pairs: Pairs, metrics: Mapping[str, Any]) -> dict[str, Any]:
    from statistics import fmean

    from analyses.calibration.quoted import known_error

    subject = ablation.subject
    return known_error(
        subject.organism,
        metrics,
        scorer=ablation.scorers.headline,
        sampled=subject.transcripts is None,
        mean_steps=fmean(len(case.scratchpads[1]) for case in pairs.cases),
    )


def _monitored(
    subject: Subject, transcripts: Sequence[Transcript], config: AblateConfig
) -> pd.DataFrame:
    """Let text monitors read the transcripts that the scratchpads come from."""
    from analyses.metrics.judges import ModelJudge
    from analyses.metrics.monitors import JUDGE, RULE, Judge, RuleMonitor, monitored
    from analyses.probing.detection import judged

    groups = {question.question_id: question.group for question in subject.questions}
    judges: dict[str, Judge] = {RULE: RuleMonitor(kind=subject.kind)}
    if config.judge is not None:
        judges[JUDGE] = ModelJudge(_speaker(config.judge))
    return monitored(judged(subject, transcripts), groups, judges, config.seed)


def _speaker(judge: str) -> Speaker:
    from scratchpad.rewriters import load_speaker

    return load_speaker(judge, f"judge {judge!r}")


def _score(
    folder: RunFolder,
    ablation: Ablation,
    pairs: Pairs,
    transcripts: Sequence[Transcript],
    *,
    attribute: bool,
) -> dict[str, pd.DataFrame]:
    """Score every question and write the tables; gives outcomes, and attributions if asked for."""
    import pandas as pd

    from analyses.ablation import require_scored, unterminated_rows
    from analyses.ablation_units import OUTCOMES, VARIANTS, ScoreQuestions, score_questions

    scorer = ablation.scorers.headline
    stage = ScoreQuestions(ablation, tuple(transcripts), attribute)
    tables = score_questions(folder, ablation, pairs, stage)
    if left_out := unterminated_rows(pairs.unterminated, scorer):
        both = [tables[OUTCOMES], pd.DataFrame(left_out)]
        tables[OUTCOMES] = pd.concat(both, ignore_index=True)
    for name, table in tables.items():
        folder.write_table(name, table)
    require_scored(tables[OUTCOMES], scorer)
    del tables[VARIANTS]
    return tables
