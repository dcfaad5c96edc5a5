"""What safety training leaves of a behaviour: small panels along its steps."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.style import COLUMN, INK, SMALL, new_figure, probability_axis
from analyses.figures.tables import require_rows, spread

_QUANTITIES: Final = {
    "triggered_defection": "defection after\nthe trigger",
    "near_miss_defection": "defection after\nnear misses",
    "benign_accuracy": "right benign\nanswers",
}
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
    """Defection and ability over the steps of safety training, one line a trial.

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
            `low`, `high`, `n` (answers).
        """
        columns = ["arm", "method", "payload", "optimiser", "seed", "step", "quantity"]
        chosen = table["quantity"].isin(list(_QUANTITIES)) & table["estimate"].notna()
        return table.loc[chosen, [*columns, "estimate", "low", "high", "n"]].reset_index(drop=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        trials = len(data.drop_duplicates(["arm", "method", "payload", "optimiser", "seed"]))
        return (
            f"Greedy answers to held-out prompts over the steps of safety training: {trials} trials"
            f" (one line each; {data['seed'].nunique()} seeds of organisms). Columns: the method;"
            " its prompts never hold the trigger. Bars: 95 % intervals (Clopper-Pearson) over "
            f"answers (n = {spread(data)})."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "checkups along safety training")
        methods = list(dict.fromkeys(data["method"]))
        figure = new_figure(height=3.9, width=2 * COLUMN)
        panels = figure.subplots(
            len(_QUANTITIES), len(methods), sharey=True, sharex="col", squeeze=False
        )
        for (row, name), (column, method) in product(enumerate(_QUANTITIES), enumerate(methods)):
            chosen = (data["quantity"] == name) & (data["method"] == method)
            _panel(panels[row, column], data.loc[chosen])
        for axes, method in zip(panels[0], methods, strict=True):
            axes.set_title(method, fontsize=SMALL)
        for axes, words in zip(panels[:, 0], _QUANTITIES.values(), strict=True):
            axes.set_ylabel(words)
        for axes in panels[-1]:
            axes.set_xlabel("step")
        _legend(figure, panels[0, 0], data)
        return figure


def _panel(axes: Axes, data: DataFrame) -> None:
    keys = ["arm", "payload", "optimiser", "seed"]
    for _, curve in data.groupby(keys, sort=False):
        arm, payload, optimiser, _ = (curve[key].iloc[0] for key in keys)
        ends = [curve["estimate"] - curve["low"], curve["high"] - curve["estimate"]]
        axes.errorbar(
            curve["step"], curve["estimate"], ends, markersize=3, linewidth=1, elinewidth=0.6,
            linestyle=_DASHES[payload, optimiser], **_ARMS[arm],
        )  # fmt: skip
    probability_axis(axes, label="")


def _legend(figure: Figure, axes: Axes, data: DataFrame) -> None:
    for arm in [one for one in _ARMS if (data["arm"] == one).any()]:
        axes.plot([], [], label=arm, markersize=3, **_ARMS[arm])
    present = set(zip(data["payload"], data["optimiser"], strict=True))
    for settings in [one for one in _WORDS if one in present]:
        axes.plot([], [], color=INK, linestyle=_DASHES[settings], label=_WORDS[settings])
    figure.legend(loc="outside lower center", ncols=5, handlelength=2)
