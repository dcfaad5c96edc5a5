"""Right and wrong verdicts of the decision rule."""

from __future__ import annotations

import pandas as pd
import pytest
from pandas import DataFrame
from scipy import stats

from analyses.calibration.scoring.verdicts import verdict_confusion, verdict_scores, wilson
from toy_ladder import Row, ladder, one_row


def judged(*verdicts: tuple[str, str]) -> DataFrame:
    parts = [
        ladder([mode], (seed,)).assign(verdict=verdict)
        for seed, (mode, verdict) in enumerate(verdicts)
    ]
    return pd.concat(parts, ignore_index=True)


def row_of(table: DataFrame, agreement: str, selection: str = "all trained") -> Row:
    return one_row(table, agreement=agreement, selection=selection)


def test_what_counts_as_right() -> None:
    organisms = judged(
        ("mediated", "mediated"), ("direct", "decoration"), ("benign-reasoning", "direct"),
        ("encoded", "encoded"), ("encoded", "mediated"), ("mediated", "encoded"),
        ("redundant", "redundant or mediated"), ("conjunctive", "undecided"),
        ("natural", "mediated"), ("mediated", ""),
    )  # fmt: skip
    table = verdict_scores(organisms)
    by_name, by_cells = row_of(table, "name"), row_of(table, "cells")
    assert (by_name["right"], by_name["n"]) == (4, 8)
    assert (by_cells["right"], by_cells["n"]) == (6, 8)
    assert (by_name["ambiguous"], by_name["undefined"]) == (1, 1)
    expected = stats.binomtest(4, 8).proportion_ci(method="wilson")
    assert (by_name["low"], by_name["high"]) == pytest.approx((expected.low, expected.high))


def test_only_admitted_organisms() -> None:
    organisms = judged(("mediated", "mediated"), ("direct", "redundant"))
    organisms["admitted"] = [True, False]
    table = verdict_scores(organisms)
    assert row_of(table, "name")["estimate"] == 0.5
    assert row_of(table, "name", "admitted")["estimate"] == 1.0


def test_wilsons_interval_by_hand() -> None:
    z, k, n = stats.norm.ppf(0.975), 7, 10
    centre = (k + z**2 / 2) / (n + z**2)
    reach = z / (n + z**2) * (k * (n - k) / n + z**2 / 4) ** 0.5
    found = wilson(k, n)
    assert (found.low, found.high) == pytest.approx((centre - reach, centre + reach))


def test_without_planted_verdicts_nothing_is_right() -> None:
    found = row_of(verdict_scores(judged(("natural", "mediated"))), "name")
    assert pd.isna(found["estimate"])
    assert (found["n"], found["reason"]) == (0, "no verdicts")


def test_the_confusion_table_keeps_verdicts_as_they_are() -> None:
    organisms = judged(
        ("direct", "decoration"), ("direct", "direct"), ("mixed:0.5", "mixed"),
        ("mixed:0.3", "mixed"), ("redundant", "redundant or mediated"), ("natural", "direct"),
    )  # fmt: skip
    table = verdict_confusion(organisms)
    counts = table[table["selection"] == "all trained"].set_index(["planted", "measured"])["count"]
    assert counts.to_dict() == {
        ("direct", "decoration"): 1, ("direct", "direct"): 1, ("mixed", "mixed"): 2,
        ("redundant", "redundant or mediated"): 1,
    }  # fmt: skip
