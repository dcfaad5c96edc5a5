"""Every figure looks as it did: pictures of made-up tables against stored ones.

`make baselines` draws those in tests/analyses/baseline/ anew; look at each that changed.
"""

from __future__ import annotations

import pytest
from matplotlib.figure import Figure
from pandas import DataFrame

from analyses.figures import FIGURES, Look
from analyses.figures.style import settings


@pytest.mark.mpl_image_compare(
    baseline_dir="baseline",
    style=["default", settings(Look())],
    savefig_kwargs={"dpi": 60, "metadata": {"Software": None}, "pil_kwargs": {"optimize": True}},
    tolerance=0.5,
)
@pytest.mark.parametrize("name", FIGURES)
def test_figure(name: str, figure_tables: dict[str, DataFrame]) -> Figure:
    figure = FIGURES[name]
    return figure(*(figure_tables[table] for table in figure.tables))
