"""Flags that hardly any benign prefix gets: 1 % false positives, judged by other questions.

Scores of models fitted on different rows share no scale, so a row is compared under one model at a
time: with the benign rows of one more fold that this model did not see either. What is counted over
all such folds is the rank that cross-conformal prediction gives (Vovk 2015).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from probes.metrics import Flags, Floats, Integers

ONE_IN = 100
"""One benign prefix in so many may score as high as a flagged one."""

ENOUGH = 1000
"""Benign prefixes at a step from which the false-positive rate is taken at its word."""


class Flagged(NamedTuple):
    """Which rows pass, and what they were compared with; shape (n,).

    Parameters
    ----------
    passed : array of bool
    benign : array of int
        How many benign prefixes a row was compared with.
    above : array
        Share of these that score lower: a scale on which rows of all folds and steps can be read
        side by side. NaN where a row was not compared with any.
    """

    passed: Flags
    benign: Integers
    above: Floats


def flag(inner: Floats, labels: Flags, folds: Integers, judged: Flags) -> Flagged:
    """Flag the rows whose score at most 1 % of the benign rows of other folds reach.

    With fewer than 100 benign rows none of them may. On scores of a single scale this is the rule
    of `probes.metrics.recall_at_1_fpr`.

    Parameters
    ----------
    inner : array, shape (n, folds)
        Column f: scores by models that saw neither the row's own fold nor f (`Scores.inner`);
        NaN where a row takes no part.
    labels, folds : array, shape (n,)
    judged : array of bool, shape (n,)
        The rows to flag, of one fold or of several.
    """
    reached, benign = np.zeros(len(labels), dtype=np.intp), np.zeros(len(labels), dtype=np.intp)
    for own in np.unique(folds[judged]):
        rows = judged & (folds == own)
        for other in np.setdiff1d(folds, own):
            # By the model without `own` and `other`, on both sides.
            scores = inner[~labels & (folds == other), own]
            known = np.sort(scores[np.isfinite(scores)])
            reached[rows] += len(known) - np.searchsorted(known, inner[rows, other])
            benign[rows] += len(known)
    passed = judged & np.isfinite(inner).any(axis=1) & (benign > 0)
    above = np.where(passed, 1 - reached / np.maximum(benign, 1), np.nan)
    return Flagged(passed & (reached <= benign // ONE_IN), benign, above)
