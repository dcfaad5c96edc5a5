"""Readers of the text that a probe's activations have read: what the words alone tell.

A reader is given exactly the prefix that ends at the probe's position, the prompt included. None
of them sees an activation, so a probe is evidence of more than the text only if it beats them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from sklearn.feature_extraction.text import CountVectorizer, TfidfTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from probes.crossvalidation import Scores, cross_scores
from probes.fits import DifferenceOfMeans
from probes.metrics import Flags, Integers


class Reader(NamedTuple):
    """A classifier and its features, shape (n, d). Features never look at labels."""

    features: Any
    classifier: Any


def length(tokens: Sequence[Sequence[int]], texts: Sequence[str]) -> Reader:
    """Read nothing but how many tokens there are."""
    return Reader(np.array([[float(len(ids))] for ids in tokens]), DifferenceOfMeans())


def bag_of_tokens(tokens: Sequence[Sequence[int]], texts: Sequence[str]) -> Reader:
    """Read which tokens occur and how often, not their order."""
    counts = CountVectorizer(analyzer=tuple, dtype=np.float64).fit_transform(tokens)
    return Reader(counts, _logistic(1.0))


def words_and_pairs(tokens: Sequence[Sequence[int]], texts: Sequence[str]) -> Reader:
    """Read which words, signs and pairs of neighbours occur."""
    return Reader(_words(binary=True).fit_transform(texts), _logistic(1.0))


def tf_idf(tokens: Sequence[Sequence[int]], texts: Sequence[str]) -> Reader:
    """Read words, signs and pairs by TF-IDF, its weights from the training rows.

    It makes little of a telling word that half of the texts hold, where `words_and_pairs` shines.
    """
    # Rows have unit length here, so that a weaker penalty than the others' fits them as closely.
    weighted = make_pipeline(TfidfTransformer(), _logistic(100.0))
    return Reader(_words(binary=False).fit_transform(texts), weighted)


READERS: dict[str, Callable[[Sequence[Sequence[int]], Sequence[str]], Reader]] = {
    "length": length,
    "bag of tokens": bag_of_tokens,
    "words and pairs": words_and_pairs,
    "TF-IDF": tf_idf,
}
"""The simplest first: of equally good readers the first is taken."""


def text_scores(
    tokens: Sequence[Sequence[int]],
    texts: Sequence[str],
    labels: Flags,
    folds: Integers,
    rows: Flags,
    scored: Flags | None = None,
) -> dict[str, Scores]:
    """Score the same prefixes by every reader, on the same folds as the probes.

    Parameters
    ----------
    tokens, texts : sequence
        The prefix of each row as token ids and as text.
    labels, folds, rows, scored : array, shape (n,)
        As in `cross_scores`.
    """
    readers = {name: build(tokens, texts) for name, build in READERS.items()}
    return {
        name: cross_scores(reader.classifier, reader.features, labels, folds, rows, scored)
        for name, reader in readers.items()
    }


def _words(*, binary: bool) -> CountVectorizer:
    return CountVectorizer(
        lowercase=False,
        token_pattern=r"\w+|[^\w\s]",
        ngram_range=(1, 2),
        binary=binary,
        dtype=np.float64,
    )


def _logistic(inverse_penalty: float) -> LogisticRegression:
    return LogisticRegression(C=inverse_penalty, max_iter=5000)
