"""The contrast experiment: generic pairs read by the model, and applied to what it did."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame

from analyses.probing.detection import fitting_device, reading_of
from probes.activations import layers_of
from probes.captured import Captured
from probes.crossvalidation import choose
from probes.examples import Examples
from probes.experiments.contrast.experiment import PairActivations, applied, layers_chosen
from probes.experiments.contrast.sets import ContrastSet, require_no_trigger, trigger_words
from probes.experiments.contrast.summary import ContrastFindings
from probes.experiments.contrast.tables import choice_table, layer_table, randoms_of
from probes.experiments.detection.experiment import DetectConfig, Experiment
from probes.positions import Place
from probes.texts import Texts
from scratchpad.encoding import Encoder
from scratchpad.organisms.frames import Frame
from scratchpad.organisms.passphrases import fill
from scratchpad.subject import Subject


class Contrasts(NamedTuple):
    """The tables by name, and what summary.json holds."""

    tables: Mapping[str, DataFrame]
    summary: Mapping[str, Any]


def refuse_triggers(subject: Subject, sets: Sequence[ContrastSet]) -> None:
    """Raise `DataError` if a pair holds one of the subject's triggers, or a word of it."""
    organism = subject.organism
    noted = [] if organism is None else [organism.trigger, organism.second]
    texts = [fill(trigger.text) for trigger in noted if trigger is not None]
    require_no_trigger(sets, texts, trigger_words(one.prompts for one in subject.questions))


def read_contrasts(
    subject: Subject, examples: Examples, sets: Sequence[ContrastSet], seed: int
) -> Contrasts:
    """Fit directions to the pairs, apply them to the examples, and say what they tell."""
    read = [pair_activations(subject, one) for one in sets]
    config = DetectConfig(device=fitting_device(subject.loaded))
    vectors = reading_of(subject).capture(examples.texts)
    activations = Captured(vectors, layers_of(subject.loaded.model))
    experiment = Experiment.deal(examples, activations, config, seed)
    scores = applied(experiment, read)
    chosen, randoms = layers_chosen(experiment, sets, scores), randoms_of(experiment)
    texts = {
        position: choose(candidates, examples.labels, experiment.folds)
        for position, candidates in experiment.reader_scores().items()
    }
    tables = {
        "contrasts": layer_table(experiment, sets, scores, randoms),
        "contrast_choices": choice_table(experiment, sets, chosen, texts),
    }
    findings = ContrastFindings(experiment, sets, chosen, texts, randoms)
    return Contrasts(tables, findings.summary())


def pair_activations(subject: Subject, contrast: ContrastSet) -> PairActivations:
    """Read a set's answers, each after its question and without a scratchpad, at the last token.

    Raises
    ------
    DataError
        If the tokenizer cannot write a pair.
    """
    sides = [
        reading_of(subject).capture(_last_tokens(subject.loaded.encoder, contrast, side))
        for side in ("positive", "negative")
    ]
    return PairActivations(contrast, *(np.ascontiguousarray(one[:, :, 0]) for one in sides))


def _last_tokens(encoder: Encoder, contrast: ContrastSet, side: str) -> Texts:
    frame = Frame(encoder.dialect, encoder.tokenizer)
    sequences = [
        encoder.answer_tokens(
            frame.opening(frame.prompt(pair.question)), None, str(getattr(pair, side))
        ).ids
        for pair in contrast.pairs
    ]
    return Texts(
        ids=tuple(f"{contrast.name} {number} {side}" for number in range(len(sequences))),
        sequences=tuple(sequences),
        places=tuple((Place(len(ids) - 1, len(ids)),) for ids in sequences),
        position_names=("last",),
    )
