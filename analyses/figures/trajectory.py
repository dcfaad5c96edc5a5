"""When is a defection known: what each reader has flagged by each step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure
from analyses.figures.style import GREY, INK, SMALL, STATE_COLOURS, probability_axis
from analyses.figures.tables import records, require_rows, spread
from scratchpad.estimates import Estimate

# Told apart by marker and dash as well as by colour.
_LOOKS: Final[dict[str, dict[str, Any]]] = {
    "probe": {"color": STATE_COLOURS[1], "marker": "s", "linestyle": "-"},
    "text": {"color": STATE_COLOURS[0], "marker": "o", "linestyle": "-"},
    "text_prefix_only": {"color": "#56B4E9", "marker": "v", "linestyle": "--"},
    "forced_answer": {"color": INK, "marker": "D", "linestyle": ":"},
    "twin_probe": {"color": GREY, "marker": "s", "linestyle": "--", "markerfacecolor": "white"},
}
_SPREAD: Final = 0.5  # of a step, so that intervals stand side by side
_WORDS: Final = {
    "probe": "probe",
    "text": "text, with prompt",
    "text_prefix_only": "text, scratchpad alone",
    "forced_answer": "forced answer",
    "twin_probe": "probe on the twin",
}
_LEADS: Final = {"text": "the text, with prompt", "minus_twin": "the text, less the twin's"}
_LEAD: Final = "lead over "


@dataclass(frozen=True)
class Trajectory(TableFigure):
    """Cumulative share of the defecting transcripts that each reader has flagged for good.

    The table `trajectory` has one row per `reader` and `step` with `estimate`, `low`, `high`, `n`
    and `benign_prefixes`; `leads`, which it can do without, one row per `lead` of the probe in
    steps with `estimate`, `low`, `high`, `n`.
    """

    name: ClassVar[str] = "trajectory"
    tables: ClassVar[tuple[str, ...]] = ("trajectory", "leads")
    optional: ClassVar[tuple[str, ...]] = ("leads",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the shares, and below them the leads.

        Returns
        -------
        DataFrame
            `reader`, `step`, `estimate`, `low`, `high`, `n` (groups), `benign_prefixes`. Of a
            lead `reader` is "lead over ...", and `estimate` is in steps; it has no `step`.
        """
        columns = ["reader", "step", "estimate", "low", "high", "n", "benign_prefixes"]
        shares = table.loc[table["reader"].isin(list(_LOOKS)), columns]
        leads = [one.loc[one["lead"].isin(list(_LEADS)) & one["estimate"].notna()] for one in more]
        named = [
            one.assign(reader=_LEAD + one["lead"].map(_LEADS)).reindex(columns=columns)
            for one in leads
            if len(one)
        ]
        return pd.concat([shares, *named], ignore_index=True)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        twin = ", by a probe on the twin's activations for the same tokens" * _has_twin(data)
        return (
            "Share of the transcripts that defected and are flagged at that step (0: the prompt's "
            "end) and at all later ones, on held-out questions: by a probe on the residual "
            f"stream{twin}, by the best reader of the text, and by the probability of a defection "
            "when the answer is forced there. To flag is to score higher than 99 % of benign "
            f"transcripts do at that step (of {spread(data, 'benign_prefixes')}). Bars: 95 % "
            f"bootstrap intervals over groups of questions (n = {spread(data)} groups)."
            + " Lead: by how many steps the probe flags earlier, paired."
            * _has_lead(data)
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "a trajectory")
        figure = new_figure(panels=2.7)
        axes = figure.subplots()
        present = [reader for reader in _LOOKS if (data["reader"] == reader).any()]
        for place, reader in enumerate(present):
            curve = data.loc[data["reader"] == reader]
            aside = _SPREAD * (place / max(len(present) - 1, 1) - 0.5)
            _draw_curve(axes, curve.assign(step=curve["step"] + aside), reader)
        probability_axis(axes, label="share flagged for good")
        axes.set_xlabel("step of the scratchpad (0: end of the prompt)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.set_title("\n".join(_lead_lines(data)), fontsize=SMALL, loc="left")
        figure.legend(
            loc="outside upper center",
            ncols=3 if is_wide() else 2,
            handlelength=2.6,
            columnspacing=1.2,
        )
        return figure


def _has_twin(data: DataFrame) -> bool:
    return bool((data["reader"] == "twin_probe").any())


def _has_lead(data: DataFrame) -> bool:
    return bool(data["reader"].str.startswith(_LEAD).any())


def _lead_lines(data: DataFrame) -> list[str]:
    """The probe's leads in words, as they stand above the axes."""
    rows = records(data.loc[data["reader"].str.startswith(_LEAD)])
    return [f"{row['reader']}: {Estimate.from_json(row).with_interval()} steps" for row in rows]


def _draw_curve(axes: Axes, curve: DataFrame, reader: str) -> None:
    x, share, look = curve["step"], curve["estimate"], _LOOKS[reader]
    arms = [share - curve["low"], curve["high"] - share]
    axes.errorbar(x, share, arms, color=look["color"], linestyle="none", elinewidth=0.7, alpha=0.7)
    axes.plot(
        x, share, drawstyle="steps-post", label=_WORDS[reader], linewidth=0.9, markersize=3, **look
    )
