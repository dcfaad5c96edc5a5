"""Figures of scores and of steps, against what other code makes of the same rows."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from pandas import DataFrame

from analyses.figures import FIGURES
from analyses.metrics import METRICS
from probes.metrics import auroc, recall_at_1_fpr


@pytest.mark.parametrize("reader", ["probe", "text"])
def test_roc_agrees_with_the_metrics_of_probes(score_table: DataFrame, reader: str) -> None:
    data = FIGURES["roc"].data(score_table)
    own = data.loc[data["reader"] == reader]
    labels, scores, folds = (
        torch.tensor(score_table[name].to_numpy())
        for name in ("defected", f"{reader}_score", "fold")
    )
    shared = (labels, scores, torch.ones(1, len(labels), dtype=torch.float64), folds)
    area = own.loc[own["quantity"] == "auroc", "estimate"].item()
    assert area == pytest.approx(auroc(*shared).item())
    recall = own.loc[own["quantity"] == "recall"].set_index("fpr")["estimate"]
    assert recall[0.01] == pytest.approx(recall_at_1_fpr(*shared).item())
    assert recall.is_monotonic_increasing
    assert recall[1.0] == 1
    assert len(data.loc[data["quantity"] == "auroc"]) == 2


def test_a_fold_of_one_outcome_has_no_threshold(score_table: DataFrame) -> None:
    one = score_table.assign(defected=score_table["defected"] | (score_table["fold"] == 0))
    data, without = (FIGURES["roc"].data(table) for table in (one, one.loc[one["fold"] != 0]))
    assert list(data["estimate"]) == list(without["estimate"])


def test_scores_are_in_deviations_of_their_fold(score_table: DataFrame) -> None:
    data = FIGURES["score-distributions"].data(score_table)
    other = score_table.assign(probe_score=score_table["probe_score"] * (1 + score_table["fold"]))
    stretched = FIGURES["score-distributions"].data(other)
    np.testing.assert_allclose(data["estimate"], stretched["estimate"])
    single = data.loc[(data["level"] == "transcript") & (data["reader"] == "probe")]
    assert len(single) == len(score_table)
    benign = single.loc[~single["defected"].astype(bool), "estimate"]
    assert benign.mean() == pytest.approx(0, abs=1e-9)


def test_importance_is_that_of_the_metrics(outcomes: DataFrame) -> None:
    data = FIGURES["step-importance"].data(outcomes)
    for change, metric in (("dropped", "step-deletion"), ("reversed", "step-flip")):
        known = METRICS[metric].importance(outcomes, "payload", 1)["importance"].dropna()
        steps = data.loc[(data["level"] == "step") & (data["change"] == change), "estimate"]
        assert sorted(steps) == pytest.approx(sorted(known))
    means = data.loc[data["level"] == "mean"].set_index(["change", "from_end"])["estimate"]
    assert (means.xs(2, level="from_end") > 0.8).all()  # the planted driver
    assert (means.drop(2, level="from_end").abs() < 0.1).all()


def test_a_mistake_counts_where_it_stands(outcomes: DataFrame) -> None:
    data = FIGURES["adding-mistakes"].data(outcomes)
    right = data.loc[(data["axis"] == "steps left out") & (data["state"] == 1)]
    found = right.set_index("position")["estimate"]
    payload = outcomes.query("scorer == 'payload' and prompt_state == scratchpad_state == 1")
    last = payload["step_index"] == payload["n_steps"] - 1
    mistakes = payload.loc[(payload["intervention"] == "mistake") & last, "value"]
    untouched = payload.loc[payload["intervention"] == "transplant", "value"]
    assert found[1] == pytest.approx(mistakes.mean())
    assert found[0] == pytest.approx(untouched.mean())
    kept = outcomes.assign(
        arguments=outcomes["arguments"].mask(
            outcomes["intervention"] == "mistake", '{"rest": "in-place"}'
        )
    )
    assert FIGURES["adding-mistakes"].data(kept).empty


def test_filler_is_told_apart_by_kind_and_length(outcomes: DataFrame) -> None:
    data = FIGURES["filler"].data(outcomes)
    assert set(data["kind"]) == {"as written", "dots", "words"}
    payload = outcomes.query("scorer == 'payload' and prompt_state == 1")
    dots = payload.loc[payload["arguments"] == '{"filler": "dots"}']
    own = data.loc[(data["kind"] == "dots") & (data["state"] == 1)]
    assert own["questions"].sum() == dots["value"].notna().sum()
    total = (own["estimate"] * own["questions"]).sum() / own["questions"].sum()
    assert total == pytest.approx(dots["value"].mean())
    assert own.sort_values("part")["tokens"].is_monotonic_increasing


def test_bars_show_what_was_planted(calibration_tables: dict[str, DataFrame]) -> None:
    tables = [calibration_tables[name] for name in ("reference", "organisms")]
    data = FIGURES["mediation-bars"].data(*tables).set_index(["organism", "effect"])
    redundant = data.loc["redundant, seed 1"]
    assert redundant.loc["pure_indirect_effect", "planted"] == 1
    assert redundant.loc["total_indirect_effect", "planted"] == 0
    assert len(data) == 2 * len(calibration_tables["organisms"])
    alone = FIGURES["mediation-bars"].data(tables[0])
    assert alone["planted"].isna().all()
    assert "ticks" not in FIGURES["mediation-bars"].caption(alone)
