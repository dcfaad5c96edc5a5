"""The ablation: transcripts in, outcomes of every variant out, and what they sum up to.

Each stage writes a table that the next one reads: transcripts, outcomes (one unit of work per
question), greedy outcomes, summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from scratchpad.errors import DataError
from scratchpad.interventions import Intervention
from scratchpad.on_policy import Pairs, SamplingConfig, pair, sample_transcripts
from scratchpad.scoring.cross_cells import cross_prompt_rows
from scratchpad.scoring.outcomes import Row, likelihood_rows, sampled_rows
from scratchpad.scoring.reversal import reversal_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.subject import Subject
from scratchpad.tables import transcript_row
from scratchpad.transcripts import Case, Question, Rewriter, Transcript, Variant

CELLS = "transplant"


@dataclass(frozen=True)
class Ablation:
    """Scores every intervention on every case of a subject.

    Parameters
    ----------
    subject : Subject
        The model under study.
    interventions : sequence of Intervention
        What is done to each case; the four cells come first.
    scorers : Scorers
        Which outcomes are measured.
    sampling : SamplingConfig
        How transcripts are sampled where none are given.
    rewriter : Rewriter, optional
        Who writes for interventions that rewrite steps.
    """

    subject: Subject
    interventions: Sequence[Intervention]
    scorers: Scorers
    sampling: SamplingConfig
    rewriter: Rewriter | None = None

    def transcripts(self, *, greedy: bool = False) -> list[Transcript]:
        """Sample the subject's transcripts, or take those that were given."""
        if self.subject.transcripts is not None and not greedy:
            return list(self.subject.transcripts)
        config = replace(self.sampling, temperature=0.0, draws=1) if greedy else self.sampling
        subject = self.subject
        drawn = sample_transcripts(subject.loaded, subject.questions, config, subject.classifier)
        return list(drawn)

    def pairs(self, transcripts: Sequence[Transcript], *, require_some: bool = True) -> Pairs:
        """Join transcripts to cases; sampled empty scratchpads are left out, given ones refused."""
        return pair(
            self.subject.loaded,
            self.subject.questions,
            transcripts,
            kind=self.subject.kind,
            writer=self.subject.writer,
            rewriter=self.rewriter,
            refuse_empty=self.subject.transcripts is not None,
            require_some=require_some,
        )

    def unit(self, number: int, cases: Sequence[Case]) -> pd.DataFrame:
        """Score all variants of one question's cases; the result depends on the config alone."""
        rows: list[Row] = []
        for case in cases:
            seed = self.sampling.seed * 1_000_003 + number * 101 + case.draw
            rows += self._case(case, seed)
        return pd.DataFrame(rows)

    def cells(self, cases: Sequence[Case]) -> pd.DataFrame:
        """Score the four cells alone."""
        rows = [
            row
            for number, case in enumerate(cases)
            for row in self.score(case, self.interventions[0](case, number), number)
        ]
        return pd.DataFrame(rows)

    def _case(self, case: Case, seed: int) -> list[Row]:
        variants = [v for made in self.interventions for v in made(case, seed)]
        rows = self.score(case, variants, seed)
        rows += cross_prompt_rows(self.subject.loaded, case, self.scorers)
        implanted = [v for v in variants if v.intervention == "implant" and not v.not_applicable]
        if self.scorers.classifier is not None and case.draw == 0:
            rows += reversal_rows(
                self.subject.loaded, case, implanted, self.scorers.classifier, self.sampling, seed
            )
        return rows

    def score(self, case: Case, variants: Sequence[Variant], seed: int = 0) -> list[Row]:
        """Score variants of a case by every scorer; sampling stays with the cells if it can."""
        rows = likelihood_rows(self.subject.loaded, case, variants, self.scorers)
        if self.scorers.samples and self.scorers.classifier is not None:
            every = self.scorers.headline == "sampled"
            chosen = [v for v in variants if every or v.intervention == CELLS]
            rows += sampled_rows(self.subject.loaded, case, chosen, self.scorers, seed)
        return rows


def by_question(cases: Sequence[Case]) -> list[list[Case]]:
    """Gather cases into units of work, one per question, in order."""
    units: dict[str, list[Case]] = {}
    for case in cases:
        units.setdefault(case.question.question_id, []).append(case)
    return list(units.values())


def unterminated_rows(pairs: Sequence[tuple[Question, int]], scorer: str) -> list[Row]:
    """Rows that count the cells of pairs whose scratchpad never closed; they have no value."""
    return [
        {
            "question_id": question.question_id,
            "group": question.group,
            "draw": draw,
            "intervention": CELLS,
            "arguments": "{}",
            "prompt_state": prompt_state,
            "scratchpad_state": scratchpad_state,
            "scorer": scorer,
            "unterminated": True,
        }
        for question, draw in pairs
        for prompt_state in (0, 1)
        for scratchpad_state in (0, 1)
    ]


def transcript_table(transcripts: Sequence[Transcript]) -> pd.DataFrame:
    """The transcripts as the table that is kept beside the outcomes."""
    return pd.DataFrame([transcript_row(transcript) for transcript in transcripts])


def require_scored(outcomes: pd.DataFrame, scorer: str) -> None:
    """Raise `DataError` if no variant got a value by the scorer that the verdict rests on."""
    if not outcomes.loc[outcomes["scorer"] == scorer, "value"].notna().any():
        raise DataError(
            f"No answer could be scored by {scorer}",
            "every row is invalid: the accepted answers cover less than .9 of the probability",
            "Give all accepted wordings as benign_answers, or use --classifier.",
        )
