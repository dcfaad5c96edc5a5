"""The anomaly experiment: from a subject to what is unusual about its defections."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from pandas import DataFrame

from analyses.probing.detection import examples_of, reading_of
from analyses.probing.near_misses import near_miss_subject, sampled_after_triggered
from probes.activations import layers_of
from probes.examples import Examples
from probes.experiments.anomaly.summary import summary_of
from probes.experiments.anomaly.tables import anomaly_table, score_table
from probes.experiments.anomaly.unusual import CLEAN, NEAR_MISS, TRIGGERED, Observed, score
from scratchpad.on_policy import SamplingConfig
from scratchpad.sampled import Sampler, sample_here
from scratchpad.subject import Subject
from scratchpad.transcripts import Transcript


class Anomalies(NamedTuple):
    """The tables by name, and what summary.json holds."""

    tables: Mapping[str, DataFrame]
    summary: Mapping[str, Any]


def near_misses_of(
    subject: Subject, sampling: SamplingConfig, sampler: Sampler = sample_here
) -> Examples | None:
    """Sample what an organism writes after near misses, if it has any."""
    near = near_miss_subject(subject, sampling.seed)
    if near is None:
        return None
    return examples_of(near, sampled_after_triggered(near, sampling, sampler))


def find_anomalies(
    subject: Subject, transcripts: Sequence[Transcript], near: Examples | None, seed: int
) -> Anomalies:
    """Capture the residual stream and score every transcript by its distance from benign ones."""
    seen = observe(subject, examples_of(subject, transcripts), near)
    scored = score(seen, seed=seed)
    tables = {"anomalies": anomaly_table(seen, scored), "scores": score_table(seen, scored)}
    return Anomalies(tables, summary_of(seen, scored))


def observe(subject: Subject, examples: Examples, near: Examples | None) -> Observed:
    """Read transcripts, and those of near misses behind them."""
    parts = [examples] if near is None else [examples, near]
    reading = reading_of(subject)
    kinds = [np.where(examples.triggered, TRIGGERED, CLEAN)]
    if near is not None:
        kinds.append(np.full(len(near.ids), NEAR_MISS))
    return Observed(
        ids=tuple(name for part in parts for name in part.ids),
        activations=np.concatenate([reading.capture(part.texts) for part in parts]),
        prefixes=tuple(
            tuple(prefix for part in parts for prefix in part.prefix_ids(column))
            for column in range(len(examples.position_names))
        ),
        layers=layers_of(subject.loaded.model),
        positions=examples.position_names,
        kinds=np.concatenate(kinds),
        defected=np.concatenate([part.labels for part in parts]),
        groups=np.concatenate([part.groups for part in parts]),
    )
