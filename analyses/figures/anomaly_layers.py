"""How unusual defections are at every layer, beside how unusual their trigger is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, INK, SMALL
from analyses.figures.tables import records, require_rows, spread

TEXT: Final = "token counts"
# Okabe and Ito's colours, each with a mark of its own.
_LOOKS: Final = {
    "Mahalanobis": (INK, "o"),
    "relative Mahalanobis": ("#0072B2", "s"),
    "nearest neighbour": ("#D55E00", "^"),
    "PCA reconstruction": ("#009E73", "D"),
}
_TITLES: Final = {
    "defection": "defection\nover benign",
    "trigger": "trigger\nover clean",
    "near miss": "near miss\nover clean",
    "defection against near miss": "defection\nover near miss",
}


@dataclass(frozen=True)
class AnomalyLayers(TableFigure):
    """AUROC of every detector by layer: a row for each target, a column for each position.

    One table, `anomalies`, with `target`, `position`, `detector`, `layer` (missing: the mean rank
    over layers), `auroc`, `low`, `high`, `n`.
    """

    name: ClassVar[str] = "anomaly-layers"
    tables: ClassVar[tuple[str, ...]] = ("anomalies",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the AUROC of every target, position, detector and layer."""
        columns = ["target", "position", "detector", "layer", "auroc", "low", "high", "n"]
        return table.loc[table["auroc"].notna(), columns].reset_index(drop=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "Area under the ROC curve of distances from benign transcripts, fitted without labels "
            f"to clean prompts of other groups of questions (n = {spread(data)}), by layer (-1: "
            "the embeddings). Marks at the right edge: the mean over layers of a transcript's "
            "rank, which is the headline. Rows: what is to score higher than what; only the first "
            "and the last are about defection. Band: 95 % interval of the Mahalanobis distance. "
            "Grey line: the same distance on the token counts of the text. Dotted: chance."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "anomalies")
        targets, positions = (list(data[name].unique()) for name in ("target", "position"))
        figure = new_figure(rows=0.75, panels=0.95 * len(targets))
        grid = figure.subplots(
            len(targets), len(positions), squeeze=False, sharex=True, sharey=True
        )
        for target, row in zip(targets, grid, strict=True):
            for position, axes in zip(positions, row, strict=True):
                here = (data["target"] == target) & (data["position"] == position)
                _panel(axes, data.loc[here])
            row[0].set_ylabel(_TITLES.get(target, target), fontsize=SMALL)
        for position, axes in zip(positions, grid[0], strict=True):
            axes.set_title(position)
        figure.supxlabel("layer")
        handles = {line.get_label(): line for line in grid[0, 0].get_lines()}
        named = {name: line for name, line in handles.items() if not str(name).startswith("_")}
        figure.legend(
            list(named.values()), list(named), loc="outside upper center", ncols=2, handlelength=1.6
        )
        return figure


def _panel(axes: Axes, data: DataFrame) -> None:
    layers = data["layer"].dropna().astype(int)
    edge = layers.max() + 0.12 * max(4, layers.max() - layers.min())
    axes.axhline(0.5, color=GREY, linewidth=0.6, linestyle=":")
    for row in records(data.loc[data["detector"] == TEXT]):
        axes.axhline(row["auroc"], color=GREY, linewidth=1.2, label=f"{TEXT} of the text")
    for name, (colour, marker) in _LOOKS.items():
        _curve(axes, data.loc[data["detector"] == name], edge, name, colour, marker)
    axes.set(ylim=(-0.04, 1.04))
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.tick_params(labelsize=SMALL)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))


def _curve(axes: Axes, data: DataFrame, edge: float, name: str, colour: str, marker: str) -> None:
    curve = data.loc[data["layer"].notna()].sort_values("layer")
    x: Any = curve["layer"].to_numpy(int)
    if name == next(iter(_LOOKS)):
        low, high = (curve[side].to_numpy(float) for side in ("low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.15, linewidth=0)
    size = 2.5 if len(curve) <= 12 else 0
    axes.plot(x, curve["auroc"].to_numpy(float), color=colour, marker=marker, markersize=size,
              linewidth=0.9, label=name)  # fmt: skip
    for row in records(data.loc[data["layer"].isna()]):
        if not pd.isna(row["auroc"]) and np.isfinite(row["auroc"]):
            axes.plot(edge, row["auroc"], marker=marker, color=colour, markersize=4,
                      markerfacecolor="white", clip_on=False, label="_mean rank")  # fmt: skip
