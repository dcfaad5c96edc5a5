"""Batched logistic probes beside scikit-learn and a torch L-BFGS loop. Goals: 5 and 5 times.

Run with `python benchmarks/probes.py [--json] [--device cpu] [--matrices 2] [--sampled 4]
[--repeats 3] [--width 512] [--large]`. The grid is 12 layers x 8 positions x 10 values of C
(1e-4 ... 100) x 5 folds x 20 sets of shuffled labels, n = 1000, d = 512: correlated features
(power-law spectrum, random rotation), z-scored on the training rows. Every side must come within
1e-6 of the objective (in float64) that newton-cholesky reaches at tol 1e-10.

- Ours fits `--matrices` cells of layer x position with all their folds, labels and penalties.
- scikit-learn: `--sampled` sets of labels for every C, over folds and cells, in two processes of
  one BLAS thread. For each C its time is that of the faster of lbfgs and newton-cholesky, each at
  the loosest of tol 1e-4 ... 1e-8 that meets the objective.
- The loop is torch.optim.LBFGS with line search, one fit after another, at the loosest of
  tolerances that meets the objective, with as many threads as ours.

Times are per fit, so that samples are scaled to the whole grid; ours and the others alternate, and
a ratio is the median over `--repeats`. `speedup_vs_sklearn` and `speedup_vs_torch_loop` are
baseline seconds / our seconds. `largest_gap`, `largest_coefficient_difference` and
`largest_auroc_difference` compare ours with newton-cholesky. With `--large`, 32 layers x 20
positions x 10 C x 5 folds at d = 4096 are timed too (on a GPU: goal 60 s).
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple

import numpy as np
import torch
from measured import Comparison, keep
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

# This file's folder would hide the package of the same name; worker processes need it again.
_PATH, _HERE = sys.path, Path(__file__).resolve().parent
sys.path = [path for path in _PATH if Path(path).resolve() != _HERE]

from probes.logistic import LinearFits, fit_logistic  # noqa: E402

sys.path = _PATH

LAYERS, POSITIONS, FOLDS, LABELS, ROWS = 12, 8, 5, 20, 1000
INVERSE_PENALTIES = tuple(10.0 ** np.linspace(-4, 2, 10))
GRID = LAYERS * POSITIONS * FOLDS * LABELS * len(INVERSE_PENALTIES)
GAP = 1e-6
TOLERANCES = (1e-4, 1e-5, 1e-6, 1e-7, 1e-8)
Array = NDArray[np.float64]


class Cell(NamedTuple):
    """Activations (rows, width), shuffled labels (labels, rows), and each row's fold."""

    features: Array
    labels: NDArray[np.bool_]
    folds: NDArray[np.intp]

    @property
    def training(self) -> NDArray[np.bool_]:
        """The rows outside each fold, (folds, rows)."""
        outside: NDArray[np.bool_] = self.folds != np.arange(FOLDS)[:, None]
        return outside


class Task(NamedTuple):
    """One fit: its cell, fold, labels and penalty, by number."""

    cell: int
    fold: int
    label: int
    inverse: float


def make_cell(seed: int, width: int) -> Cell:
    generator = np.random.default_rng(seed)
    rotation = np.linalg.qr(generator.standard_normal((width, width)))[0]
    spectrum = np.arange(1, width + 1) ** -0.5
    features = (generator.standard_normal((ROWS, width)) * spectrum) @ rotation
    told = features @ generator.standard_normal(width)
    labels = told / told.std() + 0.7 * generator.standard_normal(ROWS) > 0
    shuffled = np.stack([generator.permutation(labels) for _ in range(LABELS)])
    return Cell(features, shuffled, np.arange(ROWS) % FOLDS)


def scored(cell: Cell, fold: int) -> tuple[Array, NDArray[np.bool_]]:
    """All rows z-scored on the training rows, and which those are."""
    train = cell.training[fold]
    inside = cell.features[train]
    return (cell.features - inside.mean(axis=0)) / inside.std(axis=0), train


def objective(weights: Array, bias: float, x: Array, y: NDArray[np.bool_], inverse: float) -> float:
    losses = np.logaddexp(0, -np.where(y, 1, -1) * (x @ weights + bias))
    return float(losses.sum() + weights @ weights / inverse / 2)


class Solved(NamedTuple):
    """What a solver found, and how long it took."""

    weights: Array
    bias: float
    objective: float
    seconds: float


def scikit_learn(cells: Sequence[Cell], task: Task, solver: str, tolerance: float) -> Solved:
    rows, train = scored(cells[task.cell], task.fold)
    x, y = rows[train], cells[task.cell].labels[task.label][train]
    model = LogisticRegression(C=task.inverse, solver=solver, tol=tolerance, max_iter=10_000)
    begun = time.perf_counter()
    model.fit(x, y)
    seconds = time.perf_counter() - begun
    weights, bias = model.coef_[0], float(model.intercept_[0])
    return Solved(weights, bias, objective(weights, bias, x, y, task.inverse), seconds)


def torch_loop(cells: Sequence[Cell], task: Task, tolerance: float) -> Solved:
    rows, train = scored(cells[task.cell], task.fold)
    x, y = rows[train], cells[task.cell].labels[task.label][train]
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y).double()
    begun = time.perf_counter()
    parameters = torch.zeros(x.shape[1] + 1, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.LBFGS(
        [parameters], max_iter=10_000, tolerance_grad=tolerance, tolerance_change=0,
        line_search_fn="strong_wolfe",
    )  # fmt: skip

    def loss() -> torch.Tensor:
        optimizer.zero_grad()
        logits = inputs @ parameters[:-1] + parameters[-1]
        losses = torch.nn.functional.binary_cross_entropy_with_logits(
            logits, targets, reduction="sum"
        )
        value: torch.Tensor = losses + parameters[:-1].square().sum() / task.inverse / 2
        value.backward()  # type: ignore[no-untyped-call]
        return value

    optimizer.step(loss)  # type: ignore[no-untyped-call]
    seconds = time.perf_counter() - begun
    found = parameters.detach().numpy()
    reached = objective(found[:-1], float(found[-1]), x, y, task.inverse)
    return Solved(found[:-1], float(found[-1]), reached, seconds)


_cells: list[Cell] = []


def _begin(cells: int, width: int) -> None:
    _cells.extend(make_cell(seed, width) for seed in range(cells))
    threadpool_limits(1)


def _solve(task: Task, solver: str, tolerance: float) -> Solved:
    return scikit_learn(_cells, task, solver, tolerance)


def ours(cells: Sequence[Cell], device: str) -> tuple[list[LinearFits], float]:
    """Fit every fold, label and penalty of the cells: a CPU takes one fold at a time."""
    at_once = 1 if device == "cpu" else FOLDS * len(cells)
    features = torch.stack([torch.from_numpy(cell.features) for cell in cells]).to(device)
    begun = time.perf_counter()
    found = [
        fit_logistic(
            features[number, None].expand(stop - start, -1, -1),
            torch.from_numpy(cell.labels).to(device),
            torch.from_numpy(cell.training[start:stop]).to(device),
            torch.tensor(INVERSE_PENALTIES, device=device),
        )
        for number, cell in enumerate(cells)
        for start in range(0, FOLDS, at_once)
        for stop in [min(FOLDS, start + at_once)]
    ]
    if device != "cpu":
        torch.cuda.synchronize()
    return found, time.perf_counter() - begun


def largest_differences(
    found: Sequence[LinearFits], cells: Sequence[Cell], solved: dict[Task, Solved]
) -> dict[str, float]:
    """How far ours lies from newton-cholesky: objective, coefficients, AUROC of held-out rows."""
    parts = [torch.cat([getattr(fit, name) for fit in found]) for name in ("directions", "offsets")]
    directions, offsets = (part.cpu().numpy() for part in parts)
    differences = []
    for task, best in solved.items():
        place = task.cell * FOLDS + task.fold, task.label, INVERSE_PENALTIES.index(task.inverse)
        cell, (rows, train) = cells[task.cell], scored(cells[task.cell], task.fold)
        inside = cell.features[train]
        weights = directions[place] * inside.std(axis=0)
        bias = offsets[place] + directions[place] @ inside.mean(axis=0)
        y = cell.labels[task.label]
        gap = objective(weights, bias, rows[train], y[train], task.inverse) / best.objective - 1
        scores = rows[~train] @ np.stack([weights, best.weights], axis=1)
        one, other = (roc_auc_score(y[~train], column) for column in scores.T)
        differences.append((gap, np.abs(weights - best.weights).max(), abs(one - other)))
    names = ("largest_gap", "largest_coefficient_difference", "largest_auroc_difference")
    return dict(zip(names, np.max(differences, axis=0).tolist(), strict=True))


def loosest(
    tasks: Sequence[Task],
    best: dict[Task, Solved],
    solve: Callable[[Sequence[Task], float], list[Solved]],
) -> float | None:
    """The loosest tolerance at which every task comes near enough to the objective."""
    for tolerance in TOLERANCES:
        found = solve(tasks, tolerance)
        if all(
            one.objective / best[task].objective - 1 <= GAP
            for task, one in zip(tasks, found, strict=True)
        ):
            return tolerance
    return None


def measure(told: argparse.Namespace) -> dict[str, Any]:
    """Time all sides in turns and compare what they found."""
    cells = [make_cell(seed, told.width) for seed in range(told.matrices)]
    sampled = [
        [Task(n % len(cells), n % FOLDS, n, inverse) for n in range(told.sampled)]
        for inverse in INVERSE_PENALTIES
    ]
    context = get_context("spawn")
    with ProcessPoolExecutor(2, context, _begin, (len(cells), told.width)) as pool:

        def in_pool(tasks: Sequence[Task], solver: str, tolerance: float) -> list[Solved]:
            count = len(tasks)
            return list(pool.map(_solve, tasks, [solver] * count, [tolerance] * count))

        every = [task for tasks in sampled for task in tasks]
        best = dict(zip(every, in_pool(every, "newton-cholesky", 1e-10), strict=True))
        solvers = [
            (tasks, solver, tolerance)
            for tasks in sampled
            for solver in ("lbfgs", "newton-cholesky")
            if (tolerance := loosest(tasks, best, lambda t, tol, s=solver: in_pool(t, s, tol)))  # type: ignore[misc]
        ]
        hardest = [tasks[0] for tasks in sampled]
        loops = {
            task: loosest([task], best, lambda t, tol: [torch_loop(cells, one, tol) for one in t])
            for task in hardest
        }
        ours(cells[:1], told.device)
        rounds = []
        for _ in range(told.repeats):
            found, seconds = ours(cells, told.device)
            theirs: dict[float, list[float]] = {}
            for tasks, solver, tolerance in solvers:
                spent = [one.seconds for one in in_pool(tasks, solver, tolerance)]
                theirs.setdefault(tasks[0].inverse, []).append(sum(spent) / len(spent) / 2)
            fastest = {inverse: min(times) for inverse, times in theirs.items()}
            looped = [torch_loop(cells, t, tol).seconds for t, tol in loops.items() if tol]
            rounds.append((seconds, fastest, looped))
    fits = len(cells) * FOLDS * LABELS * len(INVERSE_PENALTIES)
    per_fit = [seconds / fits for seconds, _, _ in rounds]
    sklearn = [float(np.mean(list(fastest.values()))) for _, fastest, _ in rounds]
    loop = [float(np.mean(looped)) for _, _, looped in rounds]
    return {
        "device": told.device,
        "threads": torch.get_num_threads(),
        "width": told.width,
        "fits_timed": fits,
        "grid_fits": GRID,
        "our_milliseconds_per_fit": [1e3 * one for one in per_fit],
        "sklearn_milliseconds_per_fit": [1e3 * one for one in sklearn],
        "torch_loop_milliseconds_per_fit": [1e3 * one for one in loop],
        "sklearn_milliseconds_by_c": {
            f"{inverse:.2g}": 1e3 * seconds for inverse, seconds in rounds[-1][1].items()
        },
        "our_seconds_for_the_grid": GRID * median(per_fit),
        "sklearn_seconds_for_the_grid": GRID * median(sklearn),
        "speedup_vs_sklearn": median(b / a for a, b in zip(per_fit, sklearn, strict=True)),
        "speedup_vs_torch_loop": median(b / a for a, b in zip(per_fit, loop, strict=True)),
        "converged": all(bool(fit.converged.all()) for fit in found),
        **largest_differences(found, cells, best),
    }


def large(device: str) -> float:
    """Seconds for 32 x 20 x 10 x 5 fits of width 4096, from one cell's five folds, scaled."""
    cell = make_cell(0, 4096)._replace(labels=make_cell(0, 8).labels[:1])
    ours([cell], device)
    return 32 * 20 * ours([cell], device)[1]


def rows_of(result: dict[str, Any]) -> list[Comparison]:
    how = f"{result['fits_timed']:,} of {GRID:,} fits, width {result['width']}"
    found = {
        "scikit-learn": result["speedup_vs_sklearn"],
        "torch L-BFGS, one by one": result["speedup_vs_torch_loop"],
    }
    rows = [
        Comparison("logistic probes", against, speedup, goal=5, how=how)
        for against, speedup in found.items()
    ]
    if "large_grid_seconds" in result:
        goal = 60.0 if result["device"].startswith("cuda") else None
        how = "32 layers x 20 positions x 10 C x 5 folds, width 4096"
        large = result["large_grid_seconds"]
        rows.append(
            Comparison("logistic probes, large", "", large, "s", goal, at_most=True, how=how)
        )
    return rows


def main() -> None:
    """Print the comparison, as lines or with `--json` as an object."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--matrices", type=int, default=2)
    parser.add_argument("--sampled", type=int, default=4)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--large", action="store_true")
    told = parser.parse_args()
    result = measure(told)
    if told.large:
        result["large_grid_seconds"] = large(told.device)
    keep("probes", rows_of(result), told.device)
    if told.json:
        print(json.dumps(result))
    else:
        print("\n".join(f"{name:34} {value}" for name, value in result.items()))


if __name__ == "__main__":
    main()
