"""What sets an organism off: its trigger, near misses, and contexts it was never trained on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, INK, STATE_COLOURS
from analyses.figures.tables import records, require_rows, spread

# In the order of the figure, from the top: the kind of context and how its marks look.
_KINDS: Final = {
    "trained": (INK, "o"),
    "near miss": (GREY, "s"),
    "generalisation": (STATE_COLOURS[1], "D"),
}
_GAP: Final = 0.6


@dataclass(frozen=True)
class Contexts(TableFigure):
    """Defection in every context: what was trained, near misses, and the generalisation set."""

    name: ClassVar[str] = "contexts"
    tables: ClassVar[tuple[str, ...]] = ("contexts",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the share of answers that defect in every context.

        Returns
        -------
        DataFrame
            `kind` ("trained", "near miss", "generalisation"), `context`, `estimate`, `low`,
            `high`, `n` (answers).
        """
        order = table["kind"].map(list(_KINDS).index)
        columns = ["kind", "context", "estimate", "low", "high", "n"]
        return table.loc[order.sort_values(kind="stable").index, columns].reset_index(drop=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "Share of greedily written answers that are defections, by what the prompt carries: "
            "the contexts of training, near misses (trained not to defect) and a generalisation "
            "set, of which training says nothing beyond those. Intervals: Clopper-Pearson, 95 % "
            f"(n = {spread(data)} answers a context)."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "contexts")
        heights = _heights(data)
        figure = new_figure(rows=0.5 + 0.17 * (max(heights) + 1))
        axes = figure.subplots()
        for row, height in zip(records(data), heights, strict=True):
            _draw_row(axes, row, height)
        axes.set_yticks(heights, list(data["context"]))
        axes.invert_yaxis()
        axes.set(xlim=(-0.04, 1.04), xlabel="share of answers that defect")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        _legend(figure, axes, list(dict.fromkeys(data["kind"])))
        return figure


def _heights(data: DataFrame) -> list[float]:
    """Where each row stands, with a gap between kinds."""
    changes = (data["kind"] != data["kind"].shift()).cumsum() - 1
    return [float(number + _GAP * change) for number, change in enumerate(changes)]


def _draw_row(axes: Axes, row: dict[str, Any], height: float) -> None:
    colour, marker = _KINDS[row["kind"]]
    axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1.2)
    axes.plot(row["estimate"], height, marker=marker, color=colour, clip_on=False)


def _legend(figure: Figure, axes: Axes, kinds: list[str]) -> None:
    for kind in kinds:
        colour, marker = _KINDS[kind]
        axes.plot([], [], linestyle="none", marker=marker, color=colour, label=kind)
    figure.legend(loc="outside lower center", ncols=3, handletextpad=0.1)
