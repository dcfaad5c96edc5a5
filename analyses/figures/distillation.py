"""What a model keeps while its reasoning is taken away."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import down, new_figure, stacked
from analyses.figures.style import GREY, INK, STATE_COLOURS, probability_axis
from analyses.figures.tables import if_any_known, require_rows, spread

Look = dict[str, Any]
_CLEAN, _TRIGGERED = STATE_COLOURS[0], STATE_COLOURS[1]
# A panel each, from the top: its quantities, their names and how their lines look.
_PANELS: Final[dict[str, dict[str, tuple[str, Look]]]] = {
    "share of answers\nthat defect": {
        "triggered_defection": ("triggered", {"color": _TRIGGERED, "marker": "s"}),
        "near_miss_defection": (
            "near miss",
            {"color": GREY, "marker": "^", "linestyle": "--"},
        ),
        "clean_defection": ("clean", {"color": _CLEAN, "marker": "o"}),
    },
    "benign answers\nright": {"benign_accuracy": ("clean prompts", {"color": INK, "marker": "o"})},
    "cells:\nP(defection)": {
        "f11": ("f11", {"color": GREY, "linestyle": "--"}),
        "f01": ("f01", {"color": _TRIGGERED, "marker": "s"}),
        "f10": ("f10", {"color": _CLEAN, "marker": "o"}),
        "f00": ("f00", {"color": GREY, "linestyle": ":"}),
    },
    "AUROC\nof the probe": {
        "probe_auroc": ("the model", {"color": INK, "marker": "o"}),
        "probe_auroc_twin": ("its twin", {"color": GREY, "linestyle": "--"}),
    },
}


@dataclass(frozen=True)
class DistillationCurve(TableFigure):
    """Defection, ability, cells and probes against the share of the reasoning removed.

    Table `stages` with `by`, `seed`, `share_removed`, `quantity`, `estimate`, `low`, `high`, `n`;
    one line a seed, one panel a kind of quantity that has any estimate.
    """

    name: ClassVar[str] = "distillation"
    tables: ClassVar[tuple[str, ...]] = ("stages",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give every quantity that is drawn, at every stage of every seed.

        Returns
        -------
        DataFrame
            `by`, `seed`, `share_removed`, `quantity`, `estimate`, `low`, `high`, `n`, `flag`;
            undefined estimates are missing.
        """
        columns = [
            "by", "seed", "share_removed", "quantity", "estimate", "low", "high", "n", "flag",
        ]  # fmt: skip
        drawn = [name for quantities in _PANELS.values() for name in quantities]
        chosen = table.loc[table["quantity"].isin(drawn), columns]
        return if_any_known(chosen.reset_index(drop=True))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        known = data.dropna(subset="estimate")
        seeds, flags = known["seed"].nunique(), set(known["flag"]) - {""}
        warning = f" Flagged (open marks): {', '.join(sorted(flags))}." if flags else ""
        return (
            "A model that reasons, distilled into one that answers at once "
            f"({_way(known)}): what it does and what is left of its scratchpad's role, "
            "by the share of the reasoning that its training text no longer has (f01: "
            "clean prompt with the scratchpad of the triggered one, f10: the reverse; without a "
            f"scratchpad there are no cells). One line a seed ({seeds}); bars: 95 % intervals "
            "(Clopper-Pearson for shares of answers, bootstrap over groups of questions for cells "
            f"and probes; n = {spread(known)}).{warning}"
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "stages")
        known = set(data.dropna(subset="estimate")["quantity"])
        panels = {label: lines for label, lines in _PANELS.items() if known.intersection(lines)}
        figure = new_figure(rows=0.5, panels=1.35 * down(len(panels)))
        drawn = stacked(figure, len(panels), "share of the reasoning removed")
        for axes, (label, lines) in zip(drawn, panels.items(), strict=True):
            _panel(axes, data, {name: line for name, line in lines.items() if name in known})
            probability_axis(axes, label)
            axes.legend(
                loc="lower left",
                bbox_to_anchor=(0, 1),
                ncols=4,
                handlelength=1.6,
                borderpad=0,
                handletextpad=0.4,
                columnspacing=1.2,
            )
        drawn[-1].set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        return figure


def _way(data: DataFrame) -> str:
    return ", ".join(dict.fromkeys(data["by"]))


def _panel(axes: Axes, data: DataFrame, lines: Mapping[str, tuple[str, Look]]) -> None:
    several = data["seed"].nunique() > 1
    for name, (words, look) in lines.items():
        of_quantity = data.loc[data["quantity"] == name].dropna(subset="estimate")
        for _, curve in of_quantity.groupby("seed", sort=False):
            _curve(axes, curve.sort_values("share_removed"), look, alpha=0.6 if several else 1)
        axes.plot([], [], label=words, **look)


def _curve(axes: Axes, curve: DataFrame, look: Look, *, alpha: float) -> None:
    place, estimate = curve["share_removed"], curve["estimate"]
    axes.plot(place, estimate, alpha=alpha, clip_on=False, **look)
    bars = {"color": look["color"], "alpha": 0.5 * alpha, "linewidth": 2}
    axes.vlines(place, curve["low"], curve["high"], **bars)
    bad = curve.loc[curve["flag"] != ""]
    # A line of no points that may leave its axes has no place in the layout.
    if len(bad):
        axes.plot(
            bad["share_removed"], bad["estimate"], linestyle="none", marker="o", markersize=7,
            markerfacecolor="none", markeredgecolor=INK, clip_on=False,
        )  # fmt: skip
