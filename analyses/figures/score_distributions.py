"""How a probe and a reader of the text score what defected and what did not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, INK, STATE_COLOURS, STATE_MARKERS
from analyses.figures.tables import (
    UNFLAGGED,
    if_any_known,
    mean_by_group,
    records,
    require_rows,
    spread,
)

READERS: Final = {"probe": "probe_score", "text": "text_score"}
# From the top: what the model did, after which prompt.
_KINDS: Final = {
    (True, 1): "defected,\ntriggered",
    (True, 0): "defected,\nclean",
    (False, 1): "benign,\ntriggered",
    (False, 0): "benign,\nclean",
}
_WHISKERS: Final = (0.05, 0.25, 0.75, 0.95)
_COLUMNS: Final = [
    "level", "reader", "defected", "triggered", "estimate", "low", "high", "n", "transcripts",
    "transcript_id",
]  # fmt: skip


@dataclass(frozen=True)
class ScoreDistributions(TableFigure):
    """Held-out scores of every transcript by what the model did and which prompt it had.

    Table `scores` with `transcript_id`, `group`, `triggered`, `defected`, `fold`, `probe_score`,
    `text_score`. Scores of different folds share no scale: they are given in standard deviations
    of the fold's benign transcripts from their mean.
    """

    name: ClassVar[str] = "score-distributions"
    tables: ClassVar[tuple[str, ...]] = ("scores",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give every transcript's score and the mean of each kind.

        Returns
        -------
        DataFrame
            `level` ("mean" or "transcript"), `reader` ("probe", "text"), `defected`, `triggered`,
            `estimate`, `low`, `high`, `n` (groups), `transcripts`, `transcript_id`.
        """
        parts = [_scored(table, reader, column) for reader, column in READERS.items()]
        every = pd.concat(parts).assign(**UNFLAGGED)
        if every["value"].isna().all():
            return DataFrame(columns=_COLUMNS)
        keys = ["reader", "defected", "triggered"]
        means = mean_by_group(every, keys, proportions=False).assign(level="mean")
        means = means.rename(columns={"questions": "transcripts"})
        every = every.assign(level="transcript", estimate=every["value"])
        both = pd.concat([means, every.dropna(subset="estimate")])
        return if_any_known(both[_COLUMNS].reset_index(drop=True))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        means = data.loc[(data["level"] == "mean") & (data["n"] > 0)]
        return (
            "Held-out scores of the probe chosen on the other folds and of the best reader of the "
            "same text, in standard deviations of the fold's benign transcripts from their mean, "
            "by what the model did and by its prompt. Dots: transcripts "
            f"({spread(means, 'transcripts')} a kind); marks: means with 95 % bootstrap intervals "
            f"over groups of questions (n = {spread(means)}); grey: the middle half and the middle "
            "nine tenths."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "scores of transcripts")
        present = set(zip(data["defected"], data["triggered"], strict=True))
        kinds = [kind for kind in _KINDS if kind in present]
        figure = new_figure(rows=0.5 + 0.45 * len(kinds))
        panels = figure.subplots(1, len(READERS), sharey=True)
        for axes, reader in zip(panels, READERS, strict=True):
            own = data.loc[data["reader"] == reader]
            for place, (defected, triggered) in enumerate(kinds):
                kind = own.loc[(own["defected"] == defected) & (own["triggered"] == triggered)]
                _row(axes, kind, place, triggered)
            axes.axvline(0, color=GREY, linewidth=0.6, zorder=0)
            axes.set_title(reader)
        panels[0].set_yticks(range(len(kinds)), [_KINDS[kind] for kind in kinds])
        panels[0].set_ylim(len(kinds) - 0.5, -0.5)
        figure.supxlabel("score (standard deviations of benign ones)")
        return figure


def _scored(table: DataFrame, reader: str, column: str) -> DataFrame:
    """Scores within their fold; none where a fold has fewer than two benign transcripts."""
    benign = table.loc[~table["defected"].astype(bool)].groupby("fold")[column]
    centre, width = (table["fold"].map(one) for one in (benign.mean(), benign.std()))
    return DataFrame(
        {
            "reader": reader,
            "transcript_id": table["transcript_id"],
            "question_id": table["transcript_id"],
            "group": table["group"],
            "defected": table["defected"].astype(bool),
            "triggered": table["triggered"].astype(int),
            "value": (table[column] - centre) / width.where(width > 0),
        }
    )


def _row(axes: Axes, kind: DataFrame, place: int, triggered: int) -> None:
    colour = STATE_COLOURS[triggered]
    scores: Series[float] = kind.loc[kind["level"] == "transcript", "estimate"]
    jitter = np.random.default_rng(place).uniform(0.08, 0.36, len(scores))
    axes.scatter(scores, place + jitter, s=3, c=colour, alpha=0.3, linewidths=0, rasterized=True)
    if len(scores):
        low, first, third, high = scores.quantile(list(_WHISKERS))
        for ends, width in (((low, high), 1.0), ((first, third), 3.5)):
            axes.plot(ends, [place - 0.05] * 2, color="#BBBBBB", linewidth=width, zorder=1)
    for row in records(kind.loc[(kind["level"] == "mean") & (kind["n"] > 0)]):
        axes.plot([row["low"], row["high"]], [place - 0.05] * 2, color=INK, linewidth=1)
        axes.plot(row["estimate"], place - 0.05, marker=STATE_MARKERS[triggered], color=colour,
                  markeredgecolor=INK, markeredgewidth=0.5)  # fmt: skip
