"""The batched logistic regression against scikit-learn's, one fit at a time."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from probes import logistic
from probes.logistic import fit_logistic

DEVICES = ["cpu", *(["cuda"] if torch.cuda.is_available() else [])]
INVERSE_PENALTIES = 10.0 ** np.array([-4, -2, 0, 1, 2])


def residual_like(rows: int, width: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Correlated features of very different size, some constant, and labels that follow one."""
    generator = np.random.default_rng(seed)
    mixing = np.linalg.qr(generator.standard_normal((width, width)))[0]
    features = generator.standard_normal((rows, width)) / np.arange(1, width + 1) ** 0.7 @ mixing
    labels = features @ mixing[0] + 0.3 * generator.standard_normal(rows) > 0
    features = features * 10.0 ** generator.uniform(-2, 2, width) + 5
    features[:, 3] = 0.1
    return features, labels


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(("rows", "width"), [(200, 30), (120, 100), (60, 150)])
def test_every_column_is_the_fit_that_scikit_learn_finds(
    rows: int, width: int, device: str
) -> None:
    generator = np.random.default_rng(0)
    made = [residual_like(rows, width, seed) for seed in range(3)]
    features = np.stack([one for one, _ in made])
    labels = np.stack([labels for _, labels in made] + [generator.random(rows) < 0.2])
    # Folds of unequal size, so that rows are padded.
    training = np.stack([np.arange(rows) % 5 != 0, np.arange(rows) % 7 < 4, np.arange(rows) > 12])
    fits = fit_logistic(
        torch.from_numpy(features).to(device),
        torch.from_numpy(labels).to(device),
        torch.from_numpy(training).to(device),
        torch.from_numpy(INVERSE_PENALTIES).to(device),
    )
    assert fits.directions.shape == (3, 4, 5, width)
    assert bool(fits.converged.all())
    for batch, (x, rows_in) in enumerate(zip(features, training, strict=True)):
        mean, scale = x[rows_in].mean(axis=0), x[rows_in].std(axis=0)
        scale[3] = np.inf
        scored = (x - mean) / scale
        for which, y in enumerate(labels):
            for column, inverse in enumerate(INVERSE_PENALTIES):
                reference = LogisticRegression(
                    C=inverse, solver="newton-cholesky", tol=1e-10, max_iter=1000
                ).fit(scored[rows_in], y[rows_in])
                direction = fits.directions[batch, which, column].cpu().numpy()
                offset = float(fits.offsets[batch, which, column])
                weights, bias = direction * np.where(np.isinf(scale), 0, scale), offset
                bias += direction @ mean
                expected = objective(
                    reference.coef_[0], reference.intercept_[0], inverse, scored, y, rows_in
                )
                found = objective(weights, bias, inverse, scored, y, rows_in)
                assert found == pytest.approx(expected, rel=1e-7)
                np.testing.assert_allclose(weights, reference.coef_[0], atol=1e-3)
                scores = x[~rows_in] @ direction + offset
                if 0 < y[~rows_in].sum() < (~rows_in).sum():
                    theirs = roc_auc_score(
                        y[~rows_in], reference.decision_function(scored[~rows_in])
                    )
                    assert roc_auc_score(y[~rows_in], scores) == pytest.approx(theirs, abs=1e-4)


def objective(
    weights: np.ndarray, bias: float, inverse: float, x: np.ndarray, y: np.ndarray, rows: np.ndarray
) -> float:
    margins = np.where(y[rows], 1, -1) * (x[rows] @ weights + bias)
    return float(np.logaddexp(0, -margins).sum() + weights @ weights / inverse / 2)


def test_a_fit_that_ran_out_of_iterations_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    features, labels = residual_like(80, 40, 0)
    arguments = (torch.from_numpy(features)[None], torch.from_numpy(labels)[None],
                 torch.ones(1, 80, dtype=torch.bool), torch.tensor([1e-4, 1e4]))  # fmt: skip
    monkeypatch.setattr(logistic, "MOST_ITERATIONS", 5)
    assert fit_logistic(*arguments).converged.tolist() == [[[True, False]]]
