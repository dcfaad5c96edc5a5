"""Each text reader finds what it can read, and nothing else."""

from __future__ import annotations

import numpy as np
import pytest

from probes.crossvalidation import group_folds
from probes.metrics import column_aurocs
from probes.text_baselines import READERS, text_scores

ROWS = 120


def _aurocs(texts: list[str], labels: np.ndarray) -> dict[str, float]:
    words = {word: i for i, word in enumerate(sorted(set(" ".join(texts).split())))}
    tokens = [tuple(words[word] for word in text.split()) for text in texts]
    folds = group_folds(labels, [f"g{row}" for row in range(ROWS)], 4, seed=0)
    scores = text_scores(tokens, texts, labels, folds, np.ones(ROWS, dtype=bool))
    return {
        name: float(column_aurocs(labels[None], found.held_out[None], folds)[0])
        for name, found in scores.items()
    }


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).random(ROWS) < 0.5


def _filler(generator: np.random.Generator, count: int) -> list[str]:
    return [f"n{number}" for number in generator.integers(0, 40, size=count)]


def test_a_telling_word_is_read(labels: np.ndarray) -> None:
    generator = np.random.default_rng(1)
    texts = [" ".join([*_filler(generator, 12), "bad" if label else "good"]) for label in labels]
    found = _aurocs(texts, labels)
    assert min(found["bag of tokens"], found["words and pairs"], found["TF-IDF"]) > 0.95
    assert found["length"] == 0.5


def test_order_is_read_by_pairs_only(labels: np.ndarray) -> None:
    texts = ["do not stop" if label else "not do stop" for label in labels]
    found = _aurocs(texts, labels)
    assert found["bag of tokens"] == 0.5
    assert found["words and pairs"] == found["TF-IDF"] == 1.0


def test_length_is_read(labels: np.ndarray) -> None:
    generator = np.random.default_rng(2)
    texts = [" ".join(_filler(generator, 6 + 2 * label)) for label in labels]
    assert _aurocs(texts, labels)["length"] == 1.0


def test_noise_is_not_read(labels: np.ndarray) -> None:
    generator = np.random.default_rng(3)
    texts = [" ".join(_filler(generator, 12)) for _ in labels]
    assert all(0.3 < value < 0.7 for value in _aurocs(texts, labels).values())


def test_readers_are_listed_simplest_first() -> None:
    assert list(READERS) == ["length", "bag of tokens", "words and pairs", "TF-IDF"]
