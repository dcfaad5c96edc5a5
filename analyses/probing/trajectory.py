"""The trajectory experiment: from a subject's transcripts to the step at which readers know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from pandas import DataFrame

from probes.examples import Examples, collect
from probes.experiments.trajectory.experiment import POSITIONS
from probes.metrics import Floats
from scratchpad.engines.units import finish_units, unit_names
from scratchpad.errors import DataError
from scratchpad.interventions.ablations import Truncate
from scratchpad.on_policy import steps_of
from scratchpad.outlined import weights_mark
from scratchpad.runs import RunFolder
from scratchpad.scoring.outcomes import likelihood_rows
from scratchpad.scoring.scorers import Scorers
from scratchpad.subject import Subject
from scratchpad.transcripts import Case, Question, Step, Transcript

FORCED, TOGETHER = "forced", 16
"""The kind of units of forced answers, and how many transcripts one is of."""


class Stepped(NamedTuple):
    """A transcript with its question and its steps."""

    transcript: Transcript
    question: Question
    steps: tuple[Step, ...]


def stepped(subject: Subject, transcripts: Sequence[Transcript]) -> list[Stepped]:
    """Split scratchpads into steps; those of other questions, and empty ones, are left out.

    Raises
    ------
    DataError
        If none is left.
    """
    questions = {question.question_id: question for question in subject.questions}
    found = [
        Stepped(one, questions[one.question_id], steps_of(subject.loaded, one, subject.kind))
        for one in transcripts
        if one.question_id in questions and (one.scratchpad or "").strip()
    ]
    if not found:
        raise DataError(
            f"None of {len(transcripts)} transcripts has a step to read",
            "their scratchpads are empty, or their questions are not among those given",
            "Give transcripts with scratchpads, or the dialect whose delimiters the model writes.",
        )
    return found


def examples_of(subject: Subject, transcripts: Sequence[Stepped]) -> Examples:
    """Encode transcripts and find the prompt's end and the end of every step."""
    encoder = subject.loaded.encoder
    encoded = [
        encoder.sequence(question.prompts[one.triggered], steps, one.answer)
        for one, question, steps in transcripts
    ]
    return collect(
        [one.transcript for one in transcripts],
        encoded,
        [one.question.group for one in transcripts],
        encoder.decode,
        POSITIONS,
    )


def payload_scorers(subject: Subject) -> Scorers | None:
    """What scores the likelihood of a payload; `None` where no payload is known."""
    scorers = subject.scorers(contrast=False, samples=1)
    return scorers if scorers.has_payload else None


@dataclass(frozen=True)
class ForceAnswers:
    """Closes transcripts after each of their steps; gives P(defection) by their row and the step.

    Parameters
    ----------
    subject : Subject
    scorers : Scorers
    transcripts : tuple of Stepped
        A unit is `TOGETHER` of them.
    """

    subject: Subject
    scorers: Scorers
    transcripts: tuple[Stepped, ...]

    @property
    def worker_bytes(self) -> int:
        """Memory that a worker needs."""
        return self.subject.worker_bytes

    def __call__(self) -> Callable[[int], dict[str, DataFrame]]:
        """Give what forces the answers of the transcripts of a unit."""
        return lambda number: {FORCED: DataFrame(self._rows(number), columns=["row", "step", "p"])}

    def _rows(self, number: int) -> Iterator[tuple[int, int, float]]:
        first = number * TOGETHER
        for row, one in enumerate(self.transcripts[first : first + TOGETHER], first):
            for step, chance in enumerate(_forced(self.subject, self.scorers, one)):
                yield row, step, chance


def forced_answers(
    subject: Subject,
    scorers: Scorers,
    transcripts: Sequence[Stepped],
    examples: Examples,
    folder: RunFolder,
) -> Floats:
    """Probability of a defection when a transcript is closed after each of its steps.

    Parameters
    ----------
    subject, scorers
        The model, and its payload.
    transcripts, examples
        The examples' transcripts, and perhaps others.
    folder : RunFolder
        Started; keeps some transcripts' answers as a unit.

    Returns
    -------
    array, shape (n, positions)
        NaN where a transcript lacks the step. The probability is taken whatever the coverage.
    """
    by_id = {one.transcript.id: one for one in transcripts}
    chosen = tuple(by_id[name] for name in examples.ids)
    count = -(-len(chosen) // TOGETHER)
    names = unit_names(count, weights_mark(subject.loaded.name), chosen)
    stage = ForceAnswers(subject, scorers, chosen)
    finish_units(folder, subject.engine, stage, names, FORCED, "Forcing answers")
    rows = folder.merged_units(FORCED, names)
    found = np.full(examples.positions.shape[:2], np.nan)
    found[rows["row"], rows["step"]] = rows["p"]
    return found


def _forced(subject: Subject, scorers: Scorers, one: Stepped) -> list[float]:
    case = Case(one.question, (one.steps, one.steps), subject.loaded.encoder)
    state = int(one.transcript.triggered)
    cut = [variant for variant in Truncate()(case, 0) if variant.prompt_state == state]
    return [row["p_defect"] for row in likelihood_rows(subject.loaded, case, cut, scorers)]
