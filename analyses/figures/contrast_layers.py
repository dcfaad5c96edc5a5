"""What generic directions tell at every layer, beside controls and chance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, INK, SMALL
from analyses.figures.tables import require_rows, spread

# Okabe and Ito's colours that stand out on white; further sets go through them again.
_COLOURS: Final = ("#D55E00", "#E69F00", "#CC79A7", "#0072B2", "#009E73", "#56B4E9")
_MARKERS: Final = ("s", "^", "D", "o", "v", "P")
_CONTROL_STYLES: Final = ("--", ":", "-.")


@dataclass(frozen=True)
class ContrastLayers(TableFigure):
    """Raw AUROC of every set's direction by layer: a panel for each method and position.

    One table, `contrasts`, with `set`, `expected` ("none": a control), `method`, `position`,
    `layer`, `auroc`, `low`, `high`, `n`, `random_p95`.
    """

    name: ClassVar[str] = "contrast-layers"
    tables: ClassVar[tuple[str, ...]] = ("contrasts",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the AUROC of every set, method, position and layer."""
        names = "set expected method position layer auroc low high n random_p95"
        return table.loc[table["auroc"].notna(), names.split()].reset_index(drop=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "Area under the ROC curve, raw, of directions fitted to generic contrast pairs without "
            "labels, by layer (-1: the embeddings): above .5, defections lie on the side where the "
            f"set expects them (n = {spread(data)}). Rows: how the direction is fitted. Grey "
            "lines: control sets, of which nothing is expected. Grey band: the middle nine tenths "
            "of random directions. Bars: 95 % intervals over groups of questions."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "contrasts")
        methods, positions = (list(data[name].unique()) for name in ("method", "position"))
        looks = _looks(data)
        figure = new_figure(rows=0.95, panels=1.1 * len(methods))
        grid = figure.subplots(
            len(methods), len(positions), squeeze=False, sharex=True, sharey=True
        )
        for method, row in zip(methods, grid, strict=True):
            for position, axes in zip(positions, row, strict=True):
                here = (data["method"] == method) & (data["position"] == position)
                _panel(axes, data.loc[here], looks)
            row[0].set_ylabel(method.replace(" ", "\n", 1), fontsize=SMALL)
        for position, axes in zip(positions, grid[0], strict=True):
            axes.set_title(position)
        figure.supxlabel("layer")
        handles, names = grid[0, 0].get_legend_handles_labels()
        figure.legend(handles, names, loc="outside upper center", ncols=2, handlelength=2.2)
        return figure


def _looks(data: DataFrame) -> dict[str, dict[str, Any]]:
    """How each set is drawn: colours and marks for those that mean something, grey for controls."""
    expected = data.drop_duplicates("set").set_index("set")["expected"]
    meant = [name for name in expected.index if expected[name] != "none"]
    looks: dict[str, dict[str, Any]] = {
        name: {"color": _COLOURS[k % len(_COLOURS)], "marker": _MARKERS[k % len(_MARKERS)]}
        for k, name in enumerate(meant)
    }
    for k, name in enumerate(name for name in expected.index if name not in meant):
        looks[name] = {"color": GREY, "linestyle": _CONTROL_STYLES[k % len(_CONTROL_STYLES)]}
    return looks


def _panel(axes: Axes, data: DataFrame, looks: dict[str, dict[str, Any]]) -> None:
    chance = data.drop_duplicates("layer").sort_values("layer")
    layers: Any = chance["layer"].to_numpy(int)
    bound = chance["random_p95"].to_numpy(float)
    axes.fill_between(layers, 1 - bound, bound, color=INK, alpha=0.12, linewidth=0)
    axes.axhline(0.5, color=GREY, linewidth=0.6)
    for name, look in looks.items():
        curve = data.loc[data["set"] == name].sort_values("layer")
        x: Any = curve["layer"].to_numpy(int)
        control = "linestyle" in look
        axes.vlines(x, curve["low"], curve["high"], color=look["color"], linewidth=0.6, alpha=0.5)
        axes.plot(x, curve["auroc"].to_numpy(float), linewidth=0.9,
                  markersize=2.5 if len(curve) <= 12 else 0,
                  label=f"{name} (control)" if control else name, **look)  # fmt: skip
    axes.set(ylim=(-0.04, 1.04))
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.tick_params(labelsize=SMALL)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
