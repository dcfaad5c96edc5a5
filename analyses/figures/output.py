"""Write a figure for the paper, the slide, the web and the next program."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures.registry import FIGURES
from analyses.figures.style import DOTS_PER_INCH, paper_style
from scratchpad.runs import atomic_write

# A date or a version in a file would make equal figures differ.
_METADATA: Final[dict[str, dict[str, Any]]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}


def save(
    figure: Figure, data: DataFrame, folder: Path, name: str, caption: str = ""
) -> tuple[Path, ...]:
    """Write NAME.png (300 dpi), NAME.svg, NAME.pdf, NAME.csv and NAME.txt (the caption).

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

    Returns
    -------
    tuple of Path
        The files written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    contents = {kind: _picture(figure, kind) for kind in _METADATA}
    contents["csv"] = data.to_csv(index=False, float_format="%.6g", lineterminator="\n").encode()
    if caption:
        contents["txt"] = (caption + "\n").encode()
    paths = {folder / f"{name}.{kind}": content for kind, content in contents.items()}
    for path, content in paths.items():
        atomic_write(path, content)
    return tuple(paths)


def draw_all(tables: Mapping[str, DataFrame], folder: Path) -> tuple[str, ...]:
    """Draw and save every figure for which the tables hold values.

    Parameters
    ----------
    tables : mapping of str to DataFrame
        A run's tables by name (`outcomes`, `probes`, `readers`).
    folder : Path
        Where the files go.

    Returns
    -------
    tuple of str
        Names of the figures drawn; the others of `FIGURES` had nothing to draw.
    """
    drawn = []
    for name, figure in FIGURES.items():
        given = [tables[table] for table in figure.tables if table in tables]
        data = figure.data(*given) if figure.tables[0] in tables else DataFrame()
        if not data.empty:
            save(figure.draw(data), data, folder, name, figure.caption(data))
            drawn.append(name)
    return tuple(drawn)


def _picture(figure: Figure, kind: str) -> bytes:
    buffer = io.BytesIO()
    with paper_style():
        figure.savefig(buffer, format=kind, dpi=DOTS_PER_INCH, metadata=_METADATA[kind])
    return buffer.getvalue()
