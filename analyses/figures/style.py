"""How every figure looks: one type, one set of colours.

The colours are Okabe and Ito's (2008), told apart under the common colour blindnesses; state is
never shown by colour alone. The type is the one Matplotlib ships, so that a figure is the same
on every machine.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import matplotlib
import matplotlib.style
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from analyses.figures.look import Look
from scratchpad import estimates

DOTS_PER_INCH: Final = 300
SMALL: Final = "small"  # 7 of a paper's points: values written beside marks; all else has 8

INK: Final = "#222222"
GREY: Final = "#7A7A7A"
STATE_COLOURS: Final = {0: "#0072B2", 1: "#D55E00"}
STATE_MARKERS: Final = {0: "o", 1: "s"}
STATE_NAMES: Final = {0: "clean", 1: "triggered"}
# Of an organism that met an intervention in training, and of one that did not.
EXPOSURE_COLOURS: Final = {True: "#009E73", False: INK}
EXPOSURE_MARKERS: Final = {True: "s", False: "o"}
EXPOSURE_NAMES: Final = {True: "seen", False: "not seen"}

_PAPER: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",
    "axes.titleweight": "normal",
    "legend.frameon": False,
    "text.color": INK,
    "axes.labelcolor": INK,
    "axes.edgecolor": INK,
    "xtick.color": INK,
    "ytick.color": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "lines.linewidth": 1.2,
    "lines.markersize": 4,
    "svg.fonttype": "path",
    "text.parse_math": False,  # a dollar sign in a name is one
    "svg.hashsalt": "scratchpad-faithfulness",
    "pdf.fonttype": 42,
}
# In points of a paper.
_SIZES: Final = {
    "font.size": 8.404,  # of which Matplotlib's "small" makes 7
    "axes.labelsize": 8,
    "axes.titlesize": 8,
    "figure.labelsize": 8,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 7,
    "axes.linewidth": 0.6,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.major.size": 2.5,
    "ytick.major.size": 2.5,
    "xtick.major.pad": 3.5,
    "ytick.major.pad": 3.5,
    "axes.labelpad": 4,
    "axes.titlepad": 6,
}


@contextmanager
def styled(look: Look) -> Iterator[None]:
    """Apply a look, whatever the user's own Matplotlib settings are."""
    with matplotlib.style.context(["default", settings(look)]), look.applied():
        yield


def settings(look: Look) -> dict[str, Any]:
    """Matplotlib's settings for a look, over its defaults."""
    return _PAPER | {name: size * look.scale for name, size in _SIZES.items()}


def probability_axis(axes: Axes, label: str = "P(defection)") -> None:
    """Make y a probability axis whose ends stay visible."""
    axes.set(ylim=(-0.04, 1.04), ylabel=label)
    axes.set_yticks([0, 0.25, 0.5, 0.75, 1], ["0", ".25", ".5", ".75", "1"])


def state_legend(figure: Figure, axes: Axes, line: str = "none") -> None:
    """Name the marks of the two prompts, and what else is labelled, above the figure."""
    for state, name in STATE_NAMES.items():
        axes.plot(
            [],
            [],
            linestyle=line,
            color=STATE_COLOURS[state],
            marker=STATE_MARKERS[state],
            label=f"{name} prompt",
        )
    handles, _ = axes.get_legend_handles_labels()
    figure.legend(
        handles=handles,
        loc="outside upper right",
        ncols=3,
        handlelength=1.5,
        handletextpad=0.4,
        columnspacing=1.2,
    )


def arms(row: Mapping[str, Any]) -> list[list[float]]:
    """Give an interval as the two lengths that error bars are drawn from."""
    return [[row["estimate"] - row["low"]], [row["high"] - row["estimate"]]]


def short(value: float) -> str:
    """Write a share the way papers do: two decimals, no leading zero.

    >>> short(0.984), short(1.0), short(-0.05), short(-0.001)
    ('.98', '1.00', '\N{MINUS SIGN}.05', '.00')
    """
    return estimates.short(value).replace("-", "\N{MINUS SIGN}")


def tick_label(value: float, place: float = 0) -> str:
    """Write the number of a tick as `short` does, without digits that say nothing.

    >>> tick_label(0.5), tick_label(-0.25), tick_label(0.0), tick_label(1.0)
    ('.5', '\N{MINUS SIGN}.25', '0', '1')
    """
    return estimates.rounded(value).replace("-", "\N{MINUS SIGN}")
