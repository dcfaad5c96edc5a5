"""Groups never straddle folds, and a choice never sees the fold it is judged on."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import pytest
from sklearn.base import BaseEstimator

from probes.crossvalidation import Scores, can_fit, choose, cross_scores, group_folds
from probes.fits import DifferenceOfMeans
from scratchpad.errors import DataError


class _Witness(BaseEstimator):  # type: ignore[misc]
    """Scores by how many folds it was fitted on, and refuses those (column 0 is the fold)."""

    def fit(self, features: np.ndarray, labels: np.ndarray) -> Self:
        self.seen_ = set(features[:, 0])
        return self

    def decision_function(self, features: np.ndarray) -> Any:
        assert not self.seen_ & set(features[:, 0])
        return np.full(len(features), float(len(self.seen_)))


def test_groups_never_straddle() -> None:
    generator = np.random.default_rng(0)
    groups = np.array([f"g{number}" for number in generator.integers(0, 40, size=300)])
    labels = generator.random(300) < 0.3
    folds = group_folds(labels, groups, 5, seed=0)
    assert all(len(np.unique(folds[groups == group])) == 1 for group in np.unique(groups))
    assert sorted(np.unique(folds)) == [0, 1, 2, 3, 4]
    assert np.array_equal(folds, group_folds(labels, groups, 5, seed=0))


def test_scores_come_from_models_that_saw_neither_fold() -> None:
    folds = np.repeat(np.arange(5), 4)
    labels = np.arange(20) % 2 == 0
    scores = cross_scores(
        _Witness(), folds[:, None].astype(float), labels, folds, np.ones(20, dtype=bool)
    )
    assert (scores.held_out == 4).all()
    own = scores.inner[np.arange(20), folds]
    assert np.isnan(own).all()
    assert (scores.inner[~np.isnan(scores.inner)] == 3).all()
    assert np.isnan(scores.inner).sum() == 20


def test_held_out_scores_equal_fits_by_hand() -> None:
    generator = np.random.default_rng(1)
    features, labels = generator.standard_normal((40, 3)), np.arange(40) % 2 == 0
    folds = np.repeat(np.arange(4), 10)
    rows = np.arange(40) % 7 != 0
    scores = cross_scores(DifferenceOfMeans(), features, labels, folds, rows)
    train = rows & (folds != 2) & (folds != 3)
    by_hand = DifferenceOfMeans().fit(features[train], labels[train])
    inside = rows & (folds == 2)
    np.testing.assert_allclose(scores.inner[inside, 3], by_hand.decision_function(features[inside]))
    assert np.isnan(scores.held_out[~rows]).all()


def test_a_choice_for_a_fold_does_not_look_at_it() -> None:
    """`late` is perfect on fold 0 alone, `early` everywhere else: fold 0 must choose `early`."""
    labels = np.arange(60) % 2 == 0
    folds = np.repeat(np.arange(3), 20)
    right, wrong = np.where(labels, 1.0, 0.0), np.where(labels, 0.0, 1.0)

    def scores(values: np.ndarray) -> Scores:
        inner = np.tile(values[:, None], (1, 3))
        inner[np.arange(60), folds] = np.nan
        return Scores(values, inner)

    candidates = {
        "early": scores(np.where(folds == 0, wrong, right)),
        "late": scores(np.where(folds == 0, right, wrong)),
    }
    choice = choose(candidates, labels, folds)
    assert choice.keys[0] == "early"
    assert choice.favourite == "early"
    np.testing.assert_array_equal(choice.scores[folds == 0], wrong[folds == 0])


def test_of_equals_the_first_is_chosen() -> None:
    labels, folds = np.arange(30) % 2 == 0, np.repeat(np.arange(3), 10)
    same = Scores(labels * 1.0, np.tile(labels[:, None] * 1.0, (1, 3)))
    assert choose({"simple": same, "fancy": same}, labels, folds).favourite == "simple"


def test_of_near_equals_the_first_is_chosen_if_told() -> None:
    labels, folds = np.arange(60) % 2 == 0, np.repeat(np.arange(3), 20)
    nearly = labels * 1.0
    nearly[::20] = 0.0

    def scores(values: np.ndarray) -> Scores:
        return Scores(values, np.tile(values[:, None], (1, 3)))

    candidates = {"deep": scores(nearly), "early": scores(labels * 1.0)}
    assert choose(candidates, labels, folds).favourite == "early"
    assert choose(candidates, labels, folds, margin=0.1).favourite == "deep"


def test_one_outcome_only_is_refused() -> None:
    groups = [f"g{row}" for row in range(20)]
    with pytest.raises(DataError, match=r"All 20 judged transcripts defected: a probe needs both"):
        group_folds(np.ones(20, dtype=bool), groups, 5, seed=0)
    with pytest.raises(DataError, match="All 20 judged transcripts are benign"):
        group_folds(np.zeros(20, dtype=bool), groups, 5, seed=0)


def test_too_few_groups_are_refused() -> None:
    with pytest.raises(DataError, match=r"Only 2 groups of questions hold the rarer outcome"):
        group_folds(np.arange(20) < 2, [f"g{row}" for row in range(20)], 5, seed=0)


def test_can_fit_needs_both_labels_in_three_folds() -> None:
    labels, folds = np.arange(20) % 2 == 0, np.repeat(np.arange(5), 4)
    assert can_fit(labels, folds, np.ones(20, dtype=bool))
    assert not can_fit(labels, folds, folds < 2)
    assert not can_fit(labels, folds, labels)
