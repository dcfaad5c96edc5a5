"""Where a probe reads the defection, beside what the text alone gives away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Colormap, LinearSegmentedColormap
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import COLUMN, canvas, new_figure
from analyses.figures.style import SMALL, STATE_COLOURS, short
from analyses.figures.tables import records, require_rows, spread

EMBEDDINGS: Final = -1
_TEXT: Final = -2  # the row of the text readers
# Diverging and safe: blue below chance, white at chance, vermilion above.
AUROC_COLOURS: Final[Colormap] = LinearSegmentedColormap.from_list(
    "auroc", [STATE_COLOURS[0], "#FFFFFF", STATE_COLOURS[1]]
)


_MOST_NUMBERED: Final = 40  # layers
_MOST_IN_A_COLUMN: Final = 6  # cells side by side in one column of a paper, with room for numbers


@dataclass(frozen=True)
class ProbeHeatmap(TableFigure):
    """AUROC of every probe at every layer and position, over the best text reader's.

    Two tables: `probes` with `layer` (-1 is the embeddings), `position`, `probe`, `auroc`, `low`,
    `high`, `n`; and, if there is one, `readers` with `position`, `reader`, `auroc`, `low`,
    `high`, `n`. Positions keep the order of the first table.
    """

    name: ClassVar[str] = "probe-heatmap"
    tables: ClassVar[tuple[str, ...]] = ("probes", "readers")
    optional: ClassVar[tuple[str, ...]] = ("readers",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the probes' values and, for every position, the best text reader's.

        Returns
        -------
        DataFrame
            `row` ("probe" or "text only"), `probe`, `layer`, `position`, `reader`, `auroc`,
            `low`, `high`, `n`.
        """
        probes = table.assign(row="probe")
        readers = pd.concat(more) if more else DataFrame(columns=["position", "auroc", "reader"])
        best = readers.sort_values("auroc", ascending=False, kind="stable")
        best = best.drop_duplicates("position").assign(row="text only")
        best = best.loc[best["position"].isin(table["position"])]
        both = pd.concat([probes, best], ignore_index=True) if len(best) else probes
        columns = ["row", "probe", "layer", "position", "reader", "auroc", "low", "high", "n"]
        return both.reindex(columns=columns).astype({"layer": "Int64"})

    def usual_width(self, data: DataFrame) -> str:
        """Take both columns for many cells side by side."""
        cells = data["probe"].nunique() * data["position"].nunique()
        return "column" if cells <= _MOST_IN_A_COLUMN else "text"

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        readers = sorted(data["reader"].dropna().unique())
        text = f" Bottom row: the best reader of the text alone ({', '.join(readers)})."
        return (
            "Area under the ROC curve of probes on residual activations, by layer (emb: the "
            f"embeddings) and position, on held-out questions (n = {spread(data)})."
            f"{text if readers else ''} In parentheses: the 95 % interval includes .5. The "
            "intervals are in the table of values."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "probes")
        probes = data.loc[data["row"] == "probe"]
        readers = data.loc[data["row"] == "text only"].assign(layer=_TEXT)
        kinds, layers = list(probes["probe"].unique()), probes["layer"].nunique()
        rows = [1.0 * layers] + [1.0] * (len(readers) > 0)
        positions = _positions(probes)
        cells = len(kinds) * len(positions)
        numbered = layers <= _MOST_NUMBERED and cells <= _MOST_IN_A_COLUMN * canvas() / COLUMN
        figure = new_figure(rows=min(1.0 + 0.17 * layers, 6.5))
        grid = figure.subplots(len(rows), len(kinds), squeeze=False, height_ratios=rows)
        for kind, stack in zip(kinds, grid.T, strict=True):
            _heat(stack[0], probes.loc[probes["probe"] == kind], positions, numbered=numbered)
            stack[0].set_title(kind)
            if len(readers):
                _heat(stack[1], readers, positions, numbered=numbered)
                stack[0].set_xticks([])
        for axes in grid[:, 1:].flat:
            axes.set_yticks([])
        grid[0, 0].set_ylabel("layer")
        colour_bar(figure, grid.ravel().tolist())
        return figure


def _positions(cells: DataFrame) -> list[str]:
    return list(cells["position"].drop_duplicates())


def _heat(axes: Axes, cells: DataFrame, positions: list[str], *, numbered: bool) -> None:
    grid = cells.assign(note=[noted(row) for row in records(cells)])
    values, notes = (
        grid.pivot(index="layer", columns="position", values=column)
        .reindex(columns=positions)
        .sort_index(ascending=False)
        for column in ("auroc", "note")
    )
    axes.set_facecolor("#DDDDDD")
    sns.heatmap(
        values,
        ax=axes,
        vmin=0,
        vmax=1,
        cmap=AUROC_COLOURS,
        annot=notes if numbered else False,
        fmt="",
        annot_kws={"fontsize": SMALL},
        linewidths=0.5,
        cbar=False,
        xticklabels=[name.replace("-", "\n") if numbered else name for name in positions],
        yticklabels=[_layer_name(layer) for layer in values.index],
    )
    axes.set(xlabel="", ylabel="")
    axes.tick_params(length=0, rotation=0)
    axes.tick_params(axis="x", labelsize=SMALL, rotation=0 if numbered else 90)


def noted(cell: dict[str, Any]) -> str:
    """Write an AUROC, in parentheses where its interval includes .5."""
    if pd.isna(cell["auroc"]):
        return ""
    value = short(cell["auroc"])
    return f"({value})" if cell["low"] <= 0.5 <= cell["high"] else value


def _layer_name(layer: int) -> str:
    return {_TEXT: "text only", EMBEDDINGS: "emb"}.get(layer, str(layer))


def colour_bar(figure: Figure, axes: list[Axes]) -> None:
    """Draw the scale of AUROC beside heat maps."""
    bar = figure.colorbar(axes[0].collections[0], ax=axes, aspect=30, fraction=0.05, pad=0.02)
    bar.set_label("AUROC")
    bar.set_ticks([0, 0.5, 1], labels=["0", ".5", "1"])
    bar.outline.set_visible(False)
