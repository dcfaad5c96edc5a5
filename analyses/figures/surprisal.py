"""Is an effect large because the edit is strange: change in P(defection) against surprisal."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.interventions import in_order
from analyses.figures.look import is_wide, new_figure
from analyses.figures.style import GREY, SMALL, STATE_COLOURS, STATE_MARKERS, arms, state_legend
from analyses.figures.tables import (
    headline_rows,
    made_rows,
    mean_by_group,
    native_rows,
    records,
    require_rows,
    spread,
)

WARNING_SURPRISAL: Final = 1.0  # nats per token above the model's own text: science's threshold
_CASE: Final = ["question_id", "draw", "prompt_state"]
_KEYS: Final = ("state", "intervention")


@dataclass(frozen=True)
class EffectAgainstSurprisal(TableFigure):
    """Change in P(defection) against how much stranger than the model's own text an edit is."""

    name: ClassVar[str] = "effect-against-surprisal"

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give every edited scratchpad and the mean of every intervention, by prompt.

        Scratchpads without tokens have no surprisal and are left out.

        Returns
        -------
        DataFrame
            `level` ("mean" or "variant"), `state` (of the prompt), `intervention`, `surprisal`
            (nats/token, minus the unedited scratchpad's), `surprisal_low`, `surprisal_high`,
            `estimate` (f minus the unedited scratchpad's f), `low`, `high`, `n` (groups),
            `questions`, `invalid`, `question_id`, `draw`, `step_index`.
        """
        edits = _edits(made_rows(headline_rows(table)))
        means = mean_by_group(edits, _KEYS, "change", proportions=False).assign(level="mean")
        strange = mean_by_group(edits, _KEYS, "extra", proportions=False)[
            [*_KEYS, "estimate", "low", "high"]
        ]
        strange.columns = [*_KEYS, "surprisal", "surprisal_low", "surprisal_high"]
        variants = edits[[*_KEYS, "extra", "change", "question_id", "draw", "step_index"]]
        variants = variants.rename(columns={"extra": "surprisal", "change": "estimate"})
        variants = variants.dropna(subset="estimate").assign(level="variant")
        both = in_order(pd.concat([means.merge(strange, on=list(_KEYS)), variants]))
        front = ["level", *_KEYS, "surprisal", "surprisal_low", "surprisal_high"]
        return both[[*front, *both.columns.drop(front)]]

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        means = data.loc[data["level"] == "mean"]
        variants = data.loc[data["level"] == "variant"]
        return (
            "Change in the probability of defection against the change in surprisal, both from "
            "the unedited scratchpad of the same question (surprisal: linear up to 1, logarithmic "
            "beyond). Dots: "
            f"{len(variants)} edited scratchpads, invalid answers left out; large marks: means "
            "(circles: clean prompt, squares: triggered prompt), with 95 % bootstrap intervals "
            f"over groups of questions (n = {spread(means)} groups). Right of the dashed line "
            f"(+{WARNING_SURPRISAL:g} nat/token) the text is unlike what the model writes, and the "
            "effect extrapolates. "
            "Scratchpads without tokens have no surprisal."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "edited scratchpads with a surprisal")
        names = list(data["intervention"].unique())
        across = 6 if is_wide() else 3
        rows = -(-len(names) // across)
        figure = new_figure(rows=0.6, panels=0.95 * rows)
        grid = figure.subplots(rows, across, sharex=True, sharey=True, squeeze=False)
        for place, (axes, name) in enumerate(zip(grid.flat, names, strict=False)):
            _draw_intervention(axes, data.loc[data["intervention"] == name])
            axes.set_title(name, fontsize=SMALL)
            axes.tick_params(labelbottom=place + across >= len(names))
        for axes in grid.flat[len(names) :]:
            axes.set_axis_off()
        grid[0, 0].set_ylim(-1.1, 1.1)
        grid[0, 0].set_yticks([-1, 0, 1])
        grid[0, 0].set_xscale("symlog", linthresh=WARNING_SURPRISAL)
        grid[0, 0].set_xticks([0, 1, 10], ["0", "1", "10"])
        figure.supylabel("change in P(defection)")
        figure.supxlabel("extra surprisal (nats/token)")
        state_legend(figure, grid[0, 0])
        return figure


def _edits(rows: DataFrame) -> DataFrame:
    native = native_rows(rows)
    before = native.set_index(_CASE)["value"].rename("before")
    edits = rows.drop(index=native.index).join(before, on=_CASE)
    edits = edits.assign(
        state=edits["prompt_state"],
        change=edits["value"] - edits["before"],
        extra=edits["surprisal"] - edits["native_surprisal"],
    )
    return edits.loc[edits["extra"].notna() & ~edits["unchanged"]]


def _draw_intervention(axes: Axes, rows: DataFrame) -> None:
    axes.axhline(0, color=GREY, linewidth=0.6)
    axes.axvline(WARNING_SURPRISAL, color=GREY, linewidth=0.8, linestyle=(0, (3, 2)))
    variants = rows.loc[rows["level"] == "variant"]
    axes.scatter(
        variants["surprisal"],
        variants["estimate"],
        s=3,
        c=variants["state"].map(STATE_COLOURS).to_list(),
        alpha=0.25,
        linewidths=0,
        rasterized=True,
    )
    for mean in records(rows.loc[(rows["level"] == "mean") & (rows["n"] > 0)]):
        _draw_mean(axes, mean)


def _draw_mean(axes: Axes, mean: dict[str, Any]) -> None:
    x = mean["surprisal"]
    axes.errorbar(
        x,
        mean["estimate"],
        arms(mean),
        [[x - mean["surprisal_low"]], [mean["surprisal_high"] - x]],
        fmt=STATE_MARKERS[mean["state"]],
        color=STATE_COLOURS[mean["state"]],
        markeredgecolor="white",
        markeredgewidth=0.5,
        elinewidth=1,
    )
