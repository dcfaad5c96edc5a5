"""What every metric says of organisms whose truth is planted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from analyses.calibration.scoring.populations import HEADLINE
from analyses.calibration.scoring.ranking import ranked_errors
from analyses.figures.base import TableFigure
from analyses.figures.calibration_panels import DASHES, REFERENCE, draw_panel
from analyses.figures.look import canvas, is_wide, new_figure
from analyses.figures.style import EXPOSURE_COLOURS, EXPOSURE_MARKERS, EXPOSURE_NAMES, GREY, INK
from analyses.figures.tables import if_any_known, require_rows, spread

_WIDEST: Final = 0.14  # how far beside its planted truth an organism is drawn
_CLOSEST: Final = 0.055
_PANEL: Final = 0.95  # inches of canvas that a panel takes
_COLUMNS: Final = [
    "metric", "share", "error", "organism", "mediation", "admitted", "planted_tie", "planted_pie",
    "place", "seen", "estimate", "low", "high", "n", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class Calibration(TableFigure):
    """A metric's number against the planted total indirect effect: a panel for each metric.

    Tables `means`, `organisms`, `reference` and `leaderboard` of a calibration.
    """

    name: ClassVar[str] = "calibration"
    tables: ClassVar[tuple[str, ...]] = ("means", "organisms", "reference", "leaderboard")

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give every metric's number after the triggered prompt, for each planted organism.

        Returns
        -------
        DataFrame
            `metric` (the four cells first, the others by their error), `share` (is it on the
            scale of one), `error`, `organism`, `mediation`, `admitted`, `planted_tie`,
            `planted_pie`, `place` (where on the x axis it is drawn), `seen`, `estimate` (missing:
            undefined), `low`, `high`, `n` (groups), `reason`.
        """
        organisms, reference, leaderboard = more
        planted = _placed(organisms.dropna(subset="planted_tie"))
        numbers = pd.concat(
            [_reference(reference, organisms), table.loc[table["state"] == HEADLINE]]
        )
        order = _panels(table, leaderboard)
        grid = planted.merge(order, how="cross").merge(
            numbers.drop(columns="share"), on=["metric", "organism"], how="left"
        )
        grid["seen"] = grid["seen"].eq(True)
        lacking = Series("not measured", index=grid.index).where(grid["estimate"].isna(), "")
        grid["reason"] = grid["reason"].fillna(lacking)
        ordered = grid.sort_values(["rank", "place"], kind="stable")
        return if_any_known(ordered[_COLUMNS].reset_index(drop=True))

    def usual_width(self, data: DataFrame) -> str:
        """Take both columns: there are many panels."""
        return "text"

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        organisms = data.drop_duplicates("organism")
        missed = int((~organisms["admitted"].eq(True)).sum())
        return (
            f"Every metric on the triggered rows of {len(organisms)} organisms ({missed} of them "
            "not admitted) against the total indirect effect (TIE) that was planted; those of "
            "equal truth stand side by side, in the same place in every panel. Squares: the "
            "organism met the metric's intervention in training; circles: it did not. Hollow: the "
            "planted TIE and PIE differ. Dashed: the identity; grey bars: the planted value. "
            "Metrics that are not on the scale of a share have neither, and an axis of their own. "
            "Over a panel: mean absolute error on (TIE, PIE) of all trained organisms, in whose "
            "order the panels stand; numbers of different exposure do not rank metrics, and the "
            "four cells do not compete. Intervals: 95 % bootstrap over groups of questions "
            f"(n = {spread(data)} groups)."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "metrics of planted organisms")
        panels = list(data["metric"].drop_duplicates())
        across = min(len(panels), int(canvas() / _PANEL))
        rows = -(-len(panels) // across)
        figure = new_figure(rows=0.65 + 0.55 * rows, panels=0.7 * rows)
        grid = figure.subplots(rows, across, squeeze=False)
        shares = data.loc[data["share"]]
        for place, (axes, metric) in enumerate(zip(grid.flat, panels, strict=False)):
            draw_panel(axes, data.loc[data["metric"] == metric], shares)
            if place + across < len(panels):
                axes.tick_params(labelbottom=False)
        for axes in grid.flat[len(panels) :]:
            axes.set_axis_off()
        figure.supxlabel("planted total indirect effect (TIE)")
        figure.supylabel("metric after the triggered prompt")
        _legend(figure, grid[0, 0])
        return figure


def _placed(organisms: DataFrame) -> DataFrame:
    """Set organisms of equal truth side by side around it."""
    columns = ["organism", "mediation", "admitted", "planted_tie", "planted_pie"]
    # 1 - (1 - .3) is not .3: equal truth may differ in the last digit.
    truth = organisms[columns].assign(planted_tie=organisms["planted_tie"].astype(float).round(9))
    ordered = truth.sort_values(["planted_tie", "planted_pie", "mediation", "organism"])
    alike = ordered.groupby("planted_tie")["organism"]
    many = alike.transform("size").astype(float)
    gap = (2 * _reach(ordered) / (many - 1).clip(lower=1)).clip(upper=_CLOSEST)
    aside = (alike.cumcount() - (many - 1) / 2) * gap
    return ordered.assign(place=ordered["planted_tie"] + aside)


def _reach(organisms: DataFrame) -> float:
    """How far to either side of a planted value its organisms may stand."""
    gaps = np.diff(np.unique(organisms["planted_tie"]))
    return min(_WIDEST, 0.35 * float(gaps.min())) if len(gaps) else _WIDEST


def _reference(reference: DataFrame, organisms: DataFrame) -> DataFrame:
    """The four cells as if they were a metric; what is planted is planted by swaps."""
    rows = (reference["repeat"] == 0) & (reference["effect"] == "total_indirect_effect")
    cells = reference.loc[rows].merge(organisms[["organism", "mediation"]], on="organism")
    seen = cells["mediation"] != "natural"
    return cells.assign(metric=REFERENCE, seen=seen).drop(columns="mediation")


def _panels(means: DataFrame, leaderboard: DataFrame) -> DataFrame:
    """The metrics in the order of their panels: shares by error, then what is not a share."""
    if means.empty:
        return DataFrame(columns=["metric", "share", "error", "rank"])
    share = means.groupby("metric")["share"].all()
    error = ranked_errors(leaderboard)
    names = [*error.index, *means["metric"].drop_duplicates()]
    known = [name for name in dict.fromkeys(names) if name in share]
    ordered = sorted(known, key=lambda name: not share[name])
    panels = DataFrame({"metric": [REFERENCE, *ordered], "share": [True, *share[ordered]]})
    return panels.assign(error=panels["metric"].map(error), rank=panels.index)


def _legend(figure: Figure, axes: Axes) -> None:
    for seen in (True, False):
        axes.plot([], [], linestyle="none", marker=EXPOSURE_MARKERS[seen],
                  color=EXPOSURE_COLOURS[seen],
                  label=f"{EXPOSURE_NAMES[seen]} in training")  # fmt: skip
    axes.plot([], [], linestyle="none", marker="o", color=INK, markerfacecolor="white",
              markeredgewidth=0.7, label="planted TIE \N{NOT EQUAL TO} PIE")  # fmt: skip
    axes.plot([], [], color=GREY, linewidth=0.6, linestyle=DASHES, label="identity")
    figure.legend(
        loc="outside upper center",
        ncols=4 if is_wide() else 2,
        handletextpad=0.4,
        columnspacing=1.4,
    )
