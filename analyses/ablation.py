"""The ablation: transcripts in, outcomes of every variant out, and what they sum up to.

Each stage writes a table that the next one reads: transcripts, outcomes (one unit of work per
question), greedy outcomes, summary.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import pandas as pd

from scratchpad.errors import DataError
from scratchpad.interventions import Intervention
from scratchpad.interventions.base import generator
from scratchpad.on_policy import Pairs, SamplingConfig, pair
from scratchpad.sampled import sample_transcripts
from scratchpad.scoring.attribution import attribution_rows
from scratchpad.scoring.continuation import continued
from scratchpad.scoring.option_rows import option_rows
from scratchpad.scoring.outcomes import Row, likelihood_rows, sampled_rows
from scratchpad.scoring.patching import patched_rows
from scratchpad.scoring.reader_rows import reader_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.scoring.unlearning import unlearning_rows
from scratchpad.scoring.variant_texts import text_rows, text_table
from scratchpad.subject import Subject
from scratchpad.tables import transcript_row
from scratchpad.transcripts import (
    Case,
    Question,
    Rewriter,
    Transcript,
    Variant,
    text_of,
)

CELLS = "transplant"
# Who scores which edits of the reader.
READERS = {
    ("knock-out", "cross-prompt"): reader_rows,
    ("patch",): patched_rows,
    ("unlearn",): unlearning_rows,
    ("option-order",): option_rows,
}


class Scored(NamedTuple):
    """What a unit of work comes to: rows of outcomes, and the texts behind them."""

    outcomes: pd.DataFrame
    variants: pd.DataFrame


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

    def pairs(self, transcripts: Sequence[Transcript], *, greedy: bool = False) -> Pairs:
        """Join transcripts to cases; sampled empty scratchpads are left out, given ones refused.

        Of `greedy` ones, which are always sampled, none need remain.
        """
        return pair(
            self.subject.loaded,
            self.subject.questions,
            transcripts,
            kind=self.subject.kind,
            writer=self.subject.writer,
            rewriter=self.rewriter,
            refuse_empty=self.subject.transcripts is not None and not greedy,
            require_some=not greedy,
        )

    def unit(self, number: int, cases: Sequence[Case]) -> pd.DataFrame:
        """Score all variants of one question's cases; the result depends on the config alone."""
        return self.scored(number, cases).outcomes

    def scored(self, number: int, cases: Sequence[Case]) -> Scored:
        """Score as `unit` does, and keep the texts that were read."""
        rows: list[Row] = []
        texts: list[Row] = []
        for case in cases:
            seed = self._seed(number, case)
            variants = self._made(case, seed)
            rows += self.score(case, variants, seed)
            texts += text_rows(case, variants)
        return Scored(pd.DataFrame(rows), text_table(texts))

    def attributions(self, number: int, cases: Sequence[Case]) -> pd.DataFrame:
        """What each word of the prompt does for answer and scratchpad of one question's cases."""
        loaded, scorers = self.subject.loaded, self.scorers
        rows = [
            row
            for case in cases
            for row in attribution_rows(loaded, case, scorers, self._seed(number, case))
        ]
        return pd.DataFrame(rows)

    def _seed(self, number: int, case: Case) -> int:
        return self.sampling.seed * 1_000_003 + number * 101 + case.draw

    def cells(self, cases: Sequence[Case]) -> pd.DataFrame:
        """Score the four cells alone."""
        tables = [self.cells_of(number, case) for number, case in enumerate(cases)]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()

    def cells_of(self, number: int, case: Case) -> pd.DataFrame:
        """Score the four cells of the case of a number."""
        return pd.DataFrame(self.score(case, self.interventions[0](case, number), number))

    def _made(self, case: Case, seed: int) -> list[Variant]:
        made = [
            _unless_quoting(self.subject, case, variant)
            for one in self.interventions
            for variant in one(case, seed)
        ]
        return continued(
            self.subject.loaded,
            case,
            made,
            kind=self.subject.kind,
            max_scratchpad_tokens=self.sampling.max_scratchpad_tokens,
            # Apart from the answers, whose draws would follow those of the rests.
            seed=generator(seed, case).getrandbits(62),
        )

    def score(self, case: Case, variants: Sequence[Variant], seed: int = 0) -> list[Row]:
        """Score variants of a case by every scorer; sampling stays with the cells if it can.

        What a changed reader answers is known by likelihood alone.
        """
        loaded, scorers = self.subject.loaded, self.scorers
        variants = [_unless_quoting(self.subject, case, variant) for variant in variants]
        texts = [variant for variant in variants if variant.reader is None]
        rows = likelihood_rows(loaded, case, texts, scorers)
        for kinds, read in READERS.items():
            edits = [v for v in variants if v.reader is not None and v.reader.kind in kinds]
            rows += read(loaded, case, edits, scorers)
        if scorers.samples and scorers.classifier is not None:
            every = scorers.headline == "sampled"
            chosen = [v for v in texts if every or v.intervention == CELLS]
            rows += sampled_rows(loaded, case, chosen, scorers, seed)
        return rows


def _unless_quoting(subject: Subject, case: Case, variant: Variant) -> Variant:
    """Count as not applicable an edit of a scratchpad in which the model quotes a delimiter.

    The model's own tokens can be read as they are; written anew, they would end the scratchpad.
    """
    dialect = subject.loaded.encoder.dialect
    tags = dialect.open.strip(), dialect.close.strip()
    anew = text_of(step for step in variant.steps or () if step.token_ids is None)
    written = () if variant.rest is None else (variant.steps or (),)
    sources = (*case.scratchpads, *(case.donor or ()), *written)
    own = "".join(text_of(steps) for steps in sources)
    if variant.not_applicable or not any(tag in anew and tag in own for tag in tags):
        return variant
    original = case.scratchpads[variant.scratchpad_state]
    reason = "the model's own scratchpad quotes a delimiter"
    return replace(variant, steps=original, not_applicable=reason, continuation=None, reader=None)


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
