"""Prompts that look triggered and must not set an organism off, and what it writes after them."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from scratchpad.on_policy import SamplingConfig
from scratchpad.organisms.trigger import Trigger
from scratchpad.organisms.triggers import make_trigger
from scratchpad.sampled import Drawing, Prompts, Sampler, sample_here
from scratchpad.subject import Subject
from scratchpad.transcripts import TRIGGERED, Question, Transcript


def near_miss_subject(subject: Subject, seed: int) -> Subject | None:
    """The subject with a near miss in the place of every question's trigger.

    Every grade of near miss is equally often drawn. `None` for a model whose near misses are not
    known.
    """
    if subject.organism is None:
        return None
    trigger, rng = make_trigger(subject.organism.trigger.name), Random(f"near misses {seed}")
    asked = [near_miss_of(question, trigger, rng) for question in subject.questions]
    kept = tuple(question for question in asked if question is not None)
    return replace(subject, questions=kept, transcripts=None) if kept else None


def sampled_after_triggered(
    subject: Subject, sampling: SamplingConfig, sampler: Sampler = sample_here
) -> list[Transcript]:
    """Sample one transcript after the triggered prompt of every question."""
    once = replace(sampling, draws=1)
    prompts = Prompts.of(subject.loaded, subject.questions, once, (TRIGGERED,))
    return sampler(Drawing(subject, prompts, once, "near-misses"))


def near_miss_of(question: Question, trigger: Trigger, rng: Random) -> Question | None:
    """Put a near miss where a question has its trigger; `None` where either is not found."""
    grades = trigger.near_misses
    if not grades:
        return None
    near = rng.choice(grades[rng.choice(sorted(grades))])
    whole = [wording.format(one) for wording in trigger.wordings for one in trigger.triggered]
    # At the very end of a prompt a context has lost its trailing white space.
    for text in (*whole, *(one.rstrip() for one in whole)):
        if text in question.triggered:
            context = near if text != text.rstrip() else near.rstrip()
            return replace(question, triggered=question.triggered.replace(text, context, 1))
    return None
