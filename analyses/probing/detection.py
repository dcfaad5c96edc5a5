"""The detection experiment: from a subject to probes at every layer and position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from probes.crossvalidation import group_folds
from probes.evaluation import Resamples, estimate
from probes.examples import Examples, collect
from probes.experiments.detection.apart import Apart
from probes.experiments.detection.detect import DetectResult, detect
from probes.experiments.detection.experiment import DetectConfig
from probes.metrics import auroc
from probes.positions import PARTS
from probes.reading import Reading
from probes.text_baselines import text_scores
from scratchpad.crossed import CrossedPrompts, judged_throughout
from scratchpad.encoding import Encoded
from scratchpad.models import LoadedModel, resolve_device
from scratchpad.on_policy import SamplingConfig, pair, steps_of
from scratchpad.sampled import Drawing, Prompts, Sampler, sample_here
from scratchpad.statistics import Estimate
from scratchpad.subject import Subject
from scratchpad.transcripts import Case, Transcript, text_of

FOLDS = 5


def transcripts_of(
    subject: Subject,
    sampling: SamplingConfig,
    sampler: Sampler = sample_here,
    kind: str = "sampled",
) -> list[Transcript]:
    """The given transcripts, judged where they carry no label, or newly sampled ones."""
    if subject.transcripts is not None:
        return judged(subject, subject.transcripts)
    prompts = Prompts.of(subject.loaded, subject.questions, sampling)
    return sampler(Drawing(subject, prompts, sampling, kind))


def crossed(
    subject: Subject,
    transcripts: Sequence[Transcript],
    sampling: SamplingConfig,
    sampler: Sampler = sample_here,
) -> list[Transcript]:
    """Answers in all four cells of the transcripts' scratchpads; pairs that lack one are left out.

    Raises
    ------
    DataError
        If no question has both scratchpads.
    """
    pairs = pair(subject.loaded, subject.questions, transcripts, kind=subject.kind,
                 refuse_empty=False)  # fmt: skip
    prompts = CrossedPrompts.of(subject.loaded, pairs.cases, sampling)
    return judged_throughout(sampler(Drawing(subject, prompts, sampling, "crossed")))


def judged(subject: Subject, transcripts: Sequence[Transcript]) -> list[Transcript]:
    """Judge given answers that carry no label; sampled ones were judged when they were written."""
    judge = subject.classifier
    if judge is None or subject.transcripts is None:
        return list(transcripts)
    return [
        replace(t, defected=judge(t.answer, finished=True)) if t.defected is None else t
        for t in transcripts
    ]


def examples_of(
    subject: Subject,
    transcripts: Sequence[Transcript],
    positions: Sequence[str] = tuple(PARTS),
) -> Examples:
    """Encode transcripts and find the probes' positions in them.

    Transcripts of questions that the subject does not have, or with an empty scratchpad, are
    left out.
    """
    questions = {question.question_id: question for question in subject.questions}
    silent = subject.organism is not None and not subject.organism.reasons
    known = [t for t in transcripts if t.question_id in questions]
    kept = [t for t in known if silent or (t.scratchpad or "").strip()]
    prompts = [questions[t.question_id].prompts[t.triggered] for t in kept]
    encoded = [
        _encoded(subject, transcript, prompt)
        for transcript, prompt in zip(kept, prompts, strict=True)
    ]
    groups = [questions[t.question_id].group for t in kept]
    return collect(kept, encoded, groups, subject.loaded.encoder.decode, positions)


def reading_of(subject: Subject) -> Reading:
    """Who reads a subject's activations."""
    return Reading(subject.loaded, subject.engine)


def fitting_device(loaded: LoadedModel) -> str:
    """Where probes are fitted: beside the model, or by this process if the model is elsewhere."""
    device = loaded.model.device
    return str(resolve_device("auto") if device.type == "meta" else device)


def detect_defection(
    subject: Subject,
    examples: Examples,
    folder: Path,
    seed: int,
    apart: Mapping[str, Examples] | None = None,
) -> DetectResult:
    """Capture the residual stream into a folder, and run the experiment on what lies there.

    What is set apart, by its kind, goes into folders beside it.
    """
    reading = reading_of(subject)
    beside = {
        kind: Apart(one, reading.record(_beside(folder, kind), one.texts))
        for kind, one in (apart or {}).items()
    }
    activations = reading.record(folder, examples.texts)
    config = DetectConfig(device=fitting_device(subject.loaded))
    return detect(examples, activations, apart=beside, config=config, seed=seed)


def scratchpad_auroc(cases: Sequence[Case], seed: int) -> Estimate:
    """How well a text classifier tells triggered from clean scratchpads, on held-out groups.

    The best reader of word and token counts; groups never straddle a fold (science: whether m1
    and m0 say different things at all).
    """
    texts = [text_of(case.scratchpads[state]) for case in cases for state in (0, 1)]
    tokens = [case.tokenizer.encode(text_of(case.scratchpads[s])) for case in cases for s in (0, 1)]
    labels = np.tile([False, True], len(cases))
    groups = np.repeat(np.array([case.question.group for case in cases], dtype=np.str_), 2)
    if len(set(groups)) < FOLDS:
        return Estimate.undefined(len(set(groups)), f"fewer than {FOLDS} groups of questions")
    folds = group_folds(labels, groups, FOLDS, seed)
    resamples = Resamples.draw(groups, 2000, seed)
    readers = text_scores(tokens, texts, labels, folds, np.ones(len(labels), dtype=np.bool_))
    scores = readers["words and pairs"].held_out
    return estimate(auroc, labels, scores, folds, resamples)


def _beside(folder: Path, kind: str) -> Path:
    return folder.with_name(f"{folder.name}-{kind.replace(' ', '-')}")


def _encoded(subject: Subject, transcript: Transcript, prompt: str) -> Encoded:
    written = transcript.scratchpad is not None
    steps = steps_of(subject.loaded, transcript, subject.kind) if written else None
    return subject.loaded.encoder.sequence(prompt, steps, transcript.answer)
