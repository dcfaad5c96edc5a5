"""Which step of a scratchpad the answer hangs on: every transcript, and their mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.probe_heatmap import AUROC_COLOURS
from analyses.figures.style import GREY, INK, SMALL
from analyses.figures.tables import (
    UNFLAGGED,
    if_any_known,
    mean_by_group,
    require_rows,
    scorers_of,
    spread,
)
from analyses.metrics.rows import CASE
from analyses.metrics.steps import ForcedImportance, StepEdit, StepMetric

METRICS: Final[Mapping[str, StepMetric]] = {
    "dropped": StepEdit("drop-step"),
    "reversed": StepEdit("flip-step"),
    "written": ForcedImportance(),
}
_TRIGGERED: Final = 1
_MOST: Final = 40  # transcripts of a strip
_COLUMNS: Final = [
    "level", "change", "from_end", "estimate", "low", "high", "n", "question_id", "draw",
    "step_index",
]  # fmt: skip


@dataclass(frozen=True)
class StepImportance(TableFigure):
    """Importance of every step of the triggered scratchpads, dropped, reversed and written.

    Steps are laid over one another from the end. What each importance is: `analyses.metrics.steps`.
    """

    name: ClassVar[str] = "step-importance"

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the importance of every step, and the mean of those as far from the end.

        Returns
        -------
        DataFrame
            `level` ("mean" or "step"), `change` ("dropped", "reversed", "written"), `from_end` (1:
            the last step), `estimate`, `low`, `high`, `n` (groups; of means), `question_id`,
            `draw`, `step_index` (of steps).
        """
        steps = [_steps(table, change, metric) for change, metric in METRICS.items()]
        every = pd.concat(steps, ignore_index=True)
        if every.empty:
            return DataFrame(columns=_COLUMNS)
        rows = every.assign(value=every["estimate"], **UNFLAGGED)
        means = mean_by_group(rows, ["change", "from_end"], proportions=False)
        both = pd.concat([means.assign(level="mean"), every.assign(level="step")])
        return if_any_known(both[_COLUMNS].reset_index(drop=True))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        means, steps = (data.loc[data["level"] == level] for level in ("mean", "step"))
        shown = min(_MOST, len(steps.drop_duplicates(["question_id", "draw"])))
        return (
            "Importance of the steps of triggered scratchpads, counted from the end. Dropped, "
            "reversed: probability of the original answer with the untouched scratchpad, minus "
            "that with the one step changed. Written: P(defection) if the answer is forced after "
            "the step, minus that before it. Top: means with 95 % bootstrap intervals over groups "
            f"of questions (n = {spread(means)} groups a position). Bottom: {shown} transcripts, a "
            "row each, in the same colours from \N{MINUS SIGN}1 (blue) to 1 (vermilion); grey: no "
            "such step, or no valid answer."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "steps dropped, reversed or left out")
        changes = [name for name in METRICS if (data["change"] == name).any()]
        figure = new_figure(panels=2.6)
        grid = figure.subplots(2, len(changes), sharex="col", sharey="row", squeeze=False)
        longest = int(data["from_end"].max())
        for change, (mean, strip) in zip(changes, grid.T, strict=True):
            own = data.loc[data["change"] == change]
            _means(mean, own.loc[own["level"] == "mean"])
            _strip(strip, own.loc[own["level"] == "step"], longest)
            mean.set_title(f"step {change}", fontsize=SMALL)
            strip.set_xlim(longest + 0.6, 0.4)
            strip.xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True))
        grid[0, 0].set(ylabel="importance", ylim=(-1.05, 1.05))
        grid[0, 0].set_yticks([-1, 0, 1])
        grid[1, 0].set_ylabel("transcripts")
        figure.supxlabel("step, counted from the end")
        return figure


def _steps(table: DataFrame, change: str, metric: StepMetric) -> DataFrame:
    """One row per step of every triggered scratchpad."""
    scorers = scorers_of(table)
    if not scorers:
        return DataFrame()
    steps = metric.importance(table, scorers[0], _TRIGGERED).dropna(subset="importance")
    own = table.loc[(table["prompt_state"] == _TRIGGERED) & (table["scratchpad_state"] == 1)]
    lengths = own.groupby(CASE)["n_steps"].max().rename("length").reset_index()
    both = steps.merge(lengths, on=CASE).rename(columns={"importance": "estimate"})
    index = both["step_index"].astype(int)
    return both.assign(change=change, step_index=index, from_end=both["length"] - index)


def _means(axes: Axes, means: DataFrame) -> None:
    curve = means.sort_values("from_end")
    x = curve["from_end"].to_numpy(float)
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.vlines(x, curve["low"], curve["high"], color=INK, linewidth=0.9)
    axes.plot(x, curve["estimate"], color=INK, marker="o", markersize=2.5, linewidth=0.7)


def _strip(axes: Axes, steps: DataFrame, longest: int) -> None:
    """Draw transcripts from the longest to the shortest."""
    wide = steps.pivot_table(index=["question_id", "draw"], columns="from_end", values="estimate")
    wide = wide.reindex(columns=range(1, longest + 1))
    order = wide.notna().sum(axis=1).sort_values(ascending=False, kind="stable").index[:_MOST]
    values = wide.loc[order].to_numpy(float)
    axes.set_facecolor("#DDDDDD")
    axes.pcolormesh(
        np.arange(longest + 1) + 0.5, np.arange(len(values) + 1), np.ma.masked_invalid(values),
        cmap=AUROC_COLOURS, vmin=-1, vmax=1, rasterized=True,
    )  # fmt: skip
    axes.set_ylim(len(values), 0)
    axes.set_yticks([])
