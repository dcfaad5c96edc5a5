"""Which way to give steps an importance finds the step that was planted to decide."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.calibration.scoring.populations import SELECTIONS
from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import EXPOSURE_COLOURS, EXPOSURE_MARKERS, EXPOSURE_NAMES, GREY, SMALL
from analyses.figures.tables import if_any_known, records, require_rows, spread

SCORES: Final = {"auroc": "AUROC", "top_1": "top-1 hit rate"}
_ASIDE: Final = {"seen": -0.2, "not seen": 0.2}  # of a row, so that both exposures stand apart
_HALF: Final = 0.42  # height of what belongs to a row
_DOTS: Final = (0, (1, 1))
_COLUMNS: Final = [
    "attribution", "exposure", "score", "estimate", "low", "high", "n", "unit", "chance", "reason",
]  # fmt: skip


@dataclass(frozen=True)
class StepAttribution(TableFigure):
    """AUROC and top-1 hit rate of the planted driver step, by attribution and exposure.

    Table `step_scores` of a calibration.
    """

    name: ClassVar[str] = "step-attribution"
    tables: ClassVar[tuple[str, ...]] = ("step_scores",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give both scores of every attribution, on organisms that have seen its change or not.

        Returns
        -------
        DataFrame
            `attribution` (the one with the best AUROC on all organisms first), `exposure`
            ("seen", "not seen"), `score` ("auroc", "top_1"), `estimate` (missing: undefined),
            `low`, `high`, `n`, `unit` (of n), `chance`, `reason`.
        """
        trained = table.loc[table["selection"] == SELECTIONS[0]]
        head = trained.loc[(trained["score"] == "auroc") & (trained["exposure"] == "all")]
        best = head.sort_values("estimate", ascending=False, kind="stable")["attribution"]
        places = {name: place for place, name in enumerate(best)}
        shown = trained["score"].isin(list(SCORES))
        shown &= trained["exposure"].isin(list(EXPOSURE_NAMES.values()))
        rows = trained.loc[shown].assign(place=trained["attribution"].map(places))
        ordered = rows.sort_values(["place", "score", "exposure"], kind="stable")
        return if_any_known(ordered[_COLUMNS].reset_index(drop=True))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        known = data.dropna(subset="estimate")
        counts = [
            f"n = {spread(rows)} {unit}" for unit, rows in known.groupby("unit", sort=False)
        ] or ["n = 0"]
        return (
            "How well the importance of a step tells the planted driver step from all others of "
            "its scratchpad: area under the ROC curve, and share of scratchpads in which a driver "
            "step is the most important one. Squares: organisms that met the attribution's change "
            "of a scratchpad in training; circles: organisms that did not; no mark where there are "
            "none. Dotted: chance (of the hit rate: a step picked at random). Intervals: 95 % "
            f"bootstrap ({', '.join(counts)})."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "scores of steps")
        names = list(data["attribution"].drop_duplicates())
        figure = new_figure(rows=0.85 + 0.24 * len(names))
        panels = figure.subplots(1, len(SCORES), sharey=True)
        for axes, (score, label) in zip(panels, SCORES.items(), strict=True):
            _panel(axes, data.loc[data["score"] == score], names)
            axes.set_xlabel(label)
        panels[0].set_yticks(range(len(names)), names)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        _legend(figure, panels[0])
        return figure


def _panel(axes: Axes, data: DataFrame, names: list[str]) -> None:
    for place, name in enumerate(names):
        own = data.loc[data["attribution"] == name].dropna(subset="estimate")
        for row in records(own):
            aside = _ASIDE[row["exposure"]] if len(own) > 1 else 0.0
            _mark(axes, row, place + aside, _HALF / len(own))
        if own.empty:
            axes.text(0.5, place, "undefined", fontsize=SMALL, color=GREY, ha="center",
                      va="center")  # fmt: skip
    axes.set_xlim(-0.04, 1.04)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"], fontsize=SMALL)
    axes.tick_params(axis="y", length=0, labelsize=SMALL)


def _mark(axes: Axes, row: dict[str, Any], height: float, half: float) -> None:
    seen = row["exposure"] == EXPOSURE_NAMES[True]
    colour = EXPOSURE_COLOURS[seen]
    axes.vlines(row["chance"], height - half, height + half, color=GREY, linewidth=0.9,
                linestyle=_DOTS, zorder=0)  # fmt: skip
    axes.plot([row["low"], row["high"]], [height, height], color=colour, linewidth=1)
    axes.plot(row["estimate"], height, marker=EXPOSURE_MARKERS[seen], color=colour,
              markersize=3.5, clip_on=False)  # fmt: skip


def _legend(figure: Figure, axes: Axes) -> None:
    for seen, name in EXPOSURE_NAMES.items():
        axes.plot([], [], linestyle="none", marker=EXPOSURE_MARKERS[seen],
                  color=EXPOSURE_COLOURS[seen], label=f"{name} in training")  # fmt: skip
    axes.plot([], [], color=GREY, linewidth=0.9, linestyle=_DOTS, label="chance")
    figure.legend(loc="outside upper center", ncols=3, handlelength=1.5, handletextpad=0.4,
                  columnspacing=1.2)  # fmt: skip
