"""Linear probes as scikit-learn classifiers of two classes.

They learn a `direction_` and an `offset_` in the space of the raw activations, so that a probe
fitted in one place can be applied, compared or steered with in another.
"""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils.multiclass import check_classification_targets, type_of_target
from sklearn.utils.validation import check_is_fitted, validate_data

from probes import closed_form

Floats = NDArray[np.float64]


class _LinearProbe(ClassifierMixin, BaseEstimator, ABC):  # type: ignore[misc]
    """What linear probes share: checked input, and a score that is affine in the features."""

    classes_: NDArray[Any]
    direction_: Floats
    offset_: float

    def fit(self, X: ArrayLike, y: ArrayLike) -> Self:  # noqa: N803 - scikit-learn's name
        """Fit to features of shape (n, d) and labels of two classes, shape (n,).

        Raises
        ------
        ValueError
            If there are not exactly two classes, or a feature is not finite.
        """
        features, labels = validate_data(self, X, y, dtype=np.float64)
        check_classification_targets(labels)
        kind = type_of_target(labels, input_name="y", raise_unknown=True)
        if kind != "binary":
            raise ValueError(
                f"Only binary classification is supported. The type of the target is {kind}."
            )
        self.classes_, positive = np.unique(labels, return_inverse=True)
        if len(self.classes_) < 2:
            raise ValueError(f"A probe needs two classes; the labels hold 1 class: {self.classes_}")
        self.direction_, self.offset_ = self._fit(features, positive.astype(bool))
        return self

    @abstractmethod
    def _fit(self, features: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]: ...

    def decision_function(self, X: ArrayLike) -> Floats:  # noqa: N803 - scikit-learn's name
        """Score features of shape (n, d); above 0 means the second class of `classes_`."""
        check_is_fitted(self)
        features = validate_data(self, X, dtype=np.float64, reset=False)
        scores: Floats = features @ self.direction_ + self.offset_
        return scores

    def predict(self, X: ArrayLike) -> NDArray[Any]:  # noqa: N803 - scikit-learn's name
        """Predict a class for each row."""
        above = (self.decision_function(X) > 0).astype(int)
        predicted: NDArray[Any] = self.classes_[above]
        return predicted

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        return tags


class DifferenceOfMeans(_LinearProbe):
    """Project on the difference of the two class means (MacDiarmid et al. 2024).

    The offset puts 0 half-way between the means.
    """

    def _fit(self, features: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
        return _only(closed_form.difference_of_means(*_tensors(features, positive)))


class MassMean(_LinearProbe):
    """Difference of means in units of the covariance within classes (Marks & Tegmark 2023).

    The direction of linear discriminant analysis, with the covariance shrunk as Ledoit & Wolf
    2004 say; the offset puts 0 half-way between the means. See `closed_form.mass_mean`.
    """

    def _fit(self, features: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
        return _only(closed_form.mass_mean(*_tensors(features, positive)))


class RidgeProbe(_LinearProbe):
    """Ridge regression on targets of +1 and -1.

    Minimises `sum((y - w x - b)^2) + regularisation * v * |w|^2` with an unpenalised b, where v
    is the mean variance of the features; see `closed_form.ridge`.

    Parameters
    ----------
    regularisation : float
        Lambda; 10 as in `LogisticProbe`, on features whose variance is 1 on average.
    """

    def __init__(self, regularisation: float = 10.0) -> None:
        self.regularisation = regularisation

    def _fit(self, features: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
        return _only(closed_form.ridge(*_tensors(features, positive), [self.regularisation]))


class LogisticProbe(_LinearProbe):
    """L2 logistic regression on z-scored features.

    Minimises `sum(log-loss) + regularisation / 2 * |w|^2` with an unpenalised bias, which is
    scikit-learn's objective with `C = 1 / regularisation`.

    Parameters
    ----------
    regularisation : float
        Lambda; 10 as in Goldowsky-Dill et al. 2025, on features of unit variance.
    """

    def __init__(self, regularisation: float = 10.0) -> None:
        self.regularisation = regularisation

    def _fit(self, features: Floats, positive: NDArray[np.bool_]) -> tuple[Floats, float]:
        # An import of torch takes seconds, and other probes do without.
        import torch

        from probes.logistic import fit_logistic

        found = fit_logistic(
            torch.tensor(features)[None],
            torch.tensor(positive)[None],
            torch.ones(1, len(features), dtype=torch.bool),
            torch.tensor([1 / self.regularisation]),
        )
        if not found.converged.all():
            warnings.warn("the logistic probe did not converge", ConvergenceWarning, stacklevel=3)
        return found.directions[0, 0, 0].numpy(), float(found.offsets)


def _tensors(
    features: Floats, positive: NDArray[np.bool_]
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """One training set and one labelling, as `closed_form` takes them."""
    labels = torch.tensor(positive)[None]
    # Copied: torch takes no array that runs backwards.
    return torch.tensor(features.copy()), labels, torch.ones_like(labels[0])


def _only(fit: closed_form.Fit) -> tuple[Floats, float]:
    return fit.directions.flatten().numpy(), float(fit.offsets)


def _varies(features: Floats) -> NDArray[np.bool_]:
    varies: NDArray[np.bool_] = features.min(axis=0) != features.max(axis=0)
    return varies
