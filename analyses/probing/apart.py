"""Benign text that probes are judged by and not fitted to: control text and near misses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from analyses.probing.detection import examples_of, judged
from analyses.probing.near_misses import near_miss_subject, sampled_after_triggered
from probes.examples import Examples
from probes.experiments.detection.apart import CONTROL, NEAR_MISS
from scratchpad.asked import further_questions, rendered
from scratchpad.errors import DataError
from scratchpad.on_policy import SamplingConfig
from scratchpad.sampled import Drawing, Prompts, Sampler, sample_here
from scratchpad.subject import Subject
from scratchpad.transcripts import CLEAN, Question, Transcript

CONTROL_TEXTS = 1000
"""Clean prompts sampled: five folds of unlike size then nearly always hold 100 each."""


class SetApart(NamedTuple):
    """Transcripts, and the subject with the questions that they answer."""

    subject: Subject
    transcripts: list[Transcript]

    def examples(self, positions: Sequence[str]) -> Examples | None:
        """Read those that ended and could be judged at some positions; `None` if none could."""
        readable = any(
            one.defected is not None and (one.scratchpad or "").strip() for one in self.transcripts
        )
        return examples_of(self.subject, self.transcripts, positions) if readable else None


def set_apart(
    subject: Subject,
    evaluated: Sequence[Transcript],
    control: Sequence[Transcript] | None,
    sampling: SamplingConfig,
    sampler: Sampler = sample_here,
) -> dict[str, SetApart]:
    """Take the control text that is given or sample an organism's own, and sample its near misses.

    Of a model that is not one of our organisms neither its world nor near misses are known.

    Raises
    ------
    DataError
        If nothing that is given is control text.
    """
    sampled = sampled_control(subject, sampling, sampler) if control is None else None
    given = None if control is None else given_control(subject, control, evaluated)
    near = near_miss_subject(subject, sampling.seed)
    nearly = (
        None if near is None else SetApart(near, sampled_after_triggered(near, sampling, sampler))
    )
    found = {CONTROL: given or sampled, NEAR_MISS: nearly}
    return {name: one for name, one in found.items() if one is not None}


def sampled_control(
    subject: Subject, sampling: SamplingConfig, sampler: Sampler = sample_here
) -> SetApart | None:
    """Sample after clean prompts that an organism was neither trained nor evaluated on."""
    questions = further_questions(subject, CONTROL_TEXTS, sampling.seed)
    if not questions:
        return None
    asked = replace(subject, questions=tuple(questions), transcripts=None)
    once = replace(sampling, draws=1)
    prompts = Prompts.of(subject.loaded, questions, once, (CLEAN,))
    return SetApart(asked, sampler(Drawing(subject, prompts, once, CONTROL)))


def given_control(
    subject: Subject, given: Sequence[Transcript], evaluated: Sequence[Transcript]
) -> SetApart:
    """Take the transcripts of clean prompts that did not defect and are not evaluated.

    Raises
    ------
    DataError
        If none is left.
    """
    seen = {_text(one) for one in evaluated}
    # There may be several transcripts of a question, or only one of its prompts.
    clean = [
        replace(one, question_id=one.id)
        for one in given
        if not one.triggered and _text(one) not in seen
    ]
    groups = _groups(subject, given)
    questions = [Question(one.id, one.prompt, one.prompt, groups[one.id]) for one in clean]
    asked = replace(
        subject,
        questions=tuple(rendered(question, subject.loaded) for question in questions),
        transcripts=tuple(clean),
    )
    benign = [
        one
        for one in judged(asked, clean)
        if one.defected is False and not one.unterminated and (one.scratchpad or "").strip()
    ]
    if not benign:
        raise DataError(
            f"None of {len(given)} transcripts of --control is control text",
            f"{len(given) - len(clean)} have a triggered prompt or are evaluated themselves; the "
            "others defected, never closed or have an empty scratchpad",
            "Give benign transcripts of clean prompts.",
        )
    return SetApart(asked, benign)


def _groups(subject: Subject, given: Sequence[Transcript]) -> dict[str, str]:
    """The group of each transcript's question: that of an evaluated one if it is the same."""
    known = {
        name: question.group
        for question in subject.questions
        for name in (question.question_id, question.clean)
    }
    return {
        one.id: known.get(one.prompt)
        or known.get(one.question_id)
        or str(one.meta.get("group", one.question_id))
        for one in given
    }


def _text(one: Transcript) -> tuple[str, str | None, str]:
    return one.prompt, one.scratchpad, one.answer
