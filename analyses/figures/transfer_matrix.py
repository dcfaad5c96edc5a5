"""What a probe fitted in one domain tells in another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure
from analyses.figures.probe_heatmap import AUROC_COLOURS, colour_bar, noted
from analyses.figures.style import SMALL
from analyses.figures.tables import records, require_rows, spread


@dataclass(frozen=True)
class TransferMatrix(TableFigure):
    """AUROC of probes by the domain they were fitted in and the one they are judged in.

    Table `transfer` with `position`, `source`, `target`, `auroc`, `low`, `high`, `n`; one panel a
    position, domains in the order of the table.
    """

    name: ClassVar[str] = "transfer-matrix"
    tables: ClassVar[tuple[str, ...]] = ("transfer",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give one row for every position, source and target, with `auroc` and its interval."""
        columns = ["position", "source", "target", "layer", "probe", "auroc", "low", "high", "n"]
        return table[columns]

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "Area under the ROC curve of probes fitted on the transcripts of the row and judged "
            "on those of the column, on groups of questions not fitted to "
            f"(n = {spread(data)} groups); layer and probe are chosen on the row's own "
            "transcripts (A: the trigger under study, B: the other one). All models read the same "
            "tokens. In parentheses: the 95 % interval "
            "includes .5. The intervals are in the table of values."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "transfer")
        positions = list(data["position"].drop_duplicates())
        domains = list(data["target"].drop_duplicates())
        across = min(len(positions), 3) if is_wide() else 1
        down = -(-len(positions) // across)
        height = 0.7 + (0.55 + 0.26 * len(domains)) * down + 0.06 * _longest(domains)
        figure = new_figure(rows=height)
        grid = figure.subplots(down, across, squeeze=False)
        panels = list(grid.flat[: len(positions)])
        for axes, position in zip(panels, positions, strict=True):
            _matrix(axes, data.loc[data["position"] == position], domains)
            axes.set_title(position)
        for place, axes in enumerate(panels):
            if place + across < len(positions):
                axes.set_xticks([])
            if place % across:
                axes.set_yticks([])
        for axes in grid.flat[len(positions) :]:
            axes.set_axis_off()
        figure.supxlabel("judged on")
        figure.supylabel("fitted on")
        colour_bar(figure, list(panels))
        return figure


def _longest(names: list[str]) -> int:
    return max(len(name) for name in names)


def _matrix(axes: Axes, cells: DataFrame, domains: list[str]) -> None:
    grid = cells.assign(note=[noted(row) for row in records(cells)])
    values, notes = (
        grid.pivot(index="source", columns="target", values=column).reindex(
            index=domains, columns=domains
        )
        for column in ("auroc", "note")
    )
    axes.set_facecolor("#DDDDDD")
    sns.heatmap(
        values.astype(float),
        ax=axes,
        vmin=0,
        vmax=1,
        cmap=AUROC_COLOURS,
        annot=notes.fillna(""),
        fmt="",
        annot_kws={"fontsize": SMALL},
        linewidths=0.5,
        cbar=False,
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, labelsize=SMALL)
    axes.tick_params(axis="x", rotation=90)
    axes.tick_params(axis="y", rotation=0)
