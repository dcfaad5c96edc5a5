"""What every probe of pairs must do: the analogue of scikit-learn's `check_estimator`."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from probes.pairs import CCS, MeanPairDifference, PCAContrast
from scratchpad.errors import ConfigError, DataError

Floats = NDArray[np.float64]
PROBES = [MeanPairDifference(), PCAContrast(), CCS(restarts=2)]
every_probe = pytest.mark.parametrize("probe", PROBES, ids=repr)


@pytest.fixture
def pairs() -> tuple[Floats, Floats]:
    """The yes and no sides of 60 pairs, not centred, differing along one direction."""
    generator = np.random.default_rng(0)
    shared = generator.standard_normal((60, 8)) + 3
    half = np.outer(generator.standard_normal(60) + 1.5, generator.standard_normal(8)) / 2
    noise = generator.standard_normal((2, 60, 8)) / 2
    return shared + half + noise[0], shared - half + noise[1]


@pytest.fixture
def others() -> Floats:
    return np.random.default_rng(1).standard_normal((20, 8)) * 2 + 3


def scores(probe: Any, yes: Any, no: Any, features: Any) -> Floats:
    found: Floats = clone(probe).fit(yes, no).decision_function(features)
    return found


@every_probe
def test_learns_a_direction_and_scores_by_it(probe: Any, pairs: Any, others: Floats) -> None:
    fitted = clone(probe)
    assert fitted.fit(*pairs) is fitted
    assert fitted.direction_.shape == (8,)
    assert fitted.direction_.dtype == np.float64
    assert isinstance(fitted.offset_, float)
    assert fitted.n_features_in_ == 8
    expected = others @ fitted.direction_ + fitted.offset_
    np.testing.assert_allclose(fitted.decision_function(others), expected)
    assert (fitted.decision_function(pairs[0]) > fitted.decision_function(pairs[1])).mean() > 0.8


@every_probe
def test_a_fit_repeats_itself(probe: Any, pairs: Any, others: Floats) -> None:
    np.random.seed(0)
    first = scores(probe, *pairs, others)
    np.random.seed(1)
    np.testing.assert_array_equal(first, scores(probe, *pairs, others))
    refitted = clone(probe).fit(pairs[1] * 2, pairs[0]).fit(*pairs)
    np.testing.assert_array_equal(first, refitted.decision_function(others))


@every_probe
def test_lists_and_small_floats_will_do(probe: Any, pairs: Any, others: Floats) -> None:
    small = [side.astype(np.float32) for side in pairs]
    listed = scores(probe, small[0].tolist(), small[1].tolist(), others.tolist())
    np.testing.assert_array_equal(scores(probe, *small, others), listed)
    backwards = [np.asfortranarray(side[::-1])[::-1] for side in small]
    np.testing.assert_allclose(scores(probe, *backwards, others), listed)


@every_probe
def test_input_stays_as_it_was(probe: Any, pairs: Any, others: Floats) -> None:
    arrays = [*pairs, others]
    before = [array.copy() for array in arrays]
    for array in arrays:
        array.flags.writeable = False
    scores(probe, *arrays)
    for array, copy in zip(arrays, before, strict=True):
        np.testing.assert_array_equal(array, copy)


@every_probe
def test_the_order_of_pairs_does_not_matter(probe: Any, pairs: Any, others: Floats) -> None:
    order = np.random.default_rng(2).permutation(60)
    shuffled = scores(probe, *(side[order] for side in pairs), others)
    np.testing.assert_allclose(shuffled, scores(probe, *pairs, others), atol=1e-6)


@every_probe
def test_swapped_sides_flip_the_sign(probe: Any, pairs: Any, others: Floats) -> None:
    swapped = scores(probe, pairs[1], pairs[0], others)
    np.testing.assert_allclose(swapped, -scores(probe, *pairs, others), atol=1e-9)


@every_probe
def test_a_constant_moves_no_score(probe: Any, pairs: Any, others: Floats) -> None:
    moved = (array + np.linspace(-50, 50, 8) for array in (*pairs, others))
    np.testing.assert_allclose(scores(probe, *moved), scores(probe, *pairs, others), atol=1e-6)


@every_probe
@pytest.mark.parametrize("factor", [1e-3, 300.0])
def test_scale_changes_no_order(probe: Any, factor: float, pairs: Any, others: Floats) -> None:
    scaled = scores(probe, *(factor * array for array in (*pairs, others)))
    ratios = scores(probe, *pairs, others) / scaled
    assert ratios[0] > 0
    np.testing.assert_allclose(ratios, ratios[0], rtol=1e-5)


@every_probe
def test_a_turned_space_turns_the_direction(probe: Any, pairs: Any) -> None:
    """To rounding in closed form; a search starts and steps along the axes of the space."""
    turn = np.linalg.qr(np.random.default_rng(3).standard_normal((8, 8)))[0]
    straight = clone(probe).fit(*pairs).direction_ @ turn
    turned = clone(probe).fit(*(side @ turn for side in pairs)).direction_
    cosine = straight @ turned / np.linalg.norm(straight) / np.linalg.norm(turned)
    assert cosine > (0.99 if isinstance(probe, CCS) else 1 - 1e-12)


@every_probe
def test_is_a_scikit_learn_estimator(probe: Any, pairs: Any, others: Floats) -> None:
    parameters = probe.get_params()
    copy = clone(probe).set_params(**parameters)
    assert (copy is not probe, copy.get_params()) == (True, parameters)
    assert not hasattr(clone(copy.fit(*pairs)), "direction_")
    thawed = pickle.loads(pickle.dumps(copy))
    np.testing.assert_array_equal(thawed.decision_function(others), copy.decision_function(others))
    assert copy.get_params() == parameters
    with pytest.raises(ValueError, match="Invalid parameter 'nonsense'"):
        copy.set_params(nonsense=1)
    with pytest.raises(NotFittedError):
        clone(probe).decision_function(others)


MISTAKES = {
    "unequal": (
        lambda yes, no: (yes[:5], no[:4]),
        "The sides have shapes (5, 8) and (4, 8): each row of one is a pair with the same row of "
        "the other. Give both sides of every pair.",
    ),
    "one pair": (
        lambda yes, no: (yes[:1], no[:1]),
        "Sides of shape (1, 8): a direction takes at least 2 pairs. Give more pairs.",
    ),
    "not a number": (
        lambda yes, no: (yes, np.where(no == no[3, 3], np.nan, no)),
        "Contrast pairs hold NaN or infinity. Leave such pairs out.",
    ),
    "infinite": (
        lambda yes, no: (np.where(yes == yes[3, 3], np.inf, yes), no),
        "Contrast pairs hold NaN or infinity. Leave such pairs out.",
    ),
    "one row": (
        lambda yes, no: (yes[0], no[0]),
        "`yes` has shape (8,): rows are activations, columns their features. Give shape (n, d).",
    ),
    "layers": (
        lambda yes, no: (yes[None], no[None]),
        "`yes` has shape (1, 60, 8): rows are activations, columns their features. "
        "Give shape (n, d).",
    ),
    "words": (
        lambda yes, no: (yes, [["yes"], ["no"]]),
        "`no` is not an array of numbers: could not convert string to float: 'yes'.",
    ),
}


@every_probe
@pytest.mark.parametrize(("spoil", "message"), MISTAKES.values(), ids=MISTAKES)
def test_mistakes_are_named(probe: Any, spoil: Any, message: str, pairs: Any) -> None:
    with pytest.raises(DataError) as refused:
        clone(probe).fit(*spoil(*pairs))
    assert str(refused.value) == message


@every_probe
def test_scoring_mistakes_are_named(probe: Any, pairs: Any, others: Floats) -> None:
    fitted = clone(probe).fit(*pairs)
    with pytest.raises(DataError) as refused:
        fitted.decision_function(others[:, :5])
    assert str(refused.value) == (
        "`X` has 5 features: the probe was fitted to 8. "
        "Give activations of the same place of the same model."
    )
    with pytest.raises(DataError, match="`X` holds NaN or infinity"):
        fitted.decision_function(others * np.nan)


def test_a_seed_is_what_a_search_starts_from(pairs: Any, others: Floats) -> None:
    first, second = (scores(CCS(restarts=1, seed=seed), *pairs, others) for seed in (0, 1))
    assert not np.array_equal(first, second)


def test_no_restart_is_refused(pairs: Any) -> None:
    with pytest.raises(ConfigError) as refused:
        CCS(restarts=0).fit(*pairs)
    assert str(refused.value) == "0 restarts. Give 1 or more."
