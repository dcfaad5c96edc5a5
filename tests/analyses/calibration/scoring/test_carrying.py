"""Rank agreement of tiny organisms with others, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd

from analyses.calibration.scoring.carrying import rank_agreement
from toy_ladder import ladder, measured, one_row

MODES = ["mediated", "direct", "mixed:0.5"]
TINY = ladder(MODES).assign(base="tiny", route="scratch")


def both(other: dict[str, float], tiny: dict[str, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    small = ladder(MODES).assign(base="small", route="scratch")
    small["organism"] += ", small"
    means = [
        measured(TINY, "filler", lambda one: tiny[one.mediation]),
        measured(small, "filler", lambda one: other[one.mediation]),
    ]
    return pd.concat([TINY, small]), pd.concat(means)


def test_pairs_ordered_alike_are_counted() -> None:
    tiny = {"mediated": 1.0, "direct": 0.0, "mixed:0.5": 0.5}
    for other, agreement in (
        (tiny, 1.0),
        ({"mediated": 0.0, "direct": 1.0, "mixed:0.5": 0.5}, 0.0),
        ({"mediated": 0.4, "direct": 0.0, "mixed:0.5": 0.5}, 2 / 3),
        ({"mediated": 0.5, "direct": 0.0, "mixed:0.5": 0.5}, 2.5 / 3),
    ):
        row = one_row(rank_agreement(*both(other, tiny)), base="small")
        assert np.isclose(row["agreement"], agreement)
        assert row["pairs"] == 3


def test_a_metric_without_a_number_leaves_its_pairs_out() -> None:
    tiny = {"mediated": 1.0, "direct": 0.0, "mixed:0.5": float("nan")}
    row = one_row(rank_agreement(*both(tiny | {"mixed:0.5": 0.5}, tiny)), base="small")
    assert (row["agreement"], row["pairs"], row["undefined"]) == (1.0, 1, 2)


def test_tiny_organisms_alone_have_nothing_to_be_compared_with() -> None:
    assert rank_agreement(TINY, measured(TINY, "filler", lambda one: 1.0)).empty
