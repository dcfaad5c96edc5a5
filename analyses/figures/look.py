"""How wide a figure is and how large its type: what a page asks for and every figure follows.

A figure is laid out on a *canvas*: its width in inches, divided by the size of its type over that
of a paper. Figures choose their rows, columns and legends by the canvas, so that a talk's large
type gets the layout of a narrower page and not smaller gaps.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import Collection, PathCollection
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.lines import Line2D

from scratchpad.errors import unknown_name

COLUMN: Final = 3.35  # inches: one column of a two-column paper
WIDTHS: Final = {"column": COLUMN, "text": 6.9, "slide": 12.0}
# Size of the type over a paper's 8 points: on a slide 14 points.
STYLES: Final = {
    "paper": dict.fromkeys(WIDTHS, 1.0),
    "talk": {"column": 1.1, "text": 1.3, "slide": 1.75},
}
_SLIDE_HEIGHT: Final = 6.75  # inches: a wide slide without its title
_WIDE: Final = 5.0  # inches of canvas from which panels stand side by side


@dataclass(frozen=True)
class Look:
    """A width and a style.

    Parameters
    ----------
    width : str
        "column" (3.35 in), "text" (both columns, 6.9 in) or "slide" (12 in).
    style : str
        "paper" (8 points) or "talk" (larger type, thicker lines).

    Raises
    ------
    ConfigError
        If either is unknown.
    """

    width: str = "column"
    style: str = "paper"

    def __post_init__(self) -> None:
        if self.width not in WIDTHS:
            raise unknown_name("width", self.width, WIDTHS)
        if self.style not in STYLES:
            raise unknown_name("style", self.style, STYLES)

    @property
    def scale(self) -> float:
        """Size of type, lines and marks over a paper's."""
        return STYLES[self.style][self.width]

    @property
    def canvas(self) -> float:
        """Inches that would be as wide with a paper's type."""
        return WIDTHS[self.width] / self.scale

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Make it the look of the figures that are opened meanwhile."""
        token = _current.set(self)
        try:
            yield
        finally:
            _current.reset(token)


_current: ContextVar[Look] = ContextVar("look", default=Look())  # noqa: B039 - it is frozen


def canvas() -> float:
    """The canvas of the figure being drawn, in inches."""
    return _current.get().canvas


def is_wide() -> bool:
    """Whether panels that stand over one another in a column have room side by side."""
    return canvas() >= _WIDE


def points(length: float) -> float:
    """A length in points of a paper, as many points as it takes in the look being drawn."""
    return length * _current.get().scale


def new_figure(*, rows: float = 0.0, panels: float = 0.0) -> Figure:
    """Open an empty figure, as wide as the look has it, that belongs to no global state.

    Parameters
    ----------
    rows : float
        Inches of canvas for lines of type and what stands beside them: the same at any width.
    panels : float
        Inches for panels in a column of a paper. On a wider canvas they grow with the square root
        of its width; on a slide no further than its height.
    """
    look = _current.get()
    grown = panels * (look.canvas / COLUMN) ** 0.5
    if look.width == "slide":
        grown = max(min(grown, _SLIDE_HEIGHT / look.scale - rows), 0.5 * panels)
    size = (WIDTHS[look.width], (rows + grown) * look.scale)
    return Figure(figsize=size, layout="constrained")


def stacked(figure: Figure, count: int, xlabel: str) -> list[Axes]:
    """Open panels with one x axis over one another; in two columns where the canvas is wide."""
    high = down(count)
    every = figure.subplots(high, -(-count // high), sharex=True, squeeze=False).T.ravel()
    for unused in every[count:]:
        unused.set_axis_off()
    for lowest in (high - 1, count - 1):
        every[lowest].tick_params(labelbottom=True)
        every[lowest].set_xlabel(xlabel)
    return list(every[:count])


def down(count: int) -> int:
    """How many of the panels that `stacked` opens stand over one another."""
    return -(-count // 2) if is_wide() and count > 1 else count


def separated(figure: Figure, share: float) -> None:
    """Keep panels side by side apart by a share of their width."""
    engine = figure.get_layout_engine()
    if isinstance(engine, ConstrainedLayoutEngine):
        engine.set(wspace=share)


def scale_strokes(figure: Figure, by: float) -> None:
    """Make lines and marks thicker by a factor; axes and ticks have theirs from the style."""
    legends = [*figure.legends, *(one for axes in figure.axes if (one := axes.get_legend()))]
    handles = [handle for legend in legends for handle in legend.legend_handles]
    drawn = [one for axes in _all_axes(figure) for one in (*axes.lines, *axes.collections)]
    for artist in [*drawn, *handles]:
        if isinstance(artist, Line2D):
            artist.set_linewidth(by * artist.get_linewidth())
            artist.set_markersize(by * artist.get_markersize())
            artist.set_markeredgewidth(by * artist.get_markeredgewidth())
        elif isinstance(artist, Collection):
            artist.set_linewidth([by * float(width) for width in np.ravel(artist.get_linewidth())])
        if isinstance(artist, PathCollection):
            artist.set_sizes(by**2 * artist.get_sizes())


def _all_axes(figure: Figure) -> list[Any]:
    return [one for axes in figure.axes for one in (axes, *axes.child_axes)]
