"""One panel of the figure `calibration`: a metric against planted truth."""

from __future__ import annotations

import textwrap
from typing import Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, MaxNLocator, NullLocator
from pandas import DataFrame

from analyses.figures.look import points
from analyses.figures.style import (
    EXPOSURE_COLOURS,
    EXPOSURE_MARKERS,
    GREY,
    SMALL,
    short,
    tick_label,
)
from analyses.figures.tables import records

REFERENCE: Final = "four cells (reference)"
DASHES: Final = (0, (4, 3))
_TARGET: Final = "#C9C9C9"
_HALVES: Final = (-1, 0, 0.5, 1)
_LINE: Final = 8  # points between the lines over a panel
_MANY: Final = 40  # organisms above which marks are drawn small


def draw_panel(axes: Axes, data: DataFrame, shares: DataFrame) -> None:
    """Draw one metric's number of every organism over the organism's place.

    Parameters
    ----------
    axes : Axes
    data : DataFrame
        The metric's rows of `Calibration.data`.
    shares : DataFrame
        The rows of all metrics on the scale of a share, whose panels have one axis.
    """
    share = bool(data["share"].all())
    if share:
        _identity(axes, data)
    for (seen, differ), marks in data.assign(
        differ=data["planted_tie"].sub(data["planted_pie"]).abs() > 1e-6
    ).groupby(["seen", "differ"]):
        _marks(axes, marks, seen=bool(seen), hollow=bool(differ))
    _limits(axes, data, shares if share else data, share=share)
    _heading(axes, data)


def _marks(axes: Axes, data: DataFrame, *, seen: bool, hollow: bool) -> None:
    colour, small = EXPOSURE_COLOURS[seen], data["organism"].nunique() > _MANY
    axes.vlines(data["place"], data["low"], data["high"], color=colour,
                linewidth=0.3 if small else 0.7)  # fmt: skip
    axes.plot(
        data["place"],
        data["estimate"],
        linestyle="none",
        marker=EXPOSURE_MARKERS[seen],
        color=colour,
        markerfacecolor="white" if hollow else colour,
        markersize=1.2 if small else 2.8,
        markeredgewidth=0.4 if small else 0.7,
    )


def _identity(axes: Axes, data: DataFrame) -> None:
    axes.axline((0, 0), slope=1, color=GREY, linewidth=0.6, linestyle=DASHES, zorder=0)
    spans = data.groupby("planted_tie")["place"].agg(["min", "max"]).reset_index()
    axes.hlines(spans["planted_tie"], spans["min"] - 0.03, spans["max"] + 0.03, color=_TARGET,
                linewidth=2.2, zorder=0)  # fmt: skip


def _limits(axes: Axes, data: DataFrame, alike: DataFrame, *, share: bool) -> None:
    """Let every interval stand inside the panel; shares have one axis in all panels."""
    ends = alike[["low", "high", "estimate"]].to_numpy(float)
    low, high = (np.nanmin(ends), np.nanmax(ends)) if np.isfinite(ends).any() else (0.0, 1.0)
    if share:
        low, high = min(low, 0.0), max(high, 1.0)
    slack = 0.06 * max(high - low, 0.1)
    axes.set_ylim(low - slack, high + slack)
    axes.set_xlim(min(data["place"].min(), 0) - 0.08, max(data["place"].max(), 1) + 0.08)
    few = MaxNLocator(3, steps=[1, 5, 10]) if data["estimate"].notna().any() else NullLocator()
    axes.yaxis.set_major_locator(FixedLocator(_HALVES) if share else few)
    axes.xaxis.set_major_locator(FixedLocator(_HALVES))
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(tick_label)
    axes.tick_params(labelsize=SMALL)


def _heading(axes: Axes, data: DataFrame) -> None:
    """Write the metric's name over its panel, and what its marks do not say."""
    row = records(data)[0]
    undefined = int(data["estimate"].isna().sum())
    lines = ["not ranked"] if row["metric"] == REFERENCE else []
    lines += [] if row["share"] else ["not a share"]
    lines += [f"error {short(row['error'])}"] if pd.notna(row["error"]) else []
    lines += [f"{undefined} undefined"] if undefined else []
    axes.annotate(
        "\n".join(lines), (0.5, 1), (0, points(2)), xycoords="axes fraction",
        textcoords="offset points", ha="center", va="bottom", fontsize=SMALL, color=GREY,
        linespacing=1.1,
    )  # fmt: skip
    name = "\n".join(textwrap.wrap(row["metric"], 17))
    axes.set_title(name, fontsize=SMALL, pad=points(3 + _LINE * len(lines)), linespacing=1.1)
