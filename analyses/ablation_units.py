"""The units of an ablation: one question's variants, by number, in any process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from analyses.ablation import Ablation, by_question
from analyses.examples import examples
from scratchpad.engines.units import finish_units, unit_names
from scratchpad.on_policy import Pairs
from scratchpad.outlined import weights_mark
from scratchpad.runs import RunFolder
from scratchpad.sampled import Drawing, Prompts, SampleInto
from scratchpad.transcripts import Transcript

OUTCOMES, VARIANTS, ATTRIBUTIONS, GREEDY = "outcomes", "variants", "attributions", "greedy"


def written(folder: RunFolder, ablation: Ablation, *, greedy: bool = False) -> list[Transcript]:
    """Take the transcripts that were given, or sample them, batch by batch."""
    subject, sampling = ablation.subject, ablation.sampling
    if subject.transcripts is not None and not greedy:
        return list(subject.transcripts)
    if greedy:
        sampling = replace(sampling, temperature=0.0, draws=1)
    kind = f"sampled-{GREEDY}" if greedy else "sampled"
    prompts = Prompts.of(subject.loaded, subject.questions, sampling)
    return SampleInto(folder)(Drawing(subject, prompts, sampling, kind))


@dataclass(frozen=True)
class _OfCases:
    """What a worker does with the cases that it makes of transcripts.

    Parameters
    ----------
    ablation : Ablation
    transcripts : tuple of Transcript
    """

    ablation: Ablation
    transcripts: tuple[Transcript, ...]

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.ablation.subject.worker_bytes


@dataclass(frozen=True)
class ScoreQuestions(_OfCases):
    """Scores every variant of a question's cases; with `attribute` every word of a prompt, too."""

    attribute: bool

    def __call__(self) -> Callable[[int], dict[str, pd.DataFrame]]:
        """Make the cases; gives what scores those of the question of a number."""
        units = by_question(self.ablation.pairs(self.transcripts).cases)

        def work(number: int) -> dict[str, pd.DataFrame]:
            cases, found = units[number], {}
            if self.attribute:
                found[ATTRIBUTIONS] = self.ablation.attributions(number, cases)
            scored = self.ablation.scored(number, cases)
            return found | {VARIANTS: scored.variants, OUTCOMES: scored.outcomes}

        return work


class ScoreCells(_OfCases):
    """Scores the four cells of one case of greedy scratchpads."""

    def __call__(self) -> Callable[[int], dict[str, pd.DataFrame]]:
        """Make the cases; gives what scores that of a number."""
        cases = self.ablation.pairs(self.transcripts, greedy=True).cases
        return lambda number: {GREEDY: self.ablation.cells_of(number, cases[number])}


class ShowExamples(_OfCases):
    """Shows some cases before and after interventions, in one piece."""

    def __call__(self) -> Callable[[], list[dict[str, Any]]]:
        """Make the cases; gives what shows them."""
        cases = self.ablation.pairs(self.transcripts).cases
        return lambda: examples(cases, self.ablation)


def score_questions(
    folder: RunFolder, ablation: Ablation, pairs: Pairs, stage: ScoreQuestions
) -> dict[str, pd.DataFrame]:
    """Score every question that is not scored yet; one question is one unit of work."""
    count = len(by_question(pairs.cases))
    names = _names(count, ablation, stage.transcripts)
    finish_units(folder, ablation.subject.engine, stage, names, OUTCOMES, "Scoring variants")
    kinds = (OUTCOMES, VARIANTS, *((ATTRIBUTIONS,) if stage.attribute else ()))
    return {kind: folder.merged_units(kind, names) for kind in kinds}


def score_greedy(
    folder: RunFolder, ablation: Ablation, transcripts: Sequence[Transcript]
) -> pd.DataFrame:
    """Score the four cells of every case of greedy scratchpads; there may be none."""
    cases = ablation.pairs(transcripts, greedy=True).cases
    stage = ScoreCells(ablation, tuple(transcripts))
    engine, names = ablation.subject.engine, _names(len(cases), ablation, stage.transcripts)
    finish_units(folder, engine, stage, names, GREEDY, "Greedy scratchpads")
    return folder.merged_units(GREEDY, names) if cases else pd.DataFrame()


def _names(count: int, ablation: Ablation, transcripts: tuple[Transcript, ...]) -> list[str]:
    subject = ablation.subject
    return unit_names(count, weights_mark(subject.loaded.name), subject.questions, transcripts)
