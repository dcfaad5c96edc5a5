"""The tables of a probe experiment: one row per cell, reader, position, control or transcript."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pandas import DataFrame

from probes.crossvalidation import Choice, Scores, choose
from probes.experiments.detection.apart import Scored
from probes.experiments.detection.experiment import Cell, Experiment
from probes.layers import hook_name
from probes.metrics import Floats
from scratchpad.statistics import Estimate


def probe_table(experiment: Experiment, probes: Mapping[Cell, Scores]) -> DataFrame:
    """One row per position, layer and probe, with its held-out AUROC."""
    return DataFrame(
        {
            "layer": cell.layer,
            "hook": hook_name(cell.layer),
            "position": cell.position,
            "probe": cell.probe,
            **_auroc(experiment.auroc(scores.held_out)),
        }
        for cell, scores in probes.items()
    )


def reader_table(experiment: Experiment, readers: Mapping[str, Mapping[str, Scores]]) -> DataFrame:
    """One row per position and text reader, with its held-out AUROC."""
    return DataFrame(
        {"position": position, "reader": reader, **_auroc(experiment.auroc(scores.held_out))}
        for position, candidates in readers.items()
        for reader, scores in candidates.items()
    )


def position_table(
    experiment: Experiment, probes: Mapping[Cell, Scores], readers_at: Mapping[str, Choice[str]]
) -> DataFrame:
    """One row per position: the probe and the reader that most folds chose there, compared."""
    rows = []
    for position, reader in readers_at.items():
        here = {cell: scores for cell, scores in probes.items() if cell.position == position}
        probe = choose(here, experiment.examples.labels, experiment.folds)
        rows.append(
            {
                "position": position,
                "n_transcripts": int(experiment.rows(position).sum()),
                "absent": experiment.absent[position],
                "layer": probe.favourite.layer,
                "probe": probe.favourite.probe,
                **_auroc(experiment.auroc(probe.scores)),
                "reader": reader.favourite,
                **_prefixed("text_auroc", experiment.auroc(reader.scores)),
                **_prefixed("minus_text", experiment.auroc_minus(probe.scores, reader.scores)),
            }
        )
    return DataFrame(rows)


def control_table(controls: Mapping[str, Estimate]) -> DataFrame:
    """One row per control."""
    return DataFrame(
        {
            "control": name,
            "estimate": value.estimate,
            "low": value.low,
            "high": value.high,
            "n": value.n,
            "reason": value.reason,
        }
        for name, value in controls.items()
    )


def score_table(experiment: Experiment, choice: Choice[Cell], text: Floats) -> DataFrame:
    """One row per transcript, with the held-out scores of probe and text reader."""
    examples = experiment.examples
    cells = [choice.keys[fold] for fold in experiment.folds]
    return DataFrame(
        {
            "transcript_id": examples.ids,
            "group": examples.groups,
            "triggered": examples.triggered,
            "defected": examples.labels,
            "fold": experiment.folds,
            "position": [cell.position for cell in cells],
            "layer": [cell.layer for cell in cells],
            "probe": [cell.probe for cell in cells],
            "probe_score": choice.scores,
            "text_score": text,
        }
    )


def apart_table(apart: Mapping[str, Scored]) -> DataFrame:
    """One row per transcript set apart and fold whose probe scored it."""
    columns = ("kind", "transcript_id", "group", "defected", "fold", "position", "layer", "probe",
               "probe_score")  # fmt: skip
    rows = [
        (kind, one.examples.ids[row], one.examples.groups[row], one.examples.labels[row], fold,
         *one.cells[fold], score)
        for kind, one in apart.items()
        for row, fold, score in zip(one.rows, one.folds, one.scores, strict=True)
    ]  # fmt: skip
    return DataFrame(rows, columns=list(columns))


def _auroc(value: Estimate) -> dict[str, Any]:
    return {"auroc": value.estimate, "low": value.low, "high": value.high, "n": value.n}


def _prefixed(name: str, value: Estimate) -> dict[str, Any]:
    return {name: value.estimate, f"{name}_low": value.low, f"{name}_high": value.high}
