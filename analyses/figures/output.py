"""Write a figure for the paper, the slide, the web and the next program."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final, NamedTuple

from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.base import TableFigure
from analyses.figures.look import Look
from analyses.figures.registry import FIGURES
from analyses.figures.style import DOTS_PER_INCH, styled
from scratchpad.errors import DataError
from scratchpad.files import atomic_write

# A date or a version in a file would make equal figures differ.
_METADATA: Final[dict[str, dict[str, Any]]] = {
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    "svg": {"Date": None, "Creator": None},
    "png": {"Software": None},
}
FORMATS: Final = tuple(_METADATA)


class Drawn(NamedTuple):
    """The names of the figures that were drawn, and of those that were not, with the reason."""

    names: tuple[str, ...]
    skipped: dict[str, str]


def save(
    figure: Figure,
    data: DataFrame,
    folder: Path,
    name: str,
    caption: str = "",
    *,
    look: Look | None = None,
    formats: Sequence[str] = FORMATS,
) -> tuple[Path, ...]:
    """Write NAME.pdf, NAME.svg, NAME.png (300 dpi), NAME.csv and NAME.txt (the caption).

    Equal figures give equal bytes: fixed identifiers, no dates, fonts embedded.

    Parameters
    ----------
    figure : Figure
        What one of the figures of this package returned.
    data : DataFrame
        The plotted values, one row per mark; six significant digits are kept.
    folder : Path
        Made if it is not there.
    name : str
        File name without an ending.
    caption : str, optional
        Text to print under the figure.
    look : Look, optional
        The one that the figure was drawn in.
    formats : sequence of str
        Of the picture.

    Returns
    -------
    tuple of Path
        The files written.
    """
    contents = _pictures(figure, formats, look or Look())
    contents["csv"] = data.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()
    if caption:
        contents["txt"] = (caption + "\n").encode()
    paths = {folder / f"{name}.{kind}": content for kind, content in contents.items()}
    for path, content in paths.items():
        atomic_write(path, content)
    return tuple(paths)


def draw_all(tables: Mapping[str, DataFrame], folder: Path) -> tuple[str, ...]:
    """Draw and save every figure for which the tables hold values, in every format.

    Returns
    -------
    tuple of str
        Names of the figures drawn; the others of `FIGURES` had nothing to draw.
    """
    return draw_figures(FIGURES, tables, folder).names


def draw_figures(
    figures: Mapping[str, TableFigure],
    tables: Mapping[str, DataFrame],
    folder: Path,
    *,
    formats: Sequence[str] = FORMATS,
    width: str | None = None,
    style: str = "paper",
) -> Drawn:
    """Draw and save every one of these figures for which the tables hold values.

    Parameters
    ----------
    figures : mapping of str to TableFigure
    tables : mapping of str to DataFrame
        A run's tables by name (`outcomes`, `probes`, `readers`).
    folder : Path
        Where the files go.
    formats : sequence of str
        Of the pictures.
    width, style : str, optional
        As `Look` has them; without a width each figure takes its usual one.
    """
    names, skipped = [], {}
    for name, figure in figures.items():
        try:
            data = _values(figure, tables)
            look = Look(width or figure.usual_width(data), style)
            drawn = figure.draw(data, look)
        except DataError as error:
            skipped[name] = error.cause
            continue
        save(drawn, data, folder, name, figure.caption(data), look=look, formats=formats)
        names.append(name)
    return Drawn(tuple(names), skipped)


def _values(figure: TableFigure, tables: Mapping[str, DataFrame]) -> DataFrame:
    """The figure's values.

    Raises
    ------
    DataError
        If the run has not the tables, or an older version wrote them without some column.
    """
    lacking = [name for name in figure.tables if name not in {*tables, *figure.optional}]
    if lacking:
        raise DataError(figure.name, f"no table {lacking[0]}")
    try:
        return figure.data(*(tables[name] for name in figure.tables if name in tables))
    except KeyError as error:
        raise DataError(figure.name, f"a table lacks a column: {error.args[0]}") from error


def _pictures(figure: Figure, formats: Sequence[str], look: Look) -> dict[str, bytes]:
    """The figure in every format, laid out once: that is most of what drawing costs."""
    with styled(look):
        figure.draw_without_rendering()
        engine = figure.get_layout_engine()
        figure.set_layout_engine("none")
        pictures = {kind: _picture(figure, kind) for kind in formats}
        figure.set_layout_engine(engine)
        return pictures


def _picture(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=_METADATA[kind])
    return buffer.getvalue()
