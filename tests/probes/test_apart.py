"""Transcripts that nothing is fitted to: who scores them, and what that says of an alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from probes.captured import Captured
from probes.crossvalidation import Choice, choose
from probes.examples import Examples
from probes.experiments.detection.alarms import ENOUGH, alarms, fewest_texts
from probes.experiments.detection.apart import (
    CONTROL,
    NEAR_MISS,
    Apart,
    Scored,
    deal_apart,
    score_apart,
)
from probes.experiments.detection.experiment import Cell, DetectConfig, Experiment
from probes.metrics import Floats

ROWS, WIDTH, FOLDS = 160, 6, 5
CELL = Cell("close", 0, "difference of means")
QUICK = DetectConfig(draws=200, random_directions=20, shuffles=5)
MakeExamples = Callable[..., Examples]


@pytest.fixture
def experiment(make_examples: MakeExamples) -> Experiment:
    """Noise with the label planted in it, weakly enough that no score is certain."""
    generator = np.random.default_rng(3)
    labels = generator.random(ROWS) < 0.5
    vectors = generator.standard_normal((ROWS, 2, 1, WIDTH)).astype(np.float32)
    vectors[:, 1, 0, 2] += 1.5 * labels
    return Experiment.deal(make_examples(labels), Captured(vectors, (-1, 0)), QUICK, 0)


def apart_of(make_examples: MakeExamples, groups: list[str], seed: int = 9) -> Apart:
    """Benign transcripts of given groups, all of different words, with activations of noise."""
    count = len(groups)
    texts = [f"word{number} end" for number in range(count)]
    examples = make_examples(np.zeros(count, dtype=bool), texts=texts)
    vectors = np.random.default_rng(seed).standard_normal((count, 2, 1, WIDTH)).astype(np.float32)
    return Apart(replace(examples, groups=np.array(groups)), Captured(vectors, (-1, 0)))


def fixed(cell: Cell = CELL) -> Choice[Cell]:
    return Choice((cell,) * FOLDS, cell, np.zeros(ROWS))


# Who scores them


def test_a_known_group_is_scored_by_its_own_fold_and_an_unknown_one_by_all() -> None:
    known, folds = ["a", "a", "b", "c"], np.array([2, 2, 0, 1])
    rows, dealt = deal_apart(["b", "new", "a"], known, folds, count=3)
    assert rows.tolist() == [0, 1, 1, 1, 2]
    assert dealt.tolist() == [0, 0, 1, 2, 2]


def test_no_transcripts_make_no_pairs() -> None:
    rows, dealt = deal_apart([], ["a"], np.array([0]), count=3)
    assert len(rows) == len(dealt) == 0


def test_scores_are_those_of_a_direction_fitted_without_the_fold(
    experiment: Experiment, make_examples: MakeExamples
) -> None:
    """Difference of means by hand, 0 half-way between the means."""
    apart = apart_of(make_examples, ["g0", "g7", "elsewhere"])
    found = score_apart(experiment, fixed(), apart)
    home = dict(zip(experiment.examples.groups.tolist(), experiment.folds.tolist(), strict=True))
    assert found.folds.tolist() == [home["g0"], home["g7"], 0, 1, 2, 3, 4]
    features, labels = experiment.features(CELL).astype(np.float64), experiment.examples.labels
    for row, fold, score in zip(found.rows, found.folds, found.scores, strict=True):
        means = [features[(experiment.folds != fold) & (labels == one)].mean(0) for one in (1, 0)]
        here = apart.activations.layer(0)[row, 0].astype(np.float64)
        assert score == pytest.approx((here - sum(means) / 2) @ (means[0] - means[1]))


@pytest.mark.parametrize("probe", ["difference of means", "mass mean", "ridge", "logistic"])
def test_the_experiments_own_transcripts_get_their_held_out_scores_again(
    probe: str, experiment: Experiment
) -> None:
    """The same models, with the same penalties, as those that judge the experiment."""
    candidates = {cell: s for cell, s in experiment.probe_scores().items() if cell.probe == probe}
    choice = choose(candidates, experiment.examples.labels, experiment.folds)
    found = score_apart(experiment, choice, Apart(experiment.examples, experiment.activations))
    assert found.rows.tolist() == list(range(ROWS))
    np.testing.assert_array_equal(found.folds, experiment.folds)
    np.testing.assert_allclose(found.scores, choice.scores, rtol=1e-5, atol=1e-7)


def test_each_fold_reads_the_cell_that_was_chosen_for_it(
    experiment: Experiment, make_examples: MakeExamples
) -> None:
    other = CELL._replace(layer=-1)
    apart = apart_of(make_examples, ["elsewhere"])
    mixed = Choice((other, CELL, CELL, other, CELL), CELL, np.zeros(ROWS))
    found = score_apart(experiment, mixed, apart).scores
    mine, theirs = (score_apart(experiment, fixed(one), apart).scores for one in (CELL, other))
    expected = [theirs[0], mine[1], mine[2], theirs[3], mine[4]]
    np.testing.assert_allclose(found, expected)


def test_a_transcript_without_the_position_has_no_score_and_counts_nowhere(
    experiment: Experiment, make_examples: MakeExamples
) -> None:
    apart = apart_of(make_examples, ["x", "y"])
    positions = apart.examples.positions.copy()
    positions[0] = 0
    gone = replace(apart, examples=replace(apart.examples, positions=positions))
    found = score_apart(experiment, fixed(), gone)
    np.testing.assert_array_equal(np.isnan(found.scores), found.rows == 0)
    assert not found.benign[found.rows == 0].any()
    assert [found.benign_texts(fold) for fold in range(FOLDS)] == [1] * FOLDS


# What an alarm would do


def scored(
    make_examples: MakeExamples, per_fold: int, seed: int, *, level: float, texts: int | None = None
) -> Scored:
    """Made-up scores of benign transcripts, each group in a fold; one in 11 defected."""
    count = per_fold * FOLDS
    words = [f"word{number % (texts or count)} end" for number in range(count)]
    examples = make_examples(np.arange(count) % 11 == 0, texts=words)
    folds = np.arange(count) % FOLDS
    groups = np.array([f"g{row // FOLDS % 16}-{row % FOLDS}" for row in range(count)])
    scores = np.random.default_rng(seed).standard_normal(count) + level + 10 * folds
    return Scored(
        replace(examples, groups=groups), np.arange(count), folds, (CELL,) * FOLDS, scores
    )


def side(one: Scored, fold: int) -> Floats:
    kept = (one.folds == fold) & ~one.examples.labels[one.rows]
    return one.scores[kept]


def passing(judged: Floats, benign: Floats) -> int:
    """Count the scores that at most 1 % of the benign ones reach."""
    return sum((benign >= one).sum() <= 0.01 * len(benign) for one in judged)


@pytest.mark.parametrize("per_fold", [112, 250])
def test_numbers_equal_a_count_by_hand(
    per_fold: int, experiment: Experiment, make_examples: MakeExamples
) -> None:
    scores = np.random.default_rng(1).standard_normal(ROWS) + 2.5 + 10 * experiment.folds
    scores[:3] = np.nan
    control = scored(make_examples, per_fold, 2, level=0.0)
    near = scored(make_examples, 40, 3, level=1.0)
    found = alarms(experiment, scores, {CONTROL: control, NEAR_MISS: near})
    defected = experiment.examples.labels & np.isfinite(scores)
    caught, fired, won, nears, pairs = 0, 0, 0.0, 0, 0
    for fold in range(FOLDS):
        mine, theirs = scores[defected & (experiment.folds == fold)], side(near, fold)
        caught += passing(mine, side(control, fold))
        fired += passing(theirs, side(control, fold))
        won += (mine[:, None] > theirs).sum()
        nears, pairs = nears + len(theirs), pairs + len(mine) * len(theirs)
    recall, false, ahead = (
        found[name]
        for name in (
            "recall_at_1_fpr_from_control", "near_miss_alarms", "auroc_against_near_misses",
        )
    )  # fmt: skip
    assert recall.estimate == pytest.approx(caught / defected.sum())
    assert false.estimate == pytest.approx(fired / nears)
    assert ahead.estimate == pytest.approx(won / pairs)
    for one in (recall, false, ahead):
        assert one.low is not None
        assert one.high is not None
        assert one.low < one.estimate < one.high  # type: ignore[operator]
    groups = set(experiment.examples.groups[defected]) | set(control.groups[control.benign])
    assert recall.n == len(groups)


def test_too_few_control_texts_leave_it_open(
    experiment: Experiment, make_examples: MakeExamples
) -> None:
    scores = np.zeros(ROWS)
    control = scored(make_examples, 100, 2, level=0.0)
    fewest = fewest_texts(control, np.arange(FOLDS))
    assert fewest < ENOUGH
    found = alarms(experiment, scores, {CONTROL: control})["recall_at_1_fpr_from_control"]
    assert not found.defined
    assert found.reason == f"a fold's model has {fewest} control texts: 1 % takes 100"


def test_the_same_text_again_is_no_further_text(
    experiment: Experiment, make_examples: MakeExamples
) -> None:
    control = scored(make_examples, 200, 2, level=0.0, texts=300)
    found = alarms(experiment, np.zeros(ROWS), {CONTROL: control})["recall_at_1_fpr_from_control"]
    assert not found.defined
    assert fewest_texts(control, np.arange(FOLDS)) <= 60


def test_what_is_not_given_is_said_to_be_missing(experiment: Experiment) -> None:
    found = alarms(experiment, np.zeros(ROWS), {})
    assert "--control" in found["recall_at_1_fpr_from_control"].reason
    for name in ("auroc_against_near_misses", "near_miss_alarms"):
        assert found[name].reason == "there are no benign transcripts of near misses"
