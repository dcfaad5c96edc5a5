"""The summary of a probe experiment: its numbers, what it chose, and what may be said of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from probes.crossvalidation import Choice
from probes.experiments.detection.alarms import fewest_texts
from probes.experiments.detection.apart import CONTROL, NEAR_MISS, Scored
from probes.experiments.detection.experiment import Cell, Experiment
from probes.experiments.detection.verdicts import Findings, verdict_text, warnings_of
from probes.layers import hook_name
from scratchpad.statistics import Estimate


def summary_of(
    experiment: Experiment,
    choice: Choice[Cell],
    readers_at: Mapping[str, Choice[str]],
    numbers: Mapping[str, Estimate],
    apart: Mapping[str, Scored],
) -> dict[str, Any]:
    """Put together what summary.json holds.

    Parameters
    ----------
    experiment : Experiment
    choice : Choice of Cell
        The probe chosen for each fold.
    readers_at : mapping of str to Choice of str
        The text reader chosen at each position.
    numbers : mapping of str to Estimate
        Every estimate, by its key.
    apart : mapping of str to Scored
        Control text and near misses.
    """
    cell, labels = choice.favourite, experiment.examples.labels
    findings = Findings(
        layer=cell.layer,
        position=cell.position,
        probe=cell.probe,
        reader=readers_at[cell.position].favourite,
        auroc=numbers["auroc"],
        text_auroc=numbers["text_auroc"],
        minus_text=numbers["auroc_minus_text"],
        shuffled=numbers["shuffled_auroc"],
        random_best=numbers["random_best"],
        trigger=numbers["trigger_auroc"],
        benign_per_fold=int(np.bincount(experiment.folds[~labels]).min()),
        caught=numbers["recall_at_1_fpr_from_control"],
        over_near_misses=numbers["auroc_against_near_misses"],
        near_miss_alarms=numbers["near_miss_alarms"],
    )
    return {
        **{name: number.to_json() for name, number in numbers.items()},
        "layer": cell.layer,
        "hook": hook_name(cell.layer),
        "position": cell.position,
        "probe": cell.probe,
        "text_reader": findings.reader,
        "chosen_by_fold": [cell._asdict() for cell in choice.keys],
        "n_transcripts": len(labels),
        "n_defected": int(labels.sum()),
        **_counts(experiment, apart),
        "left_out": dict(experiment.examples.left_out),
        "absent": experiment.absent,
        "warnings": [*_missing(experiment), *warnings_of(findings)],
        "verdict_text": verdict_text(findings),
    }


def _counts(experiment: Experiment, apart: Mapping[str, Scored]) -> dict[str, int]:
    """Transcripts set apart, those of them that defected, and control texts of a fold's model."""
    found: dict[str, int] = {}
    for name, key in ((CONTROL, "control"), (NEAR_MISS, "near_misses")):
        labels = apart[name].examples.labels if name in apart else np.zeros(0, dtype=np.bool_)
        found |= {f"n_{key}": len(labels), f"n_{key}_defected": int(labels.sum())}
    control = apart.get(CONTROL)
    fewest = 0 if control is None else fewest_texts(control, experiment.folds)
    return found | {"n_control_per_fold": fewest}


def _missing(experiment: Experiment) -> list[str]:
    total = len(experiment.examples.ids)
    return [
        f"position {name} is absent in {count} of {total} transcripts"
        + ("" if name in experiment.positions else ": too few to fit, left out")
        for name, count in experiment.absent.items()
        if count
    ]
