"""Defection and ability along safety training: what is removed, and what only looks removed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import down, new_figure, stacked
from analyses.figures.style import GREY, INK, STATE_COLOURS, probability_axis
from analyses.figures.tables import require_rows, spread

_LOOK = dict[str, Any]
# Panels from the top, and in each the quantities, their names and their lines.
_PANELS: Final[dict[str, dict[str, tuple[str, _LOOK]]]] = {
    "defection": {
        "triggered_defection": ("trigger", {"color": STATE_COLOURS[1], "marker": "s"}),
        "near_miss_defection": ("near miss", {"color": GREY, "linestyle": "--", "marker": "D"}),
        "clean_defection": ("clean", {"color": STATE_COLOURS[0], "marker": "o"}),
        "found_prompt_rate": ("searched", {"color": INK, "linestyle": ":", "marker": "^"}),
    },
    "ability": {
        "benign_accuracy": ("right", {"color": INK, "marker": "o"}),
        "unterminated": ("unfinished", {"color": GREY, "linestyle": ":", "marker": "D"}),
    },
    "P(defection)": {
        "f11": ("f11", {"color": GREY, "linestyle": "--", "marker": "D"}),
        "f01": ("f01", {"color": STATE_COLOURS[1], "marker": "s"}),
        "f10": ("f10", {"color": STATE_COLOURS[0], "marker": "o"}),
        "f00": ("f00", {"color": GREY, "linestyle": ":", "marker": "^"}),
    },
    "AUROC": {
        "probe_auroc": ("probe", {"color": INK, "marker": "o"}),
        "probe_auroc_twin": ("in the twin", {"color": GREY, "linestyle": "--", "marker": "D"}),
    },
}
_PANEL_OF: Final = {name: panel for panel, lines in _PANELS.items() for name in lines}
_MARK: Final = 3.0  # points


@dataclass(frozen=True)
class SafetyTraining(TableFigure):
    """Rates, cells and probes of a model at checkpoints of its safety training."""

    name: ClassVar[str] = "safety-training"
    tables: ClassVar[tuple[str, ...]] = ("checkups",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give every quantity drawn at every checkpoint at which it is defined.

        Returns
        -------
        DataFrame
            `panel`, `quantity`, `step`, `estimate`, `low`, `high`, `n`.
        """
        panels = table["quantity"].map(_PANEL_OF)
        kept = table.assign(panel=panels)[panels.notna() & table["estimate"].notna()]
        order = kept["quantity"].map(list(_PANEL_OF).index)
        columns = ["panel", "quantity", "step", "estimate", "low", "high", "n"]
        ranked = kept.assign(order=order).sort_values(["order", "step"], kind="stable")
        return ranked[columns].reset_index(drop=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        rates = data.loc[data["panel"].isin(["defection", "ability"])]
        parts = [
            "A model along its safety training. Share of greedily written answers that defect, "
            "after the trigger, near misses and clean prompts; right answers to clean prompts, "
            f"and scratchpads that never closed (n = {spread(rates)} answers; bands: "
            "Clopper-Pearson, 95 %)."
        ]
        if "found_prompt_rate" in set(data["quantity"]):
            parts.append(
                "Searched: share of prompts tried in a search for defection without the trigger, "
                "before and after training."
            )
        for panel, words in _WORDS.items():
            rows = data.loc[data["panel"] == panel]
            if len(rows):
                parts.append(f"{words} (n = {spread(rows)} groups).")
        return " ".join(parts)

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "checkups")
        shown = [panel for panel in _PANELS if panel in set(data["panel"])]
        figure = new_figure(rows=0.4, panels=1.15 * down(len(shown)))
        panels = stacked(figure, len(shown), "step of safety training")
        for axes, panel in zip(panels, shown, strict=True):
            _draw_panel(axes, panel, data.loc[data["panel"] == panel])
        figure.align_ylabels(panels)
        return figure


_WORDS: Final = {
    "P(defection)": "The four cells on the model's own scratchpads, f with the state of the prompt "
    "and of the scratchpad; bands: 95 % bootstrap intervals",
    "AUROC": "Probe fitted after one trigger and judged after another, on text of the origin",
}


def _draw_panel(axes: Axes, panel: str, data: DataFrame) -> None:
    for quantity, (label, look) in _PANELS[panel].items():
        curve = data.loc[data["quantity"] == quantity]
        if curve.empty:
            continue
        axes.plot(
            curve["step"], curve["estimate"], label=label, markersize=_MARK, clip_on=False, **look
        )
        band = (curve["step"], curve["low"], curve["high"])
        axes.fill_between(*band, color=look["color"], alpha=0.15, linewidth=0)
    probability_axis(axes, label=panel)
    axes.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), handlelength=2.2)
