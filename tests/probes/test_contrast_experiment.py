"""Generic directions on planted activations: found, signed, compared with controls."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from probes.captured import Captured
from probes.crossvalidation import choose
from probes.examples import Examples
from probes.experiments.contrast.experiment import (
    METHODS,
    Direction,
    PairActivations,
    applied,
    fit_directions,
    folded,
    layers_chosen,
    methods_for,
)
from probes.experiments.contrast.sets import ContrastPair, ContrastSet, Expected
from probes.experiments.contrast.summary import MEANT_FOR, ContrastFindings
from probes.experiments.contrast.tables import choice_table, layer_table, randoms_of
from probes.experiments.detection.experiment import DetectConfig, Experiment
from scratchpad.errors import DataError
from scratchpad.statistics import Estimate

ROWS, WIDTH, LAYERS, AXIS = 160, 40, (-1, 0, 1), 3
QUICK = DetectConfig(draws=200, random_directions=200)
MakeExamples = Callable[..., Examples]


def pairs_of(name: str, expected: Expected, axis: int, count: int = 4) -> PairActivations:
    """Pairs whose positive side is moved along one axis of the last layer."""
    generator = np.random.default_rng(len(name))
    shape = (count, len(LAYERS), WIDTH)
    sides = [generator.standard_normal(shape).astype(np.float32) * 0.1 for _ in range(2)]
    sides[0][:, -1, axis] += 3
    questions = tuple(ContrastPair(f"{number}?", "Yes", "No") for number in range(count))
    return PairActivations(ContrastSet(name, questions, expected), *sides)


SETS = (
    pairs_of("bad", "defection", AXIS),
    pairs_of("good", "benign", AXIS),
    pairs_of("other", "none", AXIS + 1),
    pairs_of("single", "defection", AXIS, count=1),
)


def deal(make_examples: MakeExamples) -> Experiment:
    """Transcripts whose defections are moved along the axis of the pairs, in the last layer."""
    labels = np.random.default_rng(0).random(ROWS) < 0.5
    activations = np.random.default_rng(1).standard_normal((ROWS, len(LAYERS), 1, WIDTH))
    activations[:, -1, 0, AXIS] += 4 * labels
    captured = Captured(activations.astype(np.float32), LAYERS)
    return Experiment.deal(make_examples(labels, names=("prompt-end",)), captured, QUICK, 0)


def findings(experiment: Experiment, sets: tuple[PairActivations, ...]) -> ContrastFindings:
    named = [one.contrast for one in sets]
    chosen = layers_chosen(experiment, named, applied(experiment, sets))
    texts = {
        position: choose(readers, experiment.examples.labels, experiment.folds)
        for position, readers in experiment.reader_scores().items()
    }
    return ContrastFindings(experiment, named, chosen, texts, randoms_of(experiment))


def test_a_planted_direction_is_found_and_signed(make_examples: MakeExamples) -> None:
    experiment = deal(make_examples)
    whole = findings(experiment, SETS)
    table = layer_table(experiment, whole.sets, applied(experiment, SETS), whole.randoms)
    found = table.set_index(["set", "method", "layer"])["auroc"]
    assert found["bad", "difference of means", 1] > 0.95
    assert found["single", "difference of means", 1] > 0.95
    assert found["bad", "PCA contrast", 1] > 0.95
    assert found["good", "difference of means", 1] < 0.05
    assert 0.3 < found["other", "difference of means", 1] < 0.7
    assert 0.3 < found["bad", "difference of means", -1] < 0.7
    assert ("single", "CCS", 1) not in found.index
    choices = choice_table(experiment, whole.sets, whole.chosen, whole.texts)
    best = choices.set_index(["set", "method"]).loc[("bad", "difference of means")]
    assert best["layer"] == 1
    assert best["minus_control_low"] > 0.2


def test_the_difference_of_means_is_that_of_the_sides() -> None:
    direction = fit_directions(SETS[1], "difference of means", 0)
    expected = SETS[1].negative.mean(0) - SETS[1].positive.mean(0)
    np.testing.assert_allclose(direction, expected, rtol=1e-5, atol=1e-6)


def test_nothing_is_chosen_by_the_fold_that_it_is_judged_on(make_examples: MakeExamples) -> None:
    experiment = deal(make_examples)
    scores = applied(experiment, SETS[:1])[Direction("bad", "difference of means", "prompt-end")]
    inner = scores[1].inner
    own = np.isnan(inner)
    assert own.sum(axis=1).tolist() == [1] * ROWS
    assert own[np.arange(ROWS), experiment.folds].all()


def test_one_pair_gives_a_difference_alone() -> None:
    single = SETS[3]
    assert list(methods_for(single.contrast)) == ["difference of means"]
    assert list(methods_for(SETS[0].contrast)) == list(METHODS)
    with pytest.raises(DataError, match="a direction takes at least 2 pairs"):
        fit_directions(single, "CCS", 0)


def test_the_summary_says_what_a_specific_direction_shows(make_examples: MakeExamples) -> None:
    summary = findings(deal(make_examples), SETS).summary()
    json.dumps(summary)
    assert (summary["set"], summary["layer"], summary["position"]) == ("bad", 1, "prompt-end")
    assert summary["auroc"]["low"] > 0.9
    assert summary["auroc_same_trigger"]["low"] > 0.9
    assert summary["random_p95"]["estimate"] < summary["auroc"]["estimate"]
    assert "It is ahead of the best control set by" in summary["verdict_text"]
    assert MEANT_FOR in summary["verdict_text"]
    assert summary["sets"]["good"]["auroc"]["prompt-end"]["estimate"] < 0.5
    assert "single: one pair, so neither PCA contrast nor CCS" in summary["warnings"]


def test_a_control_that_does_as_well_takes_the_meaning_away(make_examples: MakeExamples) -> None:
    experiment = deal(make_examples)
    alike = pairs_of("backward", "none", AXIS)
    turned = PairActivations(alike.contrast, alike.negative, alike.positive)
    summary = findings(experiment, (SETS[0], turned)).summary()
    assert "A control set tells as much" in summary["verdict_text"]
    assert any("a control set does as well" in warning for warning in summary["warnings"])


def test_a_direction_that_points_the_wrong_way_is_said_to(make_examples: MakeExamples) -> None:
    experiment = deal(make_examples)
    vectors = np.stack([experiment.activations.layer(1)], axis=1)
    last = replace(experiment, activations=Captured(vectors, (1,)))
    good = SETS[1]
    only = PairActivations(good.contrast, good.positive[:, -1:], good.negative[:, -1:])
    summary = findings(last, (only,)).summary()
    assert "It points the wrong way" in summary["verdict_text"]
    assert summary["auroc_minus_control"]["reason"] == "no control set"
    assert summary["auroc_folded"]["estimate"] == pytest.approx(1 - summary["auroc"]["estimate"])


def test_folding_turns_an_interval_over() -> None:
    assert folded(Estimate(0.2, 0.1, 0.4, 7)) == Estimate(0.8, 0.6, 0.9, 7)
    assert folded(Estimate(0.6, 0.4, 0.7, 7)) == Estimate(0.6, 0.4, 0.7, 7)
    assert folded(Estimate.undefined(7, "why")).reason == "why"
