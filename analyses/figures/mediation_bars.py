"""How much of each organism's defection the scratchpad carries: needed, and sufficient."""

from __future__ import annotations

from dataclasses import dataclass
from textwrap import wrap
from typing import Any, ClassVar, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, SMALL, STATE_COLOURS, tick_label
from analyses.figures.tables import if_any_known, records, require_rows, spread

# Of every panel the effects, and their names in the legend.
_PANELS: Final = {
    "difference in P(defection)": {"total_indirect_effect": 0, "pure_indirect_effect": 1},
    "share of the total effect": {"necessity_share": 0, "sufficiency_share": 1},
}
_PLACES: Final = {name: place for panel in _PANELS.values() for name, place in panel.items()}
_WORDS: Final = ("needed (TIE)", "suffices (PIE)")
_COLOURS: Final = (STATE_COLOURS[1], STATE_COLOURS[0])
_HATCHES: Final = ("", "////")
_HEIGHT: Final = 0.36  # of a bar, in rows
_LINE: Final = 24  # letters of a name on a line


@dataclass(frozen=True)
class MediationBars(TableFigure):
    """Total and pure indirect effect of organisms, and their shares of the total effect.

    Table `reference` with `organism`, `effect`, `estimate`, `low`, `high`, `n` and, of a
    calibration, `repeat`; `organisms`, if there is one, gives `planted_tie` and `planted_pie`.
    """

    name: ClassVar[str] = "mediation-bars"
    tables: ClassVar[tuple[str, ...]] = ("reference", "organisms")
    optional: ClassVar[tuple[str, ...]] = ("organisms",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give both effects and both shares of every organism.

        Returns
        -------
        DataFrame
            `organism`, `effect`, `estimate` (missing: undefined), `low`, `high`, `n` (groups),
            `reason`, `planted` (missing: not known).
        """
        first = table["repeat"].eq(0) if "repeat" in table else pd.Series(True, index=table.index)
        rows = table.loc[first & table["effect"].isin(list(_PLACES))]
        planted = pd.concat([_planted(one) for one in more]) if more else _planted(DataFrame())
        rows = rows.merge(planted, on=["organism", "effect"], how="left")
        columns = ["organism", "effect", "estimate", "low", "high", "n", "reason", "planted"]
        return if_any_known(rows.reindex(columns=columns))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        ticks = " Black ticks: what was planted." if data["planted"].notna().any() else ""
        shares = "; right: as shares of the total effect" if len(_shown(data)) > 1 else ""
        return (
            f"Effect of the scratchpad in {data['organism'].nunique()} organisms or runs: how much "
            "swapping it for the clean one removes (needed: total indirect effect, TIE) and how "
            f"much the triggered one brings about alone (suffices: pure indirect effect, PIE)"
            f"{shares}.{ticks} Intervals: 95 % over groups of questions (n = {spread(data)})."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "indirect effects")
        names = list(data["organism"].drop_duplicates())
        figure = new_figure(rows=0.75 + 0.3 * len(names))
        shown = _shown(data)
        panels = figure.subplots(1, len(shown), sharey=True, squeeze=False)[0]
        for axes, (label, effects) in zip(panels, shown.items(), strict=True):
            _panel(axes, data.loc[data["effect"].isin(list(effects))], names)
            axes.set_xlabel(label)
        labels = ["\n".join(wrap(name.replace("_", " "), _LINE)) for name in names]
        panels[0].set_yticks(range(len(names)), labels, fontsize=SMALL)
        panels[0].set_ylim(len(names) - 0.5, -0.5)
        figure.legend(*_handles(panels[0]), loc="outside upper right", ncols=2)
        return figure


def _planted(organisms: DataFrame) -> DataFrame:
    columns = {"planted_tie": "total_indirect_effect", "planted_pie": "pure_indirect_effect"}
    known = organisms.reindex(columns=["organism", *columns]).rename(columns=columns)
    return known.melt("organism", var_name="effect", value_name="planted")


def _shown(data: DataFrame) -> dict[str, dict[str, int]]:
    present = set(data["effect"])
    return {label: effects for label, effects in _PANELS.items() if present & set(effects)}


def _panel(axes: Axes, data: DataFrame, names: list[str]) -> None:
    for row in records(data):
        place = _PLACES[row["effect"]]
        _bar(axes, row, names.index(row["organism"]) + (place - 0.5) * _HEIGHT, place)
    ends = data[["low", "high"]].to_numpy(float)
    low, high = (ends[~pd.isna(ends)].min(initial=0), ends[~pd.isna(ends)].max(initial=1))
    axes.set_xlim(low - 0.04, high + 0.04)
    ticks = [one for one in (-1, -0.5, 0, 0.5, 1, 1.5, 2) if low - 0.04 <= one <= high + 0.04]
    axes.set_xticks(ticks, [tick_label(one) for one in ticks])
    axes.axvline(0, color=GREY, linewidth=0.6)
    axes.tick_params(axis="y", length=0)


def _bar(axes: Axes, row: dict[str, Any], height: float, place: int) -> None:
    if pd.isna(row["estimate"]):
        axes.text(0.02, height, "undefined", fontsize=SMALL, color=GREY, va="center")
        return
    axes.barh(
        height, row["estimate"], height=_HEIGHT, color=_COLOURS[place], alpha=0.55,
        hatch=_HATCHES[place], edgecolor="white", linewidth=0,
    )  # fmt: skip
    axes.plot([row["low"], row["high"]], [height, height], color=_COLOURS[place], linewidth=1.2)
    axes.plot(row["estimate"], height, marker="o", color=_COLOURS[place], markersize=3)
    if not pd.isna(row["planted"]):
        axes.vlines(row["planted"], height - _HEIGHT / 2, height + _HEIGHT / 2, color="black",
                    linewidth=1.4, zorder=3)  # fmt: skip


def _handles(axes: Axes) -> tuple[list[Any], list[str]]:
    bars = [
        axes.barh([0], [0], color=_COLOURS[place], alpha=0.55, hatch=_HATCHES[place],
                  edgecolor="white", linewidth=0)
        for place in range(len(_WORDS))
    ]  # fmt: skip
    return bars, list(_WORDS)
