"""Names written beside their marks where they cover nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from analyses.figures.style import GREY, SMALL

Floats = NDArray[np.float64]

_POINTS: Final = 72  # to the inch; all lengths below are in points
_DISTANCES: Final = np.array([5.0, 9, 14, 20, 27, 35, 44, 54, 65, 77, 90, 105, 120, 136, 153])
_DIRECTIONS: Final = 36
_MARGIN: Final = 2.0
_SAMPLES: Final = 20  # of a leader
_COVERS_NAME: Final = 500.0
_CROSSES_NAME: Final = 150.0
_COVERS_MARK: Final = 8.0
_MOST_COVERED: Final = 60  # marks; in a crowd, more of them are no worse
_OUTSIDE: Final = 10_000.0


@dataclass(frozen=True)
class _Name:
    """A name with its size and the places of its marks."""

    text: str
    size: Floats
    marks: Floats


@dataclass(frozen=True)
class _Scene:
    """What a name should not cover: other names, marks, and the edge of the axes.

    Parameters
    ----------
    names : array, shape (names, 2, 2)
        Centre and size of each.
    marks : array, shape (marks, 2)
    edge : array, shape (2, 2)
        The lower left and the upper right corner.
    """

    names: Floats
    marks: Floats
    edge: Floats

    def costs(self, name: _Name, centres: Floats) -> Floats:
        """What every place for a name costs beside its distance."""
        reach = name.size / 2 + _MARGIN
        places, sizes = self.names[:, 0], self.names[:, 1]
        inside = _within(self.edge.mean(axis=0), centres, np.ptp(self.edge, axis=0) / 2 - reach)
        marks = _within(self.marks, centres, reach).sum(axis=1)
        names = _within(places, centres, reach + sizes / 2).sum(axis=1)
        leaders = _leaders(centres, name).reshape(-1, 2)
        crossed = _within(places, leaders, sizes / 2).reshape(len(centres), -1).any(axis=1)
        costs: Floats = (
            _COVERS_MARK * np.minimum(marks, _MOST_COVERED)
            + _COVERS_NAME * names
            + _CROSSES_NAME * crossed
            + _OUTSIDE * ~inside[:, 0]
        )
        return costs

    def added(self, name: _Name, centre: Floats) -> _Scene:
        """The scene with one name more, and its lines."""
        names = np.concatenate([self.names, [[centre, name.size]]])
        marks = np.concatenate([self.marks, _leaders(centre[None], name)[0]])
        return replace(self, names=names, marks=marks)


def _within(points: Floats, centres: Floats, reach: Floats) -> NDArray[np.bool_]:
    """Which points lie within reach, in both directions, of which centres: (centres, points)."""
    near: NDArray[np.bool_] = np.all(np.abs(points - centres[:, None]) < reach, axis=2)
    return near


def place_names(figure: Figure, axes: Axes, named: Mapping[str, Floats], taken: Floats) -> None:
    """Write each name once near its points, with a thin line to each of them.

    Names try places around the first of their points and take the nearest of those that cover
    the fewest marks, names and lines: the same ones each time. The figure is laid out here, so
    that everything else has to be on it.

    Parameters
    ----------
    figure : Figure
    axes : Axes
        Where the points are.
    named : mapping of str to array, shape (points, 2)
        Points by name, in data coordinates.
    taken : array, shape (points, 2)
        What should not be covered, in data coordinates.
    """
    figure.draw_without_rendering()
    scale = _POINTS / figure.dpi
    edge = axes.get_window_extent().get_points() * scale
    scene = _Scene(np.empty((0, 2, 2)), axes.transData.transform(taken) * scale, edge)
    for text, points in named.items():
        name = _Name(text, _size(axes, text) * scale, axes.transData.transform(points) * scale)
        centres = _candidates(name)
        away = np.repeat(_DISTANCES, _DIRECTIONS)
        centre = centres[np.argmin(away + scene.costs(name, centres))]
        scene = scene.added(name, centre)
        _write(axes, name, centre, points)


def _size(axes: Axes, text: str) -> Floats:
    written = axes.text(0, 0, text, fontsize=SMALL)
    extent = written.get_window_extent()
    written.remove()
    return np.array([extent.width, extent.height])


def _candidates(name: _Name) -> Floats:
    """Centres around the first mark, nearest first."""
    angles = 2 * np.pi * np.arange(_DIRECTIONS) / _DIRECTIONS
    ways = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    # An ellipse about the name, so that its edge and not its centre keeps the distance.
    radii = _DISTANCES[:, None, None] + name.size / 2
    around: Floats = (name.marks[0] + ways * radii).reshape(-1, 2)
    return around


def _starts(centres: Floats, name: _Name) -> Floats:
    """Where on the edge of a name its lines begin: (centres, marks, 2)."""
    half = name.size / 2
    starts: Floats = centres[:, None] + np.clip(name.marks - centres[:, None], -half, half)
    return starts


def _leaders(centres: Floats, name: _Name) -> Floats:
    """Points along the lines from a name to its marks: (centres, points, 2)."""
    starts = _starts(centres, name)
    along = np.linspace(0, 1, _SAMPLES)[:, None, None, None]
    lines = np.moveaxis(starts + along * (name.marks - starts), 0, 1)
    points: Floats = lines.reshape(len(centres), -1, 2)
    return points


def _write(axes: Axes, name: _Name, centre: Floats, points: Floats) -> None:
    written = axes.annotate(
        name.text, points[0], centre - name.marks[0], textcoords="offset points",
        ha="center", va="center", fontsize=SMALL,
    )  # fmt: skip
    lines = [
        axes.annotate(
            "", point, start - mark, textcoords="offset points", zorder=1,
            arrowprops={"arrowstyle": "-", "color": GREY, "linewidth": 0.4, "shrinkA": 0,
                        "shrinkB": 1},
        )
        for point, mark, start in zip(
            points, name.marks, _starts(centre[None], name)[0], strict=True
        )
    ]  # fmt: skip
    for one in (written, *lines):
        one.set_in_layout(False)
