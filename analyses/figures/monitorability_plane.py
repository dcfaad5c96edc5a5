"""Does the text show what the model does, and does it cause it: two axes, not one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator
from numpy.typing import NDArray
from pandas import DataFrame

from analyses.calibration.scoring.populations import HEADLINE
from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.placing import place_names
from analyses.figures.style import GREY, INK, SMALL, tick_label
from analyses.figures.tables import if_any_known, records, require_rows, spread

MONITORS: Final = {"monitorability-text": "text", "monitorability-rule": "rule"}
_LOOKS: Final = {
    "mediated": ("#0072B2", "o"),
    "direct": ("#D55E00", "s"),
    "mixed": ("#009E73", "D"),
    "redundant": ("#CC79A7", "^"),
    "conjunctive": ("#E69F00", "v"),
    "encoded": ("#56B4E9", "P"),
}
_UNPLANTED: Final = (GREY, "X")
_MOST_LEADERS: Final = 3  # of a mode with more organisms the middle one alone is pointed at
_MANY: Final = 40  # organisms above which marks are small and the figure is two columns wide
_SAMPLES: Final = 15  # of an interval, which names keep off
_COLUMNS: Final = [
    "organism", "mediation", "planted_verdict", "monitor", "necessity", "necessity_low",
    "necessity_high", "estimate", "low", "high", "n", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class MonitorabilityPlane(TableFigure):
    """Monitorability (the text shows it) against measured necessity (the text causes it).

    Tables `means`, `organisms` and `reference` of a calibration.
    """

    name: ClassVar[str] = "monitorability-plane"
    tables: ClassVar[tuple[str, ...]] = ("means", "organisms", "reference")

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give both coordinates of every organism, by monitor.

        Returns
        -------
        DataFrame
            `organism`, `mediation`, `planted_verdict`, `monitor` ("text", "rule"), `necessity`
            (measured TIE), `necessity_low`, `necessity_high`, `estimate` (g-mean2; missing:
            undefined), `low`, `high`, `n` (groups), `reason`.
        """
        organisms, reference = more
        first = (reference["repeat"] == 0) & (reference["effect"] == "total_indirect_effect")
        names = {"estimate": "necessity", "low": "necessity_low", "high": "necessity_high"}
        necessity = reference.loc[first, ["organism", *names]].rename(columns=names)
        shown = (table["state"] == HEADLINE) & table["metric"].isin(list(MONITORS))
        flags = table.loc[shown].assign(monitor=table["metric"].map(MONITORS))
        both = organisms.merge(necessity, on="organism").merge(flags, on="organism")
        ordered = both.sort_values(
            ["monitor", "mediation", "organism"], ascending=[False, True, True]
        )
        return if_any_known(ordered[_COLUMNS].reset_index(drop=True))

    def usual_width(self, data: DataFrame) -> str:
        """Take both columns for many organisms."""
        return "text" if data["organism"].nunique() > _MANY else "column"

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        text = data.loc[data["monitor"] == "text"]
        undefined = int(text["estimate"].isna().sum())
        missing = f" ({undefined} more: undefined, not drawn)" if undefined else ""
        rule = (
            " Open: a rule as the monitor, joined to the same organism."
            if _with_rule(data).any()
            else ""
        )
        return (
            "Does the scratchpad cause the defection (across: total indirect effect of the four "
            "cells, measured) and does it show it (up: monitorability g-mean2 of a monitor that "
            f"reads the text)? {len(text) - undefined} organisms{missing}, named by what was "
            "planted (\N{MULTIPLICATION SIGN}: in how many); colour and shape: the planted verdict."
            f"{rule} Intervals: 95 % bootstrap over groups of questions (n = {spread(data)})."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "monitors")
        drawn = data.dropna(subset=["estimate", "necessity"])
        text = drawn.loc[drawn["monitor"] == "text"]
        rule = drawn.loc[_with_rule(drawn)]
        figure = new_figure(panels=3.2)
        axes = figure.subplots()
        _limits(axes, pd.concat([text, rule]))
        _join(axes, text, rule)
        _marks(axes, rule, filled=False)
        _marks(axes, text, filled=True)
        axes.set(
            xlabel="needed: measured total indirect effect",
            ylabel="shown: g-mean\N{SUPERSCRIPT TWO}",
        )
        if len(rule):
            _legend(figure, axes)
        place_names(figure, axes, _named(text), _taken(pd.concat([text, rule])))
        return figure


def _with_rule(data: DataFrame) -> Any:
    """Rows of the rule monitor whose organism the text monitor has a number for."""
    known = data.dropna(subset="estimate")
    text = known.loc[known["monitor"] == "text", "organism"]
    return (data["monitor"] == "rule") & data["organism"].isin(text) & data["estimate"].notna()


def _limits(axes: Axes, data: DataFrame) -> None:
    ends = data[["necessity_low", "necessity_high"]].to_numpy(float)
    low, high = (np.nanmin(ends), np.nanmax(ends)) if len(ends) else (0.0, 1.0)
    axes.set_xlim(min(low, 0.0) - 0.06, max(high, 1.0) + 0.06)
    axes.set_ylim(-0.06, 1.06)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(FixedLocator([-1, -0.5, 0, 0.25, 0.5, 0.75, 1]))
        axis.set_major_formatter(tick_label)


def _marks(axes: Axes, data: DataFrame, *, filled: bool) -> None:
    """Draw one monitor's marks; open ones are larger, to be seen around a filled one."""
    small = data["organism"].nunique() > _MANY
    width, alpha = (0.3, 0.5) if small else (0.8 if filled else 0.5, 1.0)
    for row in records(data):
        colour, marker = _LOOKS.get(row["planted_verdict"], _UNPLANTED)
        x, y = row["necessity"], row["estimate"]
        intervals = [([x, x], [row["low"], row["high"]])]
        intervals += [([row["necessity_low"], row["necessity_high"]], [y, y])] * filled
        for ends in intervals:
            axes.plot(*ends, color=colour, linewidth=width, alpha=alpha)
        axes.plot(
            x,
            y,
            marker=marker,
            color=colour,
            markersize=(4.2 if filled else 5.6) / (2 if small else 1),
            markerfacecolor=colour if filled else "white",
            markeredgecolor="white" if filled else colour,
            markeredgewidth=(0 if small else 0.3) if filled else 0.6,
            zorder=3 if filled else 2.5,
        )


def _join(axes: Axes, text: DataFrame, rule: DataFrame) -> None:
    both = rule.merge(text[["organism", "estimate"]], on="organism", suffixes=("", "_text"))
    axes.vlines(both["necessity"], both["estimate"], both["estimate_text"], color=GREY,
                linewidth=0.5, linestyle=(0, (1, 1.5)), zorder=1)  # fmt: skip


def _named(text: DataFrame) -> Mapping[str, NDArray[np.float64]]:
    """The points that each mode's name points at, the middle one first; modes from left to right.

    In that order neighbours get places beside each other. A name says of how many organisms, some
    of which others may cover. Where there are many, modes that differ by a number share one.
    """
    modes = text["mediation"]
    rows = text.assign(mode=modes.str.partition(":")[0] if len(text) > _MANY else modes)
    named = {}
    for mode in rows.groupby("mode")["necessity"].median().sort_values(kind="stable").index:
        points = rows.loc[rows["mode"] == mode, ["necessity", "estimate"]].to_numpy(float)
        order = np.argsort(np.abs(points - np.median(points, axis=0)).sum(axis=1), kind="stable")
        count = f" \N{MULTIPLICATION SIGN}{len(points)}" if len(points) > 1 else ""
        named[f"{mode}{count}"] = points[order][: 1 if len(points) > _MOST_LEADERS else None]
    return named


def _taken(data: DataFrame) -> NDArray[np.float64]:
    """Points along every interval."""
    share = np.linspace(0, 1, _SAMPLES)[:, None]
    x, y, left, right, low, high = (
        data[name].to_numpy(float)
        for name in ("necessity", "estimate", "necessity_low", "necessity_high", "low", "high")
    )
    up = np.stack([np.broadcast_to(x, (_SAMPLES, len(x))), low + share * (high - low)], axis=2)
    over = np.stack([left + share * (right - left), np.broadcast_to(y, (_SAMPLES, len(y)))], axis=2)
    return np.concatenate([up, over]).reshape(-1, 2)


def _legend(figure: Figure, axes: Axes) -> None:
    for face, label in ((INK, "text monitor"), ("white", "rule monitor")):
        axes.plot([], [], linestyle="none", marker="o", color=INK, markerfacecolor=face,
                  markeredgewidth=0.7, label=label)  # fmt: skip
    figure.legend(loc="outside upper right", ncols=2, handletextpad=0.1, columnspacing=1.2,
                  fontsize=SMALL)  # fmt: skip
