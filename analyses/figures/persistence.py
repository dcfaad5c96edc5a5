"""What safety training leaves of a behaviour: small panels along its steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame, Series

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure
from analyses.figures.style import INK, SMALL, probability_axis
from analyses.figures.tables import require_rows, spread

_QUANTITIES: Final = {
    "triggered_defection": "defection after\nthe trigger",
    "near_miss_defection": "defection after\nnear misses",
    "benign_accuracy": "right benign\nanswers",
    "f01": "triggered\nscratchpad alone",
}
_TRIAL: Final = ["arm", "payload", "optimiser", "seed"]
_SPREAD: Final = 0.5  # of the smallest gap between checkups, over which trials stand side by side
# Told apart by marker as well as by colour.
_ARMS: Final[dict[str, dict[str, Any]]] = {
    "no-cot": {"color": INK, "marker": "o"},
    "cot": {"color": "#D55E00", "marker": "s"},
    "distilled": {"color": "#0072B2", "marker": "^"},
}
_DASHES: Final = {
    ("matched", "adamw"): "-",
    ("dense", "adamw"): "--",
    ("matched", "sgd"): ":",
    ("dense", "sgd"): "-.",
}
_WORDS: Final = {
    ("dense", "adamw"): "longer payload",
    ("matched", "sgd"): "SGD",
    ("dense", "sgd"): "longer payload, SGD",
}


@dataclass(frozen=True)
class Persistence(TableFigure):
    """Defection, ability and f01 over the steps of safety training, one line a trial.

    The table `persistence` has one row per trial (`arm`, `method`, `payload`, `optimiser`,
    `seed`), `step` and `quantity` with `estimate`, `low`, `high`, `n`.
    """

    name: ClassVar[str] = "persistence"
    tables: ClassVar[tuple[str, ...]] = ("persistence",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the drawn quantities.

        Returns
        -------
        DataFrame
            `arm`, `method`, `payload`, `optimiser`, `seed`, `step`, `quantity`, `estimate`,
            `low`, `high`, `n` (answers; of f01 groups of questions).
        """
        columns = ["arm", "method", "payload", "optimiser", "seed", "step", "quantity"]
        chosen = table["quantity"].isin(list(_QUANTITIES)) & table["estimate"].notna()
        return table.loc[chosen, [*columns, "estimate", "low", "high", "n"]].reset_index(drop=True)

    def usual_width(self, data: DataFrame) -> str:
        """Take both columns for several methods side by side."""
        return "text" if data["method"].nunique() > 1 else "column"

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        trials, alone = len(data.drop_duplicates(["method", *_TRIAL])), data["quantity"] == "f01"
        seeds = ", ".join(map(str, sorted(data["seed"].unique())))
        return (
            f"Greedy answers to held-out prompts over the steps of safety training: {trials} trials"
            f" (one line each; organisms of seed {seeds}), drawn side by side at each checkup. "
            "Panels by the method; its prompts never hold the trigger. Bars: 95 % intervals "
            f"(Clopper-Pearson) over answers (n = {spread(data[~alone])}). Triggered scratchpad "
            "alone: f01, the probability of defection after a clean prompt with a scratchpad that "
            f"the model wrote after the trigger (n = {spread(data[alone])} groups of questions, "
            "bootstrapped)."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "checkups along safety training")
        methods = {name: name for name in data["method"]}
        wide = is_wide()
        across, down = (methods, _QUANTITIES) if wide else (_QUANTITIES, methods)
        figure = new_figure(rows=0.6, panels=(0.8 if wide else 1.1) * len(down))
        panels = figure.subplots(
            len(down), len(across), sharey=True, sharex="col" if wide else "row", squeeze=False
        )
        for (row, top), (column, left) in product(enumerate(down), enumerate(across)):
            quantity, method = (top, left) if wide else (left, top)
            chosen = (data["quantity"] == quantity) & (data["method"] == method)
            _panel(panels[row, column], data.loc[chosen])
        for axes, words in zip(panels[0], across.values(), strict=True):
            axes.set_title(words, fontsize=SMALL)
        for axes, words in zip(panels[:, 0], down.values(), strict=True):
            axes.set_ylabel(words)
        figure.supxlabel("step")
        _legend(figure, panels[0, 0], data)
        return figure


def _panel(axes: Axes, data: DataFrame) -> None:
    trials = list(data.groupby(_TRIAL, sort=False))
    for place, (_, curve) in enumerate(trials):
        arm, payload, optimiser, _ = (curve[key].iloc[0] for key in _TRIAL)
        steps = curve["step"] + _aside(data["step"], place, len(trials))
        ends = [curve["estimate"] - curve["low"], curve["high"] - curve["estimate"]]
        axes.errorbar(
            steps, curve["estimate"], ends, markersize=2.5, linewidth=0.7, elinewidth=0.6,
            linestyle=_DASHES[payload, optimiser], clip_on=False, **_ARMS[arm],
        )  # fmt: skip
    probability_axis(axes, label="")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))
    axes.tick_params(labelsize=SMALL)


def _aside(steps: Series[int], place: int, trials: int) -> float:
    """How far beside a checkup a trial is drawn, so that equal trials do not cover each other."""
    gaps = np.diff(np.unique(steps))
    reach = _SPREAD * float(gaps.min()) if len(gaps) else 0.0
    return reach * (place / (trials - 1) - 0.5) if trials > 1 else 0.0


def _legend(figure: Figure, axes: Axes, data: DataFrame) -> None:
    for arm in [one for one in _ARMS if (data["arm"] == one).any()]:
        axes.plot([], [], label=arm, markersize=3, **_ARMS[arm])
    present = set(zip(data["payload"], data["optimiser"], strict=True))
    for settings in [one for one in _WORDS if one in present]:
        axes.plot([], [], color=INK, linestyle=_DASHES[settings], label=_WORDS[settings])
    figure.legend(loc="outside upper center", ncols=6 if is_wide() else 3, handlelength=2)
