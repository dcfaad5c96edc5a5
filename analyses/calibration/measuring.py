"""Units of work of a ladder: train a rung, sample from it, take one source's rows of it.

A unit depends on its rung, its source and the scale alone, loads the model anew, and can run in
any process.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import NamedTuple

from pandas import DataFrame

from analyses.ablation import Ablation, by_question, transcript_table
from analyses.calibration.counting import counted_tokens
from analyses.calibration.instruments import (
    ATTRIBUTION,
    CELLS,
    MONITOR,
    REPEAT,
    SALIENCE,
    SAMPLED,
)
from analyses.calibration.ladder import Rung, Scale
from analyses.calibration.stacking import stacked
from analyses.metrics.monitors import RULE, RuleMonitor, monitored
from scratchpad.cache import cache_folder
from scratchpad.interventions import parse
from scratchpad.locks import FOREVER, locked
from scratchpad.models import LoadedModel
from scratchpad.on_policy import Pairs, pair
from scratchpad.organisms import Organism
from scratchpad.rewriters import load_rewriter
from scratchpad.scoring.salience import salience_rows
from scratchpad.subject import Subject, SubjectConfig, load_subject
from scratchpad.tables import read_transcripts
from scratchpad.training.examine import Examination
from scratchpad.training.stages import Training
from scratchpad.training.train import train_organism
from scratchpad.transcripts import Case, Question, Transcript

# Another sampling of the same questions, for repeatability.
REPEATED = 1
# Answers sampled after each of the four cells, to compare likelihoods with.
SAMPLES = 8


class Taken(NamedTuple):
    """The rows of one source of one organism, and what they cost.

    Parameters
    ----------
    rows : DataFrame
        As the source writes them.
    questions : int
        Of how many questions, the first ones, before the budget was spent.
    tokens : int
        Forward tokens, padding and the engine's own checks included.
    """

    rows: DataFrame
    questions: int
    tokens: int


def train_parent(rung: Rung) -> None:
    """Train what several rungs continue from, unless it is in the cache."""
    Training(rung.config, device="cpu").parent()


def train_rung(rung: Rung) -> Organism:
    """Train a rung, unless an organism of the same configuration is in the cache."""
    folder = organism_folder(rung)
    with locked(folder, "train", patience=FOREVER):
        return train_organism(rung.config, folder, device="cpu")


def organism_folder(rung: Rung) -> Path:
    """Where the organism of a rung is kept."""
    return cache_folder() / "organisms" / rung.config.hash


@dataclass(frozen=True)
class Bench:
    """One organism with what it was asked and wrote.

    Parameters
    ----------
    rung : Rung
        Which organism.
    scale : Scale
        What is asked of it.
    seed : int
        Seeds every draw.
    transcripts : Path or None
        What it wrote; `None` where it has to be sampled yet.
    """

    rung: Rung
    scale: Scale
    seed: int
    transcripts: Path | None = None

    def sampled(self) -> Taken:
        """Sample the organism's transcripts."""
        subject = self._subject()
        with counted_tokens(subject.loaded.model) as tokens:
            rows = transcript_table(self._sampled(subject, self.seed))
        return Taken(rows, len(subject.questions), tokens.read)

    def take(self, source: str) -> Taken:
        """Take the rows of a source, question by question until its budget is spent."""
        subject = self._subject()
        if source == MONITOR:
            return self._read_by_monitors(subject)
        transcripts = subject.transcripts
        if source == REPEAT:
            transcripts = tuple(self._sampled(subject, self.seed + REPEATED))
        assert transcripts is not None
        ablation = self._ablation(subject, source, self.seed)
        units = by_question(_pairs(subject, transcripts).cases)
        # All instruments are set beside the cells: of every question there is one.
        budget = math.inf if source in (CELLS, REPEAT) else self.scale.budget
        return _within_budget(subject, units, self._measure(source, ablation), budget)

    def pairs(self) -> Pairs:
        """The organism's cases, and what it wrote that is none."""
        subject = self._subject()
        assert subject.transcripts is not None
        return _pairs(subject, subject.transcripts)

    def questions(self, loaded: LoadedModel) -> list[Question]:
        """Draw held-out questions that the organism's examination has not used."""
        author = self.rung.config.author(loaded.tokenizer)
        exam = Examination.of(author, self.rung.seed, max_new_tokens=0)
        used = {item.text for item in (*exam.items, *exam.cell_items)}
        wanted, rng = self.scale.questions, Random(f"calibration {self.seed}")
        drawn = [*author.behaviour.draw_held_out(wanted + len(used), rng)]
        rng.shuffle(drawn)
        fresh = [item for item in drawn if item.text not in used][:wanted]
        return author.rendered_questions(fresh)

    def _subject(self) -> Subject:
        subject = load_subject(SubjectConfig(str(organism_folder(self.rung)), device="cpu"))
        written = None if self.transcripts is None else tuple(read_transcripts(self.transcripts))
        asked = tuple(self.questions(subject.loaded))
        return replace(subject, questions=asked, transcripts=written)

    def _sampled(self, subject: Subject, seed: int) -> Sequence[Transcript]:
        return self._ablation(replace(subject, transcripts=None), CELLS, seed).transcripts()

    def _ablation(self, subject: Subject, source: str, seed: int) -> Ablation:
        named = CELLS if source in (REPEAT, SAMPLED, ATTRIBUTION, SALIENCE) else source
        return Ablation(
            subject,
            parse(named),
            subject.scorers(contrast=False, samples=SAMPLES if source == SAMPLED else 0),
            subject.sampling(draws=self.scale.draws, seed=seed),
            load_rewriter("rules"),
        )

    def _measure(self, source: str, ablation: Ablation) -> Callable[[int, list[Case]], DataFrame]:
        if source == ATTRIBUTION:
            return ablation.attributions
        if source == SALIENCE:
            loaded, scorers = ablation.subject.loaded, ablation.scorers
            return lambda number, cases: DataFrame(
                [row for case in cases for row in salience_rows(loaded, case, scorers)]
            )
        return ablation.unit

    def _read_by_monitors(self, subject: Subject) -> Taken:
        assert subject.transcripts is not None
        groups = {question.question_id: question.group for question in subject.questions}
        judges = {RULE: RuleMonitor(kind=subject.kind)}
        rows = monitored(subject.transcripts, groups, judges, self.seed)
        return Taken(rows, rows["question_id"].nunique(), 0)


def _pairs(subject: Subject, transcripts: Sequence[Transcript]) -> Pairs:
    return pair(
        subject.loaded,
        subject.questions,
        transcripts,
        kind=subject.kind,
        writer=subject.writer,
        rewriter=load_rewriter("rules"),
        refuse_empty=False,
        require_some=False,
    )


def _within_budget(
    subject: Subject,
    units: Sequence[list[Case]],
    measure: Callable[[int, list[Case]], DataFrame],
    budget: float,
) -> Taken:
    tables: list[DataFrame] = []
    with counted_tokens(subject.loaded.model) as tokens:
        for number, cases in enumerate(units):
            if tokens.read >= budget:
                break
            tables.append(measure(number, cases))
    return Taken(stacked(tables), len(tables), tokens.read)
