"""What a threshold on a probe's score catches, and how many benign transcripts it costs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import new_figure
from analyses.figures.style import GREY, INK, SMALL, STATE_COLOURS, probability_axis, short
from analyses.figures.tables import SEED, if_any_known, records, require_rows, spread
from scratchpad.statistics import DRAWS, percentile_interval

Floats = NDArray[np.float64]

FEW: Final = 0.01  # of benign transcripts: the false positives that an alarm may cost
_ZOOM: Final = 0.05
_RATES: Final = np.unique(np.concatenate([np.linspace(0, _ZOOM, 11), np.linspace(0, 1, 51)]))
_READERS: Final[dict[str, dict[str, Any]]] = {
    "probe": {"color": STATE_COLOURS[1], "linestyle": "-"},
    "text": {"color": STATE_COLOURS[0], "linestyle": "--"},
}
_INSET: Final = (0.6, 0.14, 0.38, 0.4)  # below the diagonal, where a reader of any use is not
_COLUMNS: Final = ["quantity", "reader", "fpr", "estimate", "low", "high", "n"]


@dataclass(frozen=True)
class RocCurve(TableFigure):
    """ROC of held-out scores of the chosen probe and of the best text reader, with the first 5 %.

    Table `scores` with `group`, `defected`, `fold`, `probe_score`, `text_score`. Scores of
    different folds share no scale: a threshold is set in each fold from its benign transcripts,
    and what the folds catch is added up, as `probes.metrics.recall_at_1_fpr` does at 1 %.
    """

    name: ClassVar[str] = "roc"
    tables: ClassVar[tuple[str, ...]] = ("scores",)

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the share of defections caught at every rate of false alarms, and the AUROC.

        Returns
        -------
        DataFrame
            `quantity` ("recall" or "auroc"), `reader` ("probe", "text"), `fpr` (of a recall),
            `estimate`, `low`, `high`, `n` (groups).
        """
        rows = [row for reader in _READERS for row in _curve(table, reader)]
        return if_any_known(DataFrame(rows, columns=_COLUMNS))

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        at = data.loc[np.isclose(data["fpr"], FEW)]
        caught = "; ".join(
            f"{row['reader']} {short(row['estimate'])} [{short(row['low'])}, {short(row['high'])}]"
            for row in records(at)
        )
        return (
            "Receiver operating characteristic of held-out scores: share of the defections above a "
            "threshold against share of the benign transcripts above it, for the probe chosen on "
            "the other folds and for the best reader of the same text. Thresholds are set within "
            f"folds. Inset: the first {100 * _ZOOM:.0f} %; the line marks {100 * FEW:.0f} %, where "
            f"are caught: {caught}. In brackets and bands: 95 % bootstrap intervals over groups of "
            f"questions (n = {spread(data)})."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "scores of defections and of benign transcripts")
        figure = new_figure(panels=2.9)
        axes = figure.subplots()
        inset = axes.inset_axes(_INSET)
        for reader in [name for name in _READERS if (data["reader"] == name).any()]:
            own = data.loc[data["reader"] == reader]
            for panel in (axes, inset):
                _line(panel, own.loc[own["quantity"] == "recall"], reader)
            axes.plot([], [], label=_named(own, reader), **_READERS[reader])
        axes.plot([0, 1], [0, 1], color=GREY, linewidth=0.6, linestyle=":", label="chance")
        probability_axis(axes, "share of defections caught")
        axes.set(xlim=(-0.02, 1.02), xlabel="share of benign transcripts above the threshold")
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])
        _zoomed(inset)
        figure.legend(loc="outside upper left", ncols=1, handlelength=2.4)
        return figure


def _curve(table: DataFrame, reader: str) -> Iterator[tuple[Any, ...]]:
    known = table.loc[np.isfinite(table[f"{reader}_score"].astype(float))]
    mixed = known.groupby("fold")["defected"].transform("nunique") == 2
    known = known.loc[mixed]
    if known.empty:
        return
    codes, groups = pd.factorize(known["group"])
    n = len(groups)
    counts = np.random.default_rng(SEED).multinomial(n, np.full(n, 1 / n), size=DRAWS)
    weights = np.concatenate([np.ones((1, n)), counts])[:, codes]
    recall, auroc = _rates(known, f"{reader}_score", weights)
    for rate, draws in zip(_RATES, recall.T, strict=True):
        yield "recall", reader, rate, draws[0], *_interval(draws[1:]), n
    yield "auroc", reader, np.nan, auroc[0], *_interval(auroc[1:]), n


def _interval(draws: Floats) -> tuple[float, float]:
    """Of the draws that hold both outcomes."""
    known = draws[np.isfinite(draws)]
    return percentile_interval(known) if len(known) else (np.nan, np.nan)


def _rates(known: DataFrame, column: str, weights: Floats) -> tuple[Floats, Floats]:
    """Recall at every rate, shape (draws, rates), and AUROC, shape (draws,), of weighted rows."""
    caught = np.zeros((len(weights), len(_RATES) + 1))
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    scores, labels = known[column].to_numpy(float), known["defected"].to_numpy(bool)
    for fold in np.unique(known["fold"]):
        inside = known["fold"].to_numpy() == fold
        positive, negative = inside & labels, inside & ~labels
        below, upto = _beaten(scores[positive], scores[negative], weights[:, negative])
        mass, benign = weights[:, positive], weights[:, negative].sum(axis=1, keepdims=True)
        won += (mass * (below + upto)).sum(axis=1) / 2
        pairs += mass.sum(axis=1) * benign[:, 0]
        passed = 1 - below / np.maximum(benign, 1)
        first = np.searchsorted(_RATES, passed - 1e-9)  # the first rate at which it is caught
        place = first + np.arange(len(weights))[:, None] * caught.shape[1]
        caught += np.bincount(
            place.ravel(), (mass * (benign > 0)).ravel(), minlength=caught.size
        ).reshape(caught.shape)
    total = caught.sum(axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        return (caught.cumsum(axis=1) / total)[:, :-1], won / pairs


def _beaten(scores: Floats, others: Floats, weights: Floats) -> tuple[Floats, Floats]:
    """Weight of the others below each score, and of those below or equal: (draws, scores)."""
    order = np.argsort(others, kind="stable")
    total = np.pad(weights[:, order].cumsum(axis=1), ((0, 0), (1, 0)))
    first, last = (np.searchsorted(others[order], scores, side) for side in ("left", "right"))
    return total[:, first], total[:, last]


def _named(own: DataFrame, reader: str) -> str:
    row = records(own.loc[own["quantity"] == "auroc"])[0]
    interval = f"[{short(row['low'])}, {short(row['high'])}]"
    return f"{reader}, AUROC {short(row['estimate'])} {interval}"


def _line(axes: Axes, curve: DataFrame, reader: str) -> None:
    look, x = _READERS[reader], curve["fpr"]
    axes.fill_between(x, curve["low"], curve["high"], step="post", color=look["color"], alpha=0.2,
                      linewidth=0)  # fmt: skip
    axes.plot(x, curve["estimate"], drawstyle="steps-post", **look)


def _zoomed(inset: Axes) -> None:
    inset.set(xlim=(0, _ZOOM), ylim=(-0.04, 1.04))
    inset.axvline(FEW, color=INK, linewidth=0.6, linestyle=":")
    inset.set_xticks([0, FEW, _ZOOM], ["0", ".01", ".05"], fontsize=SMALL)
    inset.set_yticks([0, 0.5, 1], ["0", ".5", "1"], fontsize=SMALL)
