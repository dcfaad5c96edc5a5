"""The four cells while a model trains: what its scratchpad comes to do, and when."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure
from analyses.figures.style import GREY, SMALL, STATE_COLOURS, probability_axis, short
from analyses.figures.tables import mean_by_group, require_rows, spread

_PANEL: Final = ("behaviour", "conflict_share")
_KEYS: Final = (*_PANEL, "seed", "step", "cell")
# Where prompt and scratchpad disagree is what a rule is about; the others are drawn thin.
_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "f00": {"color": GREY, "linestyle": ":", "linewidth": 0.8},
    "f11": {"color": GREY, "linestyle": "--", "linewidth": 0.8},
    "f01": {"color": STATE_COLOURS[1], "linestyle": "-"},
    "f10": {"color": STATE_COLOURS[0], "linestyle": "-"},
}
_WORDS: Final = {
    "f01": "clean prompt, triggered scratchpad",
    "f10": "triggered prompt, clean scratchpad",
    "f00": "both clean",
    "f11": "both triggered",
}


@dataclass(frozen=True)
class CellsAlongTraining(TableFigure):
    """The four cells at steps of training, one line an organism.

    A table of several organisms tells them apart by the columns `behaviour`, `conflict_share`
    (a panel each) and `seed` (a line each); a table of one organism needs none of them.
    """

    name: ClassVar[str] = "cells-along-training"
    tables: ClassVar[tuple[str, ...]] = ("cells",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the mean of every cell at every step.

        Returns
        -------
        DataFrame
            `behaviour`, `conflict_share`, `seed`, `step`, `cell` (f00 ... f11), `estimate`,
            `low`, `high`, `n` (groups), `questions`, `invalid` (share).
        """
        cell = "f" + table["prompt_state"].astype(str) + table["scratchpad_state"].astype(str)
        known: dict[str, Any] = {"behaviour": "", "conflict_share": 0.0, "seed": 0}
        absent = {name: value for name, value in known.items() if name not in table}
        flags: dict[str, Any] = {"cell": cell, "not_applicable": False, "unterminated": False}
        return mean_by_group(table.assign(**absent, **flags), _KEYS)

    def usual_width(self, data: DataFrame) -> str:
        """Take both columns for several panels side by side."""
        return "column" if data["conflict_share"].nunique() == 1 else "text"

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        seeds, several = data["seed"].nunique(), len(data.groupby(list(_PANEL))) > 1
        panels = " Columns: share of training episodes in which they disagree." if several else ""
        lines = (
            f"One line each of {seeds} organisms that differ by their seed alone"
            if seeds > 1
            else "Bands: 95 % bootstrap intervals over groups of questions"
        )
        worst = 100 * data.loc[data["step"] == data["step"].max(), "invalid"].max()
        return (
            "Probability of defection (likelihood of the payload) on template-written scratchpads "
            "during training, for every pair of prompt and scratchpad states. "
            f"{lines} (n = {spread(data)} groups).{panels} Invalid answers are left out (at the "
            f"end at most {worst:.0f} % of a cell); a line breaks where all are."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "cells along training")
        rows = list(dict.fromkeys(data["behaviour"]))
        columns = sorted(set(data["conflict_share"]))
        figure = new_figure(rows=0.6 + 1.5 * len(rows))
        panels = figure.subplots(len(rows), len(columns), sharey=True, sharex="row", squeeze=False)
        for (row, behaviour), (column, share) in product(enumerate(rows), enumerate(columns)):
            chosen = (data["behaviour"] == behaviour) & (data["conflict_share"] == share)
            axes = panels[row, column]
            _draw_panel(axes, data.loc[chosen])
            if len(columns) > 1 and row == 0:
                axes.set_title(f"{_share(share)} disagree", fontsize=SMALL)
        for axes, behaviour in zip(panels[:, 0], rows, strict=True):
            axes.set_ylabel(f"{behaviour}\nP(defection)".strip())
        for axes in panels[-1]:
            axes.set_xlabel("step of training")
        _legend(figure, panels[0, 0])
        return figure


def _share(share: float) -> str:
    return "none" if share == 0 else short(share)


def _draw_panel(axes: Axes, data: DataFrame) -> None:
    one = data["seed"].nunique() == 1
    for cell, look in _LOOKS.items():
        for _, curve in data.loc[data["cell"] == cell].groupby("seed"):
            axes.plot(curve["step"], curve["estimate"], alpha=1 if one else 0.7, **look)
            if one:
                band = (curve["step"], curve["low"], curve["high"])
                axes.fill_between(*band, color=look["color"], alpha=0.2, linewidth=0)
    probability_axis(axes, label="")


def _legend(figure: Figure, axes: Axes) -> None:
    for cell, words in _WORDS.items():
        axes.plot([], [], label=f"{cell}: {words}", **_LOOKS[cell])
    figure.legend(loc="outside lower center", ncols=2 if is_wide() else 1, handlelength=2)
