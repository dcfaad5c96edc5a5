"""What every change of the scratchpad does to the answer."""

from __future__ import annotations

import json
from dataclasses import dataclass
from textwrap import wrap
from typing import Any, ClassVar, Final

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame, Series

from analyses.figures.base import TableFigure
from analyses.figures.look import is_wide, new_figure, points, separated
from analyses.figures.style import GREY, SMALL, STATE_COLOURS, STATE_MARKERS, arms, state_legend
from analyses.figures.tables import (
    INVALID_SHARE_WORTH_SHOWING,
    headline_rows,
    mean_by_group,
    records,
    require_rows,
    spread,
)
from analyses.labels import labels

# Label of the intervention -> words on the axis, in the order drawn from top to bottom.
WORDS: Final = {
    "native": "as the model wrote it",
    "remove": "no scratchpad",
    "empty": "empty scratchpad",
    "filler": "filler",
    "mask": "tokens masked",
    "shuffle": "steps shuffled",
    "shuffle:within": "words of each step shuffled",
    "truncate": "last steps left out",
    "drop-step": "one step dropped",
    "keep-step": "one step alone",
    "sanitise": "no inference, plan or decision",
    "reword": "the world's other wordings",
    "paraphrase": "paraphrased",
    "mistake": "mistake, rest rewritten",
    "mistake:in-place": "mistake, rest kept",
    "change-fact": "a fact changed",
    "flip-step": "one step reversed",
    "implant": "opposite plan implanted",
    "resample": "rewritten from a step on",
    "resample-until": "rewritten until it plans otherwise",
    "prefix:other-state": "first steps of the other state's",
    "prefix:other-question": "first steps of another question's",
    "transplant": "the other prompt's scratchpad",
    "relay": "clean + triggered observations",
    "reasoning": "clean + triggered other steps",
    "cross-prompt own": "own, read under other prompt",
    "cross-prompt other": "other's, read under its prompt",
    "knock-out:prompt": "prompt hidden from the answer",
    "knock-out:scratchpad": "scratchpad hidden from the answer",
    "knock-out:step": "one step hidden from the answer",
}
# Outcomes of another kind: a curve, one number a layer, answers without a scratchpad.
ELSEWHERE: Final = ("truncate", "patch", "unlearn", "option-order")
_KEYS: Final = ("intervention", "arguments", "state")
_APART: Final = 0.05  # of the width, for the shares of invalid answers between columns
_FEW: Final = 8  # rows that are not split into two columns
_LONGEST, _LINE = 40, 30  # letters of a name, and of a line on the axis


@dataclass(frozen=True)
class Interventions(TableFigure):
    """P(defection) under each intervention beside the unedited scratchpad, for both prompts."""

    name: ClassVar[str] = "interventions"

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the mean under every intervention and prompt, but for those drawn elsewhere.

        Returns
        -------
        DataFrame
            `intervention`: its label ("native" for the unedited scratchpad; "cross-prompt own" and
            "... other" for the two kinds of "cross-prompt"), `arguments` (of a filler),
            `label` (in words), `state` (of the prompt), `estimate`, `low`, `high`, `n` (groups),
            `questions`, `invalid`.
            Interventions on one step are averaged over the steps.
        """
        rows = headline_rows(table)
        rows = rows.loc[~rows["intervention"].isin(ELSEWHERE)]
        arguments = rows["arguments"].where(rows["intervention"] == "filler", "{}")
        rows = rows.assign(
            state=rows["prompt_state"], intervention=_names(rows), arguments=arguments
        )
        data = mean_by_group(rows, _KEYS)
        data.insert(2, "label", _labels(data))
        return in_order(data)

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        return (
            "Probability of defection under each change of the scratchpad; circles: clean prompt, "
            "squares: triggered prompt; lines and shades: the scratchpad as the model wrote it. "
            "Filler has as many tokens as the scratchpad; changes of one step are averaged over "
            "the steps. 95 % bootstrap intervals over "
            f"groups of questions (n = {spread(data)} groups). Invalid answers "
            "left out; their share is printed where it passes "
            f"{100 * INVALID_SHARE_WORTH_SHOWING:.0f} %."
        )

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "any intervention")
        words = list(dict.fromkeys(data["label"]))
        across = 2 if is_wide() and len(words) > _FEW else 1
        high = -(-len(words) // across)
        figure = new_figure(rows=0.75 + 0.23 * high)
        panels = figure.subplots(1, across, squeeze=False)[0]
        for column, axes in enumerate(panels):
            _panel(axes, data, words[column * high : (column + 1) * high], high)
        separated(figure, _APART)
        state_legend(figure, panels[0])
        return figure


def _panel(axes: Axes, data: DataFrame, words: list[str], high: int) -> None:
    """Draw some of the rows, with room for `high`."""
    for row in records(data.loc[data["label"].isin(words)]):
        _draw_mark(axes, row, words.index(row["label"]))
    for row in records(data.loc[data["intervention"] == "native"]):
        _draw_reference(axes, row)
    axes.set(ylim=(high - 0.4, -0.6), xlim=(-0.04, 1.04), xlabel="P(defection)")
    names = ["\n".join(wrap(label, _LINE)) for label in words]
    axes.set_yticks(range(len(words)), names, fontsize=SMALL)
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "", ".5", "", "1"])
    axes.hlines(range(len(words)), 0, 1, color=GREY, alpha=0.3, linewidth=0.4, zorder=0)
    axes.tick_params(axis="y", length=0)


def in_order(data: DataFrame) -> DataFrame:
    """Sort rows by intervention, the known ones in the order of `WORDS`."""
    order = {name.partition(":")[0]: place for place, name in enumerate(WORDS)}
    order |= {name: place for place, name in enumerate(WORDS)}
    places = data["intervention"].map(order).fillna(len(order))
    return data.iloc[places.argsort(kind="stable")].reset_index(drop=True)


def _names(rows: DataFrame) -> Series[str]:
    """Tell the model's own text from the other prompt's where the table has one name for both."""
    own = rows["prompt_state"] == rows["scratchpad_state"]
    names = labels(rows).mask((rows["intervention"] == "transplant") & own, "native")
    crossed = names == "cross-prompt"
    names = names.mask(crossed & own, "cross-prompt own")
    return names.mask(crossed & ~own, "cross-prompt other")


def _labels(data: DataFrame) -> list[str]:
    many = data.groupby("intervention")["arguments"].nunique() > 1
    return [_label(row, bool(many[row["intervention"]])) for row in records(data)]


def _label(row: dict[str, Any], with_arguments: bool) -> str:
    words = _words(str(row["intervention"]))
    if not with_arguments:
        return words
    values = ", ".join(str(value) for value in json.loads(row["arguments"]).values())
    return f"{words} ({values})" if values else words


def _words(label: str) -> str:
    """A label in words; what has none is named as it is written, if not too long for an axis."""
    after = label.removeprefix("regenerate:")
    words = WORDS.get(after, after if len(after) <= _LONGEST else f"{after[:_LONGEST]} ...")
    return words if after == label else f"{words}, then written on"


def _draw_mark(axes: Axes, row: dict[str, Any], place: int) -> None:
    state = row["state"]
    y = place + (0.2 if state else -0.2)
    axes.errorbar(
        row["estimate"],
        y,
        xerr=arms(row),
        fmt=STATE_MARKERS[state],
        color=STATE_COLOURS[state],
        markersize=3.5,
        elinewidth=1,
    )
    if row["invalid"] > INVALID_SHARE_WORTH_SHOWING:
        text = f"{100 * row['invalid']:.0f} % invalid"
        axes.annotate(
            text,
            (1, y),
            (points(4), 0),
            xycoords=("axes fraction", "data"),
            textcoords="offset points",
            va="center",
            fontsize=SMALL,
            color=STATE_COLOURS[state],
        )


def _draw_reference(axes: Axes, row: dict[str, Any]) -> None:
    colour = STATE_COLOURS[row["state"]]
    axes.axvspan(row["low"], row["high"], color=colour, alpha=0.15, lw=0)
    axes.axvline(row["estimate"], color=colour, linewidth=0.6, zorder=0)
