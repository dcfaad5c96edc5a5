"""The anomaly experiment on planted data: held out, without labels, and honest in its words."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from probes.experiments.anomaly.distances import DETECTORS
from probes.experiments.anomaly.summary import summary_of
from probes.experiments.anomaly.tables import anomaly_table, score_table
from probes.experiments.anomaly.unusual import (
    CLEAN,
    NEAR_MISS,
    TEXT,
    TRIGGERED,
    Observed,
    deal,
    score,
)
from scratchpad.errors import DataError

GROUPS, WIDTH, LAYERS = 60, 8, (-1, 0)


def observe(*, defected_alone: bool = True, shift: float = 6.0, near: bool = True) -> Observed:
    """Three transcripts a group; what is moved in one layer: defections, or whatever is no clean
    prompt."""
    kinds = np.tile([CLEAN, TRIGGERED, NEAR_MISS] if near else [CLEAN, TRIGGERED], GROUPS)
    groups = np.repeat([f"g{number}" for number in range(GROUPS)], 3 if near else 2)
    defected = (kinds == TRIGGERED) & (np.arange(len(kinds)) // 3 % 4 > 0)
    generator = np.random.default_rng(0)
    activations = generator.standard_normal((len(kinds), len(LAYERS), 2, WIDTH))
    moved = defected if defected_alone else kinds != CLEAN
    activations[moved, 1, 1, 2] += shift
    return Observed(
        ids=tuple(f"t{row}" for row in range(len(kinds))),
        activations=activations.astype(np.float32),
        prefixes=(tuple((1, 2) for _ in kinds),) * 2,
        layers=LAYERS,
        positions=("prompt-end", "close"),
        kinds=kinds,
        defected=defected,
        groups=groups,
    )


def test_a_defection_that_is_unusual_is_found_where_it_is() -> None:
    seen = observe()
    scored = score(seen, seed=0, draws=200)
    table = anomaly_table(seen, scored)
    assert set(table["detector"]) == {*DETECTORS, TEXT}
    rows = table.query("target == 'defection' and detector == 'Mahalanobis'")
    aurocs = rows.set_index(["position", "layer"])["auroc"]
    assert aurocs["close", 0] > 0.95
    assert 0.35 < aurocs["close", -1] < 0.65
    assert 0.35 < aurocs["prompt-end", 0] < 0.65
    ranked = rows[rows["layer"].isna() & (rows["position"] == "close")].iloc[0]
    assert ranked["low"] <= ranked["auroc"] <= ranked["high"]
    assert ranked["n"] == GROUPS
    summary = summary_of(seen, scored)
    json.dumps(summary)
    assert summary["auroc"]["estimate"] == ranked["auroc"]
    assert summary["text_auroc"]["estimate"] == 0.5
    assert summary["auroc_same_trigger"]["low"] > 0.5
    assert summary["auroc_for_near_misses"]["low"] < 0.5 < summary["auroc_for_near_misses"]["high"]
    assert "not the trigger's presence alone" in summary["verdict_text"]
    assert len(score_table(seen, scored)) == 2 * len(seen.ids)


def test_a_detector_of_unusual_prompts_is_called_one() -> None:
    seen = observe(defected_alone=False)
    summary = summary_of(seen, score(seen, seed=0, draws=200))
    assert summary["auroc_for_trigger"]["low"] > 0.7
    assert summary["auroc_for_near_misses"]["low"] > 0.7
    assert "a detector of the trigger, and no more" in summary["verdict_text"]
    assert any("near misses, which are benign" in warning for warning in summary["warnings"])
    assert any("token counts" in warning for warning in summary["warnings"]) is False


def test_a_model_without_near_misses_has_no_number_for_them() -> None:
    seen = observe(near=False)
    summary = summary_of(seen, score(seen, seed=0, draws=50))
    assert summary["auroc_for_near_misses"]["reason"] == "this model has no near misses"
    assert "Near misses" not in summary["verdict_text"]


def test_labels_and_a_transcripts_own_fold_change_no_score() -> None:
    seen = observe()
    before = score(seen, seed=0, draws=2)
    after = score(replace(seen, defected=~seen.defected), seed=0, draws=2)
    changed = seen.activations.copy()
    inside = before.folds == 0
    kept = inside & (np.cumsum(inside) <= 3)
    changed[inside & ~kept] += 100
    moved = score(replace(seen, activations=changed), seed=0, draws=2)
    for key, scores in before.by_layer.items():
        np.testing.assert_array_equal(scores, after.by_layer[key])
        # To ten digits of the largest score of the fold, which moved.
        np.testing.assert_allclose(scores[:, kept], moved.by_layer[key][:, kept], atol=1e-5)


def test_groups_are_dealt_whole_and_evenly() -> None:
    groups = np.repeat([f"g{number}" for number in range(10)], 3)
    folds = deal(groups, 5, seed=1)
    assert all(len(set(folds[groups == group])) == 1 for group in set(groups))
    assert np.bincount(folds).tolist() == [6] * 5
    with pytest.raises(DataError, match="Only 4 groups of questions"):
        deal(groups[:12], 5, seed=0)


def test_too_few_benign_transcripts_are_refused() -> None:
    seen = observe()
    rows = np.arange(len(seen.ids)) < 15
    few = replace(
        seen,
        ids=seen.ids[:15],
        prefixes=tuple(part[:15] for part in seen.prefixes),
        activations=seen.activations[rows],
        kinds=seen.kinds[rows],
        defected=seen.defected[rows],
        groups=seen.groups[rows],
    )
    with pytest.raises(DataError, match="Only 4 transcripts of clean prompts have the position"):
        score(few, seed=0)
