"""The contract every figure of the toolkit keeps."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar

from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.look import Look, scale_strokes
from analyses.figures.style import styled


@dataclass(frozen=True)
class TableFigure(ABC):
    """A pure function from tables to a picture, with its values and its caption.

    `data` chooses and summarises, `draw` only draws what `data` returned; calling the figure
    does both. Fields of a subclass are its parameters.
    """

    name: ClassVar[str]
    tables: ClassVar[tuple[str, ...]] = ("outcomes",)
    optional: ClassVar[tuple[str, ...]] = ()  # those of `tables` that it can do without

    @abstractmethod
    def data(self, table: DataFrame, *more: DataFrame) -> DataFrame:
        """Return the plotted values, one row per mark; no rows where there is nothing to draw."""

    @abstractmethod
    def caption(self, data: DataFrame) -> str:
        """Say what is drawn, what the intervals are, and n."""

    def usual_width(self, data: DataFrame) -> str:
        """Name the width that the figure takes where none is asked for."""
        return "column"

    def draw(self, data: DataFrame, look: Look | None = None) -> Figure:
        """Draw the values, in a paper's style and the usual width unless told otherwise.

        Raises
        ------
        DataError
            If there are none.
        """
        asked = look or Look(self.usual_width(data))
        with styled(asked):
            figure = self._draw(data)
            scale_strokes(figure, asked.scale)
            return figure

    def __call__(self, table: DataFrame, *more: DataFrame) -> Figure:
        """Draw the figure from a run's tables, given in the order of `tables`."""
        return self.draw(self.data(table, *more))

    @abstractmethod
    def _draw(self, data: DataFrame) -> Figure: ...
