"""Curves along the steps of a scratchpad: by the share of its steps, and from its end."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import (
    GREY,
    STATE_COLOURS,
    STATE_MARKERS,
    STATE_NAMES,
    probability_axis,
    state_legend,
)
from analyses.figures.tables import (
    INVALID_SHARE_WORTH_SHOWING,
    headline_rows,
    made_rows,
    mean_by_group,
    require_rows,
    spread,
)

_KEYS: Final = ("axis", "state", "position")
_SHARE: Final = "share kept"
_DASHES: Final = (0, (2, 2))
_MOST_INVALID: Final = 0.5
_LEFT_OUT: Final = "steps left out"


@dataclass(frozen=True)
class StepCurve(TableFigure):
    """P(defection) by how many steps of a scratchpad come before a change, for both states.

    Scratchpads differ in length, so the steps are laid over one another twice. *By share*: at
    share s a scratchpad counts with its floor(s n) first steps; every value drawn was measured,
    nothing is interpolated. *From the end*: with all but its last m steps, for scratchpads that
    have that many; a step that decides at a fixed distance from the end shows as a cliff here
    and as a slope on the left.

    Where more than half of the answers are invalid the rest are a selection: the point is in the
    data and not drawn.

    Parameters
    ----------
    shares : int
        Number of equal parts of the left axis.
    most_left_out : int
        Longest way from the end on the right axis, if nine in ten scratchpads have as many steps.
    """

    what: ClassVar[str]
    across: ClassVar[tuple[str, str]]  # labels of the x axes
    sentence: ClassVar[str]
    shares: int = 10
    most_left_out: int = 8

    @abstractmethod
    def rows(self, table: DataFrame) -> DataFrame:
        """Give the outcomes drawn, with `kept`: how many steps come before the change."""

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the mean at every position.

        Returns
        -------
        DataFrame
            `axis` ("share kept" or "steps left out"), `state` (0, 1), `position`, `estimate`,
            `low`, `high`, `n` (groups), `questions`, `invalid` (share of rows left out).
        """
        rows = self.rows(made_rows(headline_rows(table)))
        if rows.empty:
            return mean_by_group(rows.assign(axis="", state=0, position=0.0), _KEYS)
        rows = rows.assign(state=rows["prompt_state"])
        return mean_by_group(pd.concat([self._by_share(rows), self._from_end(rows)]), _KEYS)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        worst = data["invalid"].max()
        dashed = "; dashed: share of invalid answers" if _shows_invalid(data) else ""
        return (
            f"{self.sentence} Bands: "
            f"95 % bootstrap intervals over groups of questions (n = {spread(data)} groups). "
            f"Invalid answers left out (at most {100 * worst:.0f} % of a point){dashed}; no point "
            "where they are more than half."
        )

    def _by_share(self, rows: DataFrame) -> DataFrame:
        parts = DataFrame({"part": range(self.shares + 1)})
        crossed = rows.merge(parts, how="cross")
        counts = crossed["part"] * crossed["n_steps"] // self.shares == crossed["kept"]
        return crossed.loc[counts].assign(
            axis=_SHARE, position=lambda kept: kept["part"] / self.shares
        )

    def _from_end(self, rows: DataFrame) -> DataFrame:
        left_out = (rows["n_steps"] - rows["kept"]).astype(float)
        longest = min(self.most_left_out, int(rows["n_steps"].quantile(0.1)))
        return rows.assign(axis=_LEFT_OUT, position=left_out).loc[left_out <= longest]

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, self.what)
        figure = new_figure(panels=2.2)
        left, right = figure.subplots(1, 2, sharey=True, width_ratios=(1.25, 1))
        for state in STATE_NAMES:
            curve = data.loc[data["state"] == state]
            trusted = curve.copy()
            trusted.loc[curve["invalid"] > _MOST_INVALID, ["estimate", "low", "high"]] = np.nan
            _draw_staircase(left, trusted.loc[curve["axis"] == _SHARE], state)
            _draw_points(right, trusted.loc[curve["axis"] == _LEFT_OUT], state)
            if _shows_invalid(curve):
                _draw_invalid((left, right), curve, state)
        probability_axis(left)
        left.set(xlabel=self.across[0], xlim=(-0.02, 1.02))
        left.set_xticks([0, 0.5, 1], ["0", ".5", "1"])
        right.set_xlabel(self.across[1])
        right.set_xticks(sorted(data.loc[data["axis"] == _LEFT_OUT, "position"].unique()))
        right.invert_xaxis()
        if _shows_invalid(data):
            right.plot([], [], color=GREY, linestyle=_DASHES, linewidth=0.8, label="invalid")
        state_legend(figure, right, line="-")
        return figure


def _shows_invalid(data: DataFrame) -> bool:
    return bool((data["invalid"] > INVALID_SHARE_WORTH_SHOWING).any())


def _draw_staircase(axes: Axes, curve: DataFrame, state: int) -> None:
    colour, x = STATE_COLOURS[state], curve["position"]
    low, high = curve["low"], curve["high"]
    axes.fill_between(x, low, high, step="post", color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, curve["estimate"], color=colour, drawstyle="steps-post")
    whole = curve.tail(1)
    axes.plot(whole["position"], whole["estimate"], color=colour, marker=STATE_MARKERS[state])


def _draw_points(axes: Axes, curve: DataFrame, state: int) -> None:
    colour, x = STATE_COLOURS[state], curve["position"]
    axes.fill_between(x, curve["low"], curve["high"], color=colour, alpha=0.25, linewidth=0)
    axes.plot(x, curve["estimate"], color=colour, marker=STATE_MARKERS[state])


def _draw_invalid(panels: tuple[Axes, Axes], curve: DataFrame, state: int) -> None:
    for axes, axis in zip(panels, (_SHARE, _LEFT_OUT), strict=True):
        part = curve.loc[curve["axis"] == axis]
        axes.plot(
            part["position"],
            part["invalid"],
            color=STATE_COLOURS[state],
            linestyle=_DASHES,
            linewidth=0.8,
        )
