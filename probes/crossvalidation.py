"""Held-out scores, and choosing a reader without looking at the questions it is judged on.

For K folds a model is fitted without each fold and without each pair of folds. The model without
folds f and g scores g where readers are compared for judging on f, and scores f where they are
compared for judging on g: a choice for fold f never sees f.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedGroupKFold

from probes.metrics import Flags, Floats, Integers, column_aurocs
from scratchpad.errors import DataError

Key = TypeVar("Key", bound=Hashable)

FEWEST = 3
"""Folds that must hold a label, so that leaving two folds out still leaves some of it."""


class Scores(NamedTuple):
    """Scores of rows by models that did not see their groups; NaN where there is none.

    Parameters
    ----------
    held_out : array, shape (n,)
        By the model fitted without the row's own fold.
    inner : array, shape (n, folds)
        Column f: by the model fitted without the row's own fold and without fold f.
    """

    held_out: Floats
    inner: Floats


@dataclass(frozen=True)
class Choice(Generic[Key]):
    """What was chosen for each fold on the others, and the held-out scores put together.

    Parameters
    ----------
    keys : tuple
        The choice for each fold.
    favourite : hashable
        The choice most folds made; the earlier candidate where two are as frequent.
    scores : array, shape (n,)
        Each row's held-out score by its fold's choice.
    """

    keys: tuple[Key, ...]
    favourite: Key
    scores: Floats


def group_folds(
    labels: Flags, groups: Sequence[str] | NDArray[np.str_], count: int, seed: int
) -> Integers:
    """Deal rows into folds of similar label shares; a group never straddles two folds.

    Returns
    -------
    array of int, shape (n,)
        The fold of each row.

    Raises
    ------
    DataError
        If only one label occurs, or there are too few groups for that many folds.
    """
    names = np.asarray(groups)
    if labels.all() or not labels.any():
        raise DataError(
            f"All {len(labels)} judged transcripts {'defected' if labels.all() else 'are benign'}",
            "a probe needs both to tell them apart",
            "Give more questions, or transcripts in which both occur.",
        )
    fewest = min(len(np.unique(names[labels])), len(np.unique(names[~labels])))
    if fewest < count:
        raise DataError(
            f"Only {fewest} groups of questions hold the rarer outcome",
            f"{count} folds that share no group need at least {count}",
            "Give more questions or ask for fewer folds (3 or more).",
        )
    splitter = StratifiedGroupKFold(n_splits=count, shuffle=True, random_state=seed)
    folds = np.empty(len(labels), dtype=np.intp)
    for fold, (_, rows) in enumerate(splitter.split(np.zeros((len(labels), 1)), labels, names)):
        folds[rows] = fold
    return folds


def can_fit(labels: Flags, folds: Integers, rows: Flags) -> bool:
    """Tell whether both labels remain among `rows` with any two folds left out."""
    return all(len(np.unique(folds[rows & (labels == label)])) >= FEWEST for label in (True, False))


def held_out_scores(
    estimator: Any,
    features: Any,
    labels: Flags,
    folds: Integers,
    rows: Flags,
    scored: Flags | None = None,
) -> Floats:
    """Score every row by the model fitted without its fold; see `cross_scores`."""
    wanted = rows if scored is None else scored
    scores = np.full(len(labels), np.nan)
    for fold in range(int(folds.max()) + 1):
        test = wanted & (folds == fold)
        scores[test] = _fit_and_score(estimator, features, labels, rows & (folds != fold), test)
    return scores


def cross_scores(
    estimator: Any,
    features: Any,
    labels: Flags,
    folds: Integers,
    rows: Flags,
    scored: Flags | None = None,
) -> Scores:
    """Score every row by all models that did not see its fold.

    Parameters
    ----------
    estimator : scikit-learn classifier
        Cloned for every fit.
    features : array or sparse matrix, shape (n, d)
    labels, folds, rows : array, shape (n,)
        `rows` says which rows are fitted to; `inner` scores of the others are NaN.
    scored : array of bool, shape (n,), optional
        Which rows are scored; by default those fitted to. The others get NaN.
    """
    count = int(folds.max()) + 1
    inner = np.full((len(labels), count), np.nan)
    for first, second in combinations(range(count), 2):
        left_out = np.isin(folds, (first, second))
        test = rows & left_out
        scores = np.full(len(labels), np.nan)
        scores[test] = _fit_and_score(estimator, features, labels, rows & ~left_out, test)
        for fold, other in ((first, second), (second, first)):
            inner[folds == fold, other] = scores[folds == fold]
    held_out = held_out_scores(estimator, features, labels, folds, rows, scored)
    return Scores(held_out, inner)


def choose(
    candidates: Mapping[Key, Scores], labels: Flags, folds: Integers, *, margin: float = 0.0
) -> Choice[Key]:
    """Choose, for each fold, the candidate with the best AUROC on the other folds.

    Of equally good candidates, or of those less than `margin` behind the best, the first is
    taken, so give the simplest first.
    """
    keys = list(candidates)
    merits = _merits([candidates[key].inner for key in keys], labels, folds)
    merits = np.nan_to_num(merits, nan=-1.0)
    best = (merits >= merits.max(axis=0) - margin).argmax(axis=0)
    scores = np.full(len(labels), np.nan)
    for fold, winner in enumerate(best):
        inside = folds == fold
        scores[inside] = candidates[keys[winner]].held_out[inside]
    votes = Counter(int(winner) for winner in best)
    favourite = min(votes, key=lambda winner: (-votes[winner], winner))
    return Choice(tuple(keys[winner] for winner in best), keys[favourite], scores)


def _merits(inner: Sequence[Floats], labels: Flags, folds: Integers) -> Floats:
    """AUROC of every candidate on all folds but one, shape (candidates, folds)."""
    merits = np.full((len(inner), inner[0].shape[1]), np.nan)
    for fold in range(merits.shape[1]):
        columns = [one[:, fold] for one in inner]
        alike: dict[bytes, list[int]] = {}
        for which, column in enumerate(columns):
            alike.setdefault(np.isfinite(column).tobytes(), []).append(which)
        for pattern, members in alike.items():
            rows = np.frombuffer(pattern, dtype=np.bool_)
            if rows.any():
                scores = np.stack([columns[which][rows] for which in members])
                merits[members, fold] = column_aurocs(labels[rows][None], scores, folds[rows])
    return merits


def _fit_and_score(
    estimator: Any, features: Any, labels: Flags, train: Flags, test: Flags
) -> Floats:
    if not test.any():
        return np.empty(0)
    model = clone(estimator).fit(features[train], labels[train])
    scores: Floats = model.decision_function(features[test])
    return scores
