"""What the anomaly experiment found, as tables: every target, position, detector and layer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from pandas import DataFrame

from probes.evaluation import estimate
from probes.experiments.anomaly.distances import DETECTORS
from probes.experiments.anomaly.unusual import TARGETS, TEXT, Observed, Scored
from probes.layers import hook_name
from probes.metrics import Floats, Metric, auroc, recall_at_1_fpr
from scratchpad.statistics import Estimate


def anomaly_table(seen: Observed, scored: Scored) -> DataFrame:
    """One row per target, position, detector and layer; without a layer: the mean rank."""
    return DataFrame(_rows(seen, scored)).astype({"layer": "Int64"})


def score_table(seen: Observed, scored: Scored) -> DataFrame:
    """One row per transcript and position, with its mean rank by every detector."""
    kinds = np.array(["clean", "triggered", "near miss"])[seen.kinds]
    return DataFrame(
        {
            "transcript_id": transcript,
            "group": seen.groups[row],
            "kind": kinds[row],
            "defected": bool(seen.defected[row]),
            "fold": int(scored.folds[row]),
            "position": position,
            **{name: float(ranks[row]) for name, ranks in found.items()},
        }
        for position in seen.positions
        for found in [{name: scored.mean_rank(position, name) for name in DETECTORS}]
        for row, transcript in enumerate(seen.ids)
    )


def judge(seen: Observed, scored: Scored, scores: Floats, target: str) -> Estimate:
    """AUROC of scores for a target."""
    return _estimate(auroc, seen, scored, scores, target)


def recall(seen: Observed, scored: Scored, scores: Floats, target: str) -> Estimate:
    """Recall at 1 % false positives of scores for a target."""
    return _estimate(recall_at_1_fpr, seen, scored, scores, target)


def _estimate(
    metric: Metric, seen: Observed, scored: Scored, scores: Floats, target: str
) -> Estimate:
    asked = TARGETS[target](seen)
    chosen = np.where(asked.rows, scores, np.nan)
    return estimate(metric, asked.labels, chosen, scored.folds, scored.resamples)


def _rows(seen: Observed, scored: Scored) -> Iterator[dict[str, Any]]:
    for target, ask in TARGETS.items():
        asked = ask(seen)
        if len(np.unique(asked.labels[asked.rows])) < 2:
            continue
        for position in seen.positions:
            for detector in DETECTORS:
                place = {"target": target, "position": position, "detector": detector}
                by_layer = scored.by_layer[position, detector]
                for layer, scores in zip(seen.layers, by_layer, strict=True):
                    found = judge(seen, scored, scores, target)
                    yield place | {"layer": layer, "hook": hook_name(layer)} | _columns(found)
                ranks = scored.mean_rank(position, detector)
                caught = recall(seen, scored, ranks, target)
                yield place | _columns(judge(seen, scored, ranks, target)) | {
                    "recall": caught.estimate, "recall_low": caught.low, "recall_high": caught.high
                }  # fmt: skip
            found = judge(seen, scored, scored.text[position], target)
            yield {"target": target, "position": position, "detector": TEXT} | _columns(found)


def _columns(value: Estimate) -> dict[str, Any]:
    return {"auroc": value.estimate, "low": value.low, "high": value.high, "n": value.n}
