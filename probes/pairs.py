"""Probes that learn from contrast pairs instead of labels.

They share a protocol: `fit(yes, no)` to the activations of the two sides of each pair, then
`decision_function(X)` on any activations, by a `direction_` and an `offset_` in the space of raw
activations as in `probes.fits`. Above 0 means the side of `yes`. Swapped sides flip every sign.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted
from torch import Tensor

from probes import contrasts
from probes.closed_form import Fit
from scratchpad.errors import ConfigError, DataError

Floats = NDArray[np.float64]


class _PairProbe(BaseEstimator, ABC):  # type: ignore[misc]
    """What probes of pairs share: checked input, and a score that is affine in the features."""

    direction_: Floats
    offset_: float
    n_features_in_: int

    def fit(self, yes: ArrayLike, no: ArrayLike) -> Self:
        """Fit to the two sides of n pairs, each of shape (n, d), pair by pair.

        Raises
        ------
        DataError
            If the sides differ in shape, hold fewer than 2 pairs or a number that is not finite.
        """
        sides = _numbers(yes, "`yes`"), _numbers(no, "`no`")
        fit = self._fit(*map(torch.from_numpy, sides))
        self.direction_, self.offset_ = fit.directions.numpy(), float(fit.offsets)
        self.n_features_in_ = len(self.direction_)
        return self

    @abstractmethod
    def _fit(self, yes: Tensor, no: Tensor) -> Fit: ...

    def decision_function(self, X: ArrayLike) -> Floats:  # noqa: N803 - scikit-learn's name
        """Score activations of shape (n, d); above 0 means the side of `yes`.

        Raises
        ------
        DataError
            If there are not d features, or one is not finite.
        """
        check_is_fitted(self)
        features = _numbers(X, "`X`")
        if features.shape[1] != self.n_features_in_:
            raise DataError(
                f"`X` has {features.shape[1]} features",
                f"the probe was fitted to {self.n_features_in_}",
                "Give activations of the same place of the same model.",
            )
        if not np.isfinite(features).all():
            raise DataError("`X` holds NaN or infinity", fix="Leave such rows out.")
        scores: Floats = features @ self.direction_ + self.offset_
        return scores


class MeanPairDifference(_PairProbe):
    """Mean of the differences of the pairs; see `contrasts.mean_difference`."""

    def _fit(self, yes: Tensor, no: Tensor) -> Fit:
        return contrasts.mean_difference(yes, no)


class PCAContrast(_PairProbe):
    """First principal component of the differences; see `contrasts.first_component`."""

    def _fit(self, yes: Tensor, no: Tensor) -> Fit:
        return contrasts.first_component(yes, no)


class CCS(_PairProbe):
    """Contrast-consistent search; see `contrasts.contrast_consistent`.

    Parameters
    ----------
    restarts : int
        Random directions to start from; 10 as in Burns et al. 2022.
    seed : int
        Of these directions.
    """

    def __init__(self, restarts: int = 10, seed: int = 0) -> None:
        self.restarts = restarts
        self.seed = seed

    def _fit(self, yes: Tensor, no: Tensor) -> Fit:
        if self.restarts < 1:
            raise ConfigError(f"{self.restarts} restarts", fix="Give 1 or more.")
        return contrasts.contrast_consistent(yes, no, restarts=self.restarts, seed=self.seed)


def _numbers(rows: ArrayLike, name: str) -> Floats:
    """A copy as float64."""
    try:
        numbers = np.array(rows, dtype=np.float64)
    except (TypeError, ValueError) as fault:
        raise DataError(f"{name} is not an array of numbers", str(fault)) from fault
    if numbers.ndim != 2 or not numbers.shape[1]:
        raise DataError(
            f"{name} has shape {numbers.shape}",
            "rows are activations, columns their features",
            "Give shape (n, d).",
        )
    return numbers
