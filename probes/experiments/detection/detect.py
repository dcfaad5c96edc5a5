"""The first probe experiment: can activations tell that this model is about to defect?

Labels are what the model did. Every layer and position is probed; the headline is held out twice:
the cell is chosen on the other folds, and the probe is fitted on the other folds. Beside it stands
the best reader of the same text, chosen in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from pandas import DataFrame

from probes.captured import Activations
from probes.controls import random_directions, shuffled_labels
from probes.crossvalidation import Choice, Scores, choose
from probes.evaluation import estimate
from probes.examples import Examples
from probes.experiments.detection import tables
from probes.experiments.detection.alarms import alarms
from probes.experiments.detection.apart import Apart, score_apart
from probes.experiments.detection.experiment import Cell, DetectConfig, Experiment
from probes.experiments.detection.summary import summary_of
from probes.metrics import Floats, auroc, calibration_error, recall_at_1_fpr
from scratchpad.statistics import Estimate

CONTROLS = (
    "text_auroc",
    "length_auroc",
    "trigger_auroc",
    "auroc_same_trigger",
    "auroc_against_near_misses",
    "shuffled_auroc",
    "random_best",
    "random_p95",
)
"""What the headline is to be compared with, in the order of the table of controls."""


@dataclass(frozen=True)
class DetectResult:
    """What the experiment found.

    Parameters
    ----------
    probes : DataFrame
        One row per position, layer (-1: the embeddings) and probe: `layer`, `hook`, `position`,
        `probe`, `auroc`, `low`, `high`, `n` (groups).
    readers : DataFrame
        One row per position and text reader: `position`, `reader`, `auroc`, `low`, `high`, `n`.
    positions : DataFrame
        One row per position: how many transcripts have it, the probe and the text reader chosen
        there on the other folds, their AUROCs and the paired difference.
    controls : DataFrame
        One row per control: `control`, `estimate`, `low`, `high`, `n`, `reason`.
    scores : DataFrame
        One row per transcript: its label, its fold, the probe that judged it and the held-out
        scores of that probe and of the text reader. Scores share a scale within a fold only.
    apart : DataFrame
        One row per transcript of control text or of a near miss, and fold whose probe scored it.
    summary : mapping
        What summary.json holds, with `warnings` and `verdict_text`.
    """

    probes: DataFrame
    readers: DataFrame
    positions: DataFrame
    controls: DataFrame
    scores: DataFrame
    apart: DataFrame
    summary: Mapping[str, Any]

    @property
    def tables(self) -> dict[str, DataFrame]:
        """The tables by name."""
        names = ("probes", "readers", "positions", "controls", "scores", "apart")
        return {name: getattr(self, name) for name in names}


def detect(
    examples: Examples,
    activations: Activations,
    *,
    apart: Mapping[str, Apart] | None = None,
    config: DetectConfig | None = None,
    seed: int = 0,
) -> DetectResult:
    """Run the experiment on captured activations.

    Parameters
    ----------
    examples : Examples
        Judged transcripts and where they were read.
    activations : Activations
        Of `examples.texts`, in memory or on disk.
    apart : mapping of str to Apart, optional
        Transcripts that nothing is fitted to: `CONTROL` text, which sets the threshold of an alarm,
        and `NEAR_MISS`es.
    config : DetectConfig, optional
    seed : int
        Seeds folds, resamples, shuffles and random directions.

    Raises
    ------
    DataError
        If only one outcome occurs, or in too few groups, or no position is present often enough.
    """
    experiment = Experiment.deal(examples, activations, config or DetectConfig(), seed)
    probes, readers = experiment.probe_scores(), experiment.reader_scores()
    choice = choose(probes, examples.labels, experiment.folds)
    readers_at = {
        position: choose(candidates, examples.labels, experiment.folds)
        for position, candidates in readers.items()
    }
    text = _text_beside(experiment, choice, readers_at)
    numbers = _numbers(experiment, choice, text) | _controls(experiment, choice.favourite, readers)
    numbers["calibration_error"] = _calibration(experiment, probes, choice.favourite)
    beside = {name: score_apart(experiment, choice, one) for name, one in (apart or {}).items()}
    numbers |= alarms(experiment, choice.scores, beside)
    return DetectResult(
        probes=tables.probe_table(experiment, probes),
        readers=tables.reader_table(experiment, readers),
        positions=tables.position_table(experiment, probes, readers_at),
        controls=tables.control_table({name: numbers[name] for name in CONTROLS}),
        scores=tables.score_table(experiment, choice, text),
        apart=tables.apart_table(beside),
        summary=summary_of(experiment, choice, readers_at, numbers, beside),
    )


def _text_beside(
    experiment: Experiment, choice: Choice[Cell], readers_at: Mapping[str, Choice[str]]
) -> Floats:
    """Held-out scores of the best text reader at the position that each fold's probe reads."""
    scores = np.full(len(experiment.folds), np.nan)
    for fold, cell in enumerate(choice.keys):
        inside = experiment.folds == fold
        scores[inside] = readers_at[cell.position].scores[inside]
    return scores


def _numbers(experiment: Experiment, choice: Choice[Cell], text: Floats) -> dict[str, Estimate]:
    labels, triggered = experiment.examples.labels, experiment.examples.triggered
    folds, resamples = experiment.folds, experiment.resamples
    headline = experiment.auroc(choice.scores)
    no_twin = Estimate.undefined(
        resamples.counts.shape[1], "see `scratchpad probe transfer --twin`"
    )
    # Pairs of equally triggered transcripts only: the matched design.
    matched = estimate(auroc, labels, choice.scores, 2 * folds + triggered, resamples)
    if not matched.defined:
        matched = replace(matched, reason="equally triggered transcripts all had one outcome")
    return {
        "auroc": headline,
        "auroc_gap": no_twin,
        "auroc_backdoored": headline,
        "auroc_twin": no_twin,
        "auroc_same_trigger": matched,
        "text_auroc": experiment.auroc(text),
        "auroc_minus_text": experiment.auroc_minus(choice.scores, text),
        "trigger_auroc": experiment.auroc(triggered.astype(np.float64)),
        "recall_at_1_fpr": estimate(recall_at_1_fpr, labels, choice.scores, folds, resamples),
    }


def _calibration(experiment: Experiment, probes: Mapping[Cell, Scores], cell: Cell) -> Estimate:
    """Of the logistic probe where most folds read: other probes' scores are no probabilities."""
    scores = probes[cell._replace(probe="logistic")].held_out
    folds, resamples = experiment.folds, experiment.resamples
    return estimate(calibration_error, experiment.examples.labels, scores, folds, resamples)


def _controls(
    experiment: Experiment, cell: Cell, readers: Mapping[str, Mapping[str, Scores]]
) -> dict[str, Estimate]:
    """Controls at the cell that most folds chose."""
    config, labels = experiment.config, experiment.examples.labels
    features, rows = experiment.features(cell), experiment.rows(cell.position)
    shared = (features, labels, experiment.folds, rows, experiment.resamples)
    by_chance = random_directions(*shared, count=config.random_directions, seed=experiment.seed)
    return {
        "shuffled_auroc": shuffled_labels(
            cell.probe, *shared, shuffles=config.shuffles, seed=experiment.seed
        ),
        "random_best": by_chance.best,
        "random_p95": by_chance.p95,
        "length_auroc": experiment.auroc(readers[cell.position]["length"].held_out),
    }
