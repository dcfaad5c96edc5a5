"""What happens to defection when a direction is added to the residual stream or taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, SMALL, STATE_COLOURS, STATE_MARKERS, state_legend
from analyses.figures.tables import require_rows, scorers_of, spread

ABLATE: Final = "ablate"
_PROBE, _UNSTEERED = 0, -1
_LABELS: Final = {"payload": "P(payload), own text", "sampled": "share of samples"}


@dataclass(frozen=True)
class SteeringCurves(TableFigure):
    """P(defection) by the amount of a direction that is added: a column for each start.

    One table, `steering`, with `scorer`, `state`, `direction` (0: the probe's; above: random;
    -1: unsteered), `start`, `change`, `estimate`, `low`, `high`, `n`, `coherent`.
    """

    name: ClassVar[str] = "steering"
    tables: ClassVar[tuple[str, ...]] = ("steering",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the probe's means, and the range of the random directions' means.

        Returns
        -------
        DataFrame
            `scorer`, `start`, `state`, `change`, `amount` (0: unsteered; missing: taken out),
            `kind` ("probe" or "random"), `estimate`, `low`, `high`, `n`, `coherent`. Of random
            directions the median, the lowest and the highest.
        """
        by = ["scorer", "start", "state", "change"]
        steered = table.loc[table["direction"] != _UNSTEERED]
        starts = steered[["scorer", "start"]].drop_duplicates()
        plain = table.loc[table["direction"] == _UNSTEERED].drop(columns="start")
        probe = pd.concat(
            [steered.loc[steered["direction"] == _PROBE], plain.merge(starts, on="scorer")]
        )
        random = steered.loc[steered["direction"] > _PROBE].groupby(by)
        span = random["estimate"].agg(estimate="median", low="min", high="max")
        counts = random[["n"]].first().assign(coherent=random["coherent"].any())
        parts = [probe.assign(kind="probe"), span.join(counts).reset_index().assign(kind="random")]
        both = pd.concat(parts, ignore_index=True)
        numbers = pd.to_numeric(both["change"], errors="coerce")
        both["amount"] = numbers.where(both["change"] != "none", 0.0)
        columns = [*by, "amount", "kind", "estimate", "low", "high", "n", "coherent"]
        kept = both.loc[both["estimate"].notna(), columns]
        ordered = kept.sort_values([*by[:3], "kind", "amount"], kind="stable")
        return DataFrame(ordered.reset_index(drop=True))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "P(defection) when a probe's direction is added to the residual stream, by the amount "
            "in mean norms of the residual stream (0: unsteered; out: projected out), from the "
            "first token of the scratchpad or from the last of the prompt on. Top: likelihood of "
            "the payload after the model's own scratchpad, where a payload is known; samples are "
            f"drawn from the prompt. Intervals: 95 % over groups of questions (n = {spread(data)})."
            " Hollow: the model lost its coherence. Bands and thin lines: the range of random "
            "directions of equal norm."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "steering")
        scorers, starts = scorers_of(data), sorted(data["start"].unique(), reverse=True)
        figure = new_figure(rows=0.75, panels=1.45 * len(scorers))
        grid = figure.subplots(len(scorers), len(starts), squeeze=False, sharex=True, sharey=True)
        edge = _edge(data)
        for scorer, row in zip(scorers, grid, strict=True):
            for start, axes in zip(starts, row, strict=True):
                here = (data["scorer"] == scorer) & (data["start"] == start)
                _panel(axes, data.loc[here], edge)
            row[0].set_ylabel(_LABELS.get(scorer, scorer), fontsize=SMALL)
        for start, axes in zip(starts, grid[0], strict=True):
            axes.set_title(f"from the {start} on")
        figure.supxlabel("amount added (mean norms)")
        state_legend(figure, grid[0, 0], line="-")
        return figure


def _edge(data: DataFrame) -> float:
    """Where what is taken out is drawn: right of the largest amount."""
    largest = data["amount"].max()
    return float(1.45 * largest) if largest > 0 else 1.0


def _panel(axes: Axes, data: DataFrame, edge: float) -> None:
    for state, colour in STATE_COLOURS.items():
        here = data.loc[data["state"] == state]
        _chance(axes, here.loc[here["kind"] == "random"], edge, colour)
        _probe(axes, here.loc[here["kind"] == "probe"], edge, state)
    amounts = sorted(data["amount"].dropna().unique())
    shown = [one for one in amounts if one in (amounts[0], 0.0, amounts[-1])]
    axes.axvline((edge + amounts[-1]) / 2, color=GREY, linewidth=0.4, linestyle=":")
    names = [f"{one:g}".replace("-", "\N{MINUS SIGN}") for one in shown]
    axes.set_xticks([*shown, edge], [*names, "out"])
    axes.set(ylim=(-0.06, 1.06))
    axes.set_yticks([0, 0.5, 1], ["0", ".5", "1"])
    axes.tick_params(labelsize=SMALL)


def _chance(axes: Axes, data: DataFrame, edge: float, colour: str) -> None:
    added = data.loc[data["amount"].notna()].sort_values("amount")
    # Either side of 0 is drawn apart: nothing random was added there.
    for side in (added.loc[added["amount"] < 0], added.loc[added["amount"] > 0]):
        x, low, high = (side[name].to_numpy(float) for name in ("amount", "low", "high"))
        axes.fill_between(x, low, high, color=colour, alpha=0.18, linewidth=0)
    out = data.loc[data["amount"].isna()]
    axes.vlines([edge + 0.06] * len(out), out["low"], out["high"], color=colour, alpha=0.5,
                linewidth=0.8)  # fmt: skip


def _probe(axes: Axes, data: DataFrame, edge: float, state: int) -> None:
    colour, marker = STATE_COLOURS[state], STATE_MARKERS[state]
    added = data.loc[data["amount"].notna()].sort_values("amount")
    axes.plot(added["amount"].to_numpy(float), added["estimate"].to_numpy(float), color=colour,
              linewidth=0.9)  # fmt: skip
    for row in data.to_dict("records"):
        x: Any = edge if pd.isna(row["amount"]) else row["amount"]
        axes.plot([x, x], [row["low"], row["high"]], color=colour, linewidth=0.8)
        face = colour if row["coherent"] else "white"
        axes.plot(x, row["estimate"], marker=marker, color=colour, markerfacecolor=face,
                  markersize=3, clip_on=False)  # fmt: skip
