"""The direction that steers points where the defections lie."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from probes.captured import Captured
from probes.examples import Examples
from probes.experiments.steering.direction import FITS, find_direction, held_out_auroc, random_units
from scratchpad.errors import ConfigError, DataError

ROWS, WIDTH, LAYERS, AXIS = 120, 10, (-1, 0, 1), 4
MakeExamples = Callable[..., Examples]


def planted(seed: int) -> tuple[np.ndarray, Captured]:
    generator = np.random.default_rng(seed)
    labels = generator.random(ROWS) < 0.5
    vectors = generator.standard_normal((ROWS, len(LAYERS), 2, WIDTH))
    vectors[:, 1, 1, AXIS] += 6 * labels
    return labels, Captured(vectors.astype(np.float32), LAYERS)


@pytest.mark.parametrize("probe", FITS)
def test_a_planted_direction_is_found_and_holds_elsewhere(
    probe: str, make_examples: MakeExamples
) -> None:
    labels, captured = planted(0)
    found = find_direction(make_examples(labels, names=("last-step", "close")), captured, probe, 0)
    assert (found.cell.layer, found.cell.position) == (0, "close")
    assert np.linalg.norm(found.vector) == pytest.approx(1)
    assert found.vector[AXIS] > 0.9
    norms = np.linalg.norm(captured.vectors[:, 1, 1], axis=1)
    assert found.norm == pytest.approx(norms.mean(), rel=1e-5)
    others, elsewhere = planted(1)
    examples = make_examples(others, names=("last-step", "close"))
    assert held_out_auroc(found, examples, elsewhere, 0).at_least(0.85)


def test_random_directions_have_length_one_and_no_favourite() -> None:
    units = random_units(4000, 5, seed=0)
    np.testing.assert_allclose(np.linalg.norm(units, axis=1), 1)
    np.testing.assert_allclose(units.T @ units / 4000, np.eye(5) / 5, atol=0.02)


def test_bad_input_is_one_clear_line(make_examples: MakeExamples) -> None:
    labels, captured = planted(0)
    examples = make_examples(labels, names=("last-step", "close"))
    with pytest.raises(ConfigError, match="Did you mean 'ridge'"):
        find_direction(examples, captured, "rigde", 0)
    everywhere = make_examples(np.ones(ROWS, dtype=bool), names=("last-step", "close"))
    with pytest.raises(DataError, match="All 120 judged transcripts defected"):
        find_direction(everywhere, captured, "ridge", 0)
