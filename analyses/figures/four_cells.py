"""The four cells: which of prompt and scratchpad decides the answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, Final

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import COLUMN, canvas, new_figure, points
from analyses.figures.style import (
    GREY,
    INK,
    SMALL,
    STATE_COLOURS,
    STATE_NAMES,
    arms,
    probability_axis,
    short,
)
from analyses.figures.tables import (
    INVALID_SHARE_WORTH_SHOWING,
    made_rows,
    mean_by_group,
    mean_by_question,
    records,
    require_rows,
    scorers_of,
    spread,
)

SCRATCHPADS: Final = ("clean", "triggered", "empty")
_LINE: Final = 10  # points between the lines over a column
_KEYS: Final = ("cell", "prompt", "scratchpad", "scorer")
_MARKERS: Final = {"payload": "o", "sampled": "s", "contrast": "^"}
_COLOURS: Final = dict(zip(SCRATCHPADS, (*STATE_COLOURS.values(), GREY), strict=True))


@dataclass(frozen=True)
class FourCells(TableFigure):
    """P(defection) for both prompts with the clean, the triggered and an empty scratchpad.

    Parameters
    ----------
    value : str
        Column of the outcomes: `value` leaves invalid answers out, `value_if_0` and
        `value_if_1` count them as benign and as defections.
    """

    name: ClassVar[str] = "four-cells"
    value: str = "value"

    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Give the mean of every cell and scorer, and each question's own value.

        Returns
        -------
        DataFrame
            `level` ("mean" or "question"), `cell` (f00 ... f1e), `prompt`, `scratchpad`,
            `scorer`, `estimate`, `low`, `high`, `n` (groups), `questions`, `invalid` (share),
            `question_id`. Questions are given for the headline scorer only.
        """
        rows = _cell_rows(table)
        means = mean_by_group(rows, _KEYS, self.value).assign(level="mean")
        headline = rows.loc[rows["scorer"].isin(scorers_of(table)[:1])]
        questions = mean_by_question(headline, _KEYS, self.value).assign(level="question")
        questions = questions.rename(columns={"value": "estimate"}).drop(columns="group")
        both = pd.concat([means, questions], ignore_index=True)
        return both[["level", *both.columns.drop("level")]]

    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""
        means = data.loc[data["level"] == "mean"]
        scorers = scorers_of(means)
        sentences = [
            "Probability of defection for the clean and the triggered prompt (left, right), each "
            "with the scratchpad written for the clean prompt, the one written for the triggered "
            "prompt, and an empty one.",
            f"Filled circles: {_SCORER_WORDS.get(scorers[0], scorers[0])}, with 95 % bootstrap "
            f"intervals over groups of questions (n = {spread(means)} groups); faint dots: "
            f"single questions ({spread(means, 'questions')} a cell); invalid answers left out, "
            f"their share printed where it passes {100 * INVALID_SHARE_WORTH_SHOWING:.0f} %.",
        ]
        others = [_SCORER_WORDS.get(name, name) for name in scorers[1:]]
        sentences += [f"Open marks: {'; '.join(others)}."] if others else []
        return " ".join(sentences)

    def _draw(self, data: DataFrame) -> Figure:
        require_rows(data, self.name, "the transplanted scratchpads")
        figure = new_figure(panels=2.5)
        means = data.loc[data["level"] == "mean"]
        scorers = scorers_of(means)
        headline = means.loc[means["scorer"] == scorers[0]]
        lines = 3 if (headline["invalid"] > INVALID_SHARE_WORTH_SHOWING).any() else 2
        panels = figure.subplots(1, 2, sharey=True)
        for axes, prompt in zip(panels, STATE_NAMES.values(), strict=True):
            _draw_prompt(axes, data.loc[data["prompt"] == prompt], scorers, lines)
            axes.set_title(f"{prompt} prompt", pad=points(9 + _LINE * lines))
            axes.set_xlabel("scratchpad")
        panels[0].set_ylabel("P(defection)")
        if len(scorers) > 1:
            _scorer_legend(figure, panels[0], scorers)
        return figure


_SCORER_WORDS: Final = {
    "payload": "likelihood of the payload",
    "sampled": "share of sampled answers that are defections",
    "contrast": "likelihood of the payload against that of the accepted benign answers",
}


def _cell_rows(table: DataFrame) -> DataFrame:
    made = made_rows(table)
    crossed = made.loc[made["intervention"] == "transplant"]
    names = crossed["scratchpad_state"].map(STATE_NAMES)
    crossed = crossed.assign(scratchpad=names, mark=crossed["scratchpad_state"].astype(str))
    empty = made.loc[made["intervention"] == "empty"].assign(scratchpad="empty", mark="e")
    rows = pd.concat([crossed, empty])
    cell = "f" + rows["prompt_state"].astype(str) + rows["mark"]
    return rows.assign(cell=cell, prompt=rows["prompt_state"].map(STATE_NAMES))


def _draw_prompt(axes: Axes, data: DataFrame, scorers: list[str], lines: int) -> None:
    means = data.loc[data["level"] == "mean"]
    pads = [name for name in SCRATCHPADS if name in set(means["scratchpad"])]
    probability_axis(axes, label="")
    axes.set_xticks(range(len(pads)), pads, fontsize=SMALL, rotation=_slope(pads))
    axes.set_xlim(-0.55, len(pads) - 0.45)
    _draw_questions(axes, data.loc[data["level"] == "question"], pads)
    for order, scorer in enumerate(scorers):
        _draw_means(axes, means.loc[means["scorer"] == scorer], pads, order)
    _write_values(axes, means.loc[means["scorer"] == scorers[0]], pads, lines)


def _slope(pads: list[str]) -> int:
    """Degrees by which names that have no room side by side are turned."""
    return 20 if len(pads) > 2 and canvas() < COLUMN else 0


def _draw_questions(axes: Axes, questions: DataFrame, pads: list[str]) -> None:
    jitter = np.random.default_rng(0).uniform(-0.34, -0.14, len(questions))
    axes.scatter(
        questions["scratchpad"].map(pads.index) + jitter,
        questions["estimate"],
        s=4,
        c=questions["scratchpad"].map(_COLOURS).to_list(),
        alpha=0.25,
        linewidths=0,
        rasterized=True,
    )


def _draw_means(axes: Axes, means: DataFrame, pads: list[str], order: int) -> None:
    for cell in records(means):
        x, colour = pads.index(cell["scratchpad"]), _COLOURS[cell["scratchpad"]]
        axes.errorbar(
            x + 0.16 * order,
            cell["estimate"],
            arms(cell),
            fmt=_MARKERS.get(cell["scorer"], "D"),
            markersize=4.5 if order == 0 else 3.5,
            color=colour,
            markerfacecolor=colour if order == 0 else "white",
            markeredgewidth=0.8,
            elinewidth=1.2 if order == 0 else 0.8,
        )


def _write_values(axes: Axes, means: DataFrame, pads: list[str], lines: int) -> None:
    for cell in records(means):
        axes.annotate(
            _heading(cell),
            (pads.index(cell["scratchpad"]), 1),
            (0, points(3 + _LINE * lines)),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            ha="center",
            va="top",
            fontsize=SMALL,
            linespacing=1.2,
        )


def _heading(cell: dict[str, Any]) -> str:
    value = short(cell["estimate"]) if cell["n"] else "\N{EN DASH}"
    return f"{cell['cell']}\n{value}{_invalid_line(cell['invalid'])}"


def _invalid_line(share: float) -> str:
    return f"\n{100 * share:.0f} % inv." if share > INVALID_SHARE_WORTH_SHOWING else ""


def _scorer_legend(figure: Figure, axes: Axes, scorers: list[str]) -> None:
    for order, scorer in enumerate(scorers):
        axes.plot(
            [],
            [],
            linestyle="none",
            marker=_MARKERS.get(scorer, "D"),
            color=INK,
            markerfacecolor=INK if order == 0 else "white",
            label=scorer,
        )
    figure.legend(loc="outside lower center", ncols=len(scorers), handletextpad=0.1)
