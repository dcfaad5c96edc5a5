"""Does room to compute do what the text does: filler by its kind and its length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure
from analyses.figures.style import GREY, INK, STATE_NAMES, probability_axis
from analyses.figures.tables import (
    headline_rows,
    made_rows,
    mean_by_group,
    native_rows,
    records,
    require_rows,
    spread,
)
from analyses.metrics.rows import argument

NATIVE: Final = "as written"
_LOOKS: Final = (("#D55E00", "s"), ("#0072B2", "^"), ("#009E73", "D"), ("#CC79A7", "v"))
_PARTS: Final = 3  # of the scratchpads by their length, equally many in each
_MOST_INVALID: Final = 0.5
_SPREAD: Final = 0.4  # of the gap between lengths, so that intervals stand side by side
_KEYS: Final = ["state", "kind", "part"]


@dataclass(frozen=True)
class FillerCurve(TableFigure):
    """P(defection) after filler of as many tokens as the scratchpad had, by that length."""

    name: ClassVar[str] = "filler"

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the mean of every kind of filler, and of the text as written, by length.

        Returns
        -------
        DataFrame
            `state` (of the prompt), `kind` ("as written" or the filler's name), `part` (0: the
            shortest), `tokens` (their median), `estimate`, `low`, `high`, `n` (groups),
            `questions`, `invalid`.
        """
        rows = made_rows(headline_rows(table))
        filler = rows.loc[rows["intervention"] == "filler"]
        if filler.empty:
            return mean_by_group(filler.assign(state=0, kind="", part=0), _KEYS)
        own = native_rows(rows)
        own = own.loc[own["question_id"].isin(filler["question_id"])].assign(kind=NATIVE)
        both = pd.concat([own, filler.assign(kind=argument(filler, "filler").astype(str))])
        part = pd.qcut(both["n_tokens"].astype(float), _PARTS, labels=False, duplicates="drop")
        both = both.assign(state=both["prompt_state"], part=part.fillna(0).astype(int))
        tokens = both.groupby("part")["n_tokens"].median()
        means = mean_by_group(both, _KEYS)
        means.insert(3, "tokens", means["part"].map(tokens))
        return means

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        worst = data["invalid"].max()
        return (
            "Probability of defection when the scratchpad is replaced by one short string, "
            "repeated to as many tokens, by that length (the shortest to the longest third), "
            "beside the scratchpad as written. 95 % bootstrap intervals over groups of questions "
            f"(n = {spread(data)} groups). Invalid answers left out (at most {100 * worst:.0f} % "
            "of a point); open marks: more than half, so that the rest are a selection."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "the intervention 'filler'")
        figure = new_figure(panels=2.2)
        panels = figure.subplots(1, 2, sharey=True)
        kinds = sorted(data["kind"].unique(), key=lambda kind: kind != NATIVE)
        for state, axes in zip(STATE_NAMES, panels, strict=True):
            for place, kind in enumerate(kinds):
                own = data.loc[(data["state"] == state) & (data["kind"] == kind)]
                _curve(axes, own, kind, place, len(kinds))
            axes.set(title=f"{STATE_NAMES[state]} prompt")
            parts = data.drop_duplicates("part").sort_values("part")
            axes.set_xticks(parts["part"], [f"{tokens:.0f}" for tokens in parts["tokens"]])
        probability_axis(panels[0])
        figure.supxlabel("tokens of the scratchpad")
        figure.legend(
            *panels[0].get_legend_handles_labels(), loc="outside upper center",
            ncols=5 if is_wide() else 3, handlelength=1.6,
        )  # fmt: skip
        return figure


def _curve(axes: Axes, data: DataFrame, kind: str, place: int, kinds: int) -> None:
    colour, marker = (INK, "o") if kind == NATIVE else _LOOKS[(place - 1) % len(_LOOKS)]
    curve = data.sort_values("part")
    x = curve["part"] + _SPREAD * (place / max(kinds - 1, 1) - 0.5)
    axes.plot(x, curve["estimate"], color=GREY, linewidth=0.6, zorder=0)
    axes.vlines(x, curve["low"], curve["high"], color=colour, linewidth=1)
    for at, row in zip(x, records(curve), strict=True):
        _mark(axes, at, row, colour, marker)
    axes.plot([], [], linestyle="none", marker=marker, color=colour, label=kind)


def _mark(axes: Axes, at: float, row: dict[str, Any], colour: str, marker: str) -> None:
    face = "white" if row["invalid"] > _MOST_INVALID else colour
    axes.plot(at, row["estimate"], marker=marker, color=colour, markerfacecolor=face,
              markersize=3.5)  # fmt: skip
