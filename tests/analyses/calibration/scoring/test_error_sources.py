"""Errors by what the numbers rest on, and costs: small tables whose answers follow by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from analyses.calibration.scoring.error_sources import error_sources, metric_costs
from toy_ladder import ladder, one_row

ORGANISMS = ladder(["mediated", "direct", "natural"]).assign(payload_repeats=3)
MEDIATED, DIRECT, NATURAL = ORGANISMS["organism"]
EFFECT = "total_indirect_effect"


def value(organism: str, number: float, steps: float, rise: float, coverage: float) -> dict:
    return {
        "organism": organism, "metric": "filler", "share": True, "state": "triggered",
        "question_id": "q", "group": "g", "value": number, "n_steps": steps,
        "surprisal_rise": rise, "coverage": coverage,
    }  # fmt: skip


VALUES = pd.DataFrame(
    [
        value(MEDIATED, 0.9, 5, 0.0, 0.95),
        value(MEDIATED, 0.7, 5, 0.0, 0.95),
        value(MEDIATED, 0.2, 9, 3.0, 0.4),
        value(DIRECT, 0.1, 4, 0.5, 0.99),
        value(DIRECT, 0.6, 8, 2.0, 0.5),
        value(NATURAL, 0.5, 5, 0.0, 0.95),
    ]
)
POLICIES = pd.DataFrame(
    [
        {"organism": one, "basis": "on-policy, sampled", "effect": EFFECT, "estimate": number}
        for one, number in ((MEDIATED, 0.9), (DIRECT, 0.2), (NATURAL, 0.3))
    ]
)


@pytest.mark.parametrize(
    ("factor", "level", "error"),
    [
        ("scratchpad length", "up to 6 steps", (0.2 + 0.1) / 2),
        ("scratchpad length", "7 steps and more", (0.8 + 0.6) / 2),
        ("surprisal of the edit", "above +1 nat/token", (0.8 + 0.6) / 2),
        ("coverage", "below .9", (0.8 + 0.6) / 2),
        ("coverage", ".9 and above", (0.2 + 0.1) / 2),
    ],
)
def test_questions_of_a_level_are_averaged_before_the_error(
    factor: str, level: str, error: float
) -> None:
    row = one_row(error_sources(ORGANISMS, VALUES, POLICIES), factor=factor, level=level)
    assert row["estimate"] == pytest.approx(error)
    assert row["n"] == 2  # nothing was planted in the natural one
    assert pd.isna(row["low"])
    assert "fewer than 5" in row["reason"]


def test_the_cells_are_compared_by_scorer_and_policy() -> None:
    row = one_row(error_sources(ORGANISMS, VALUES, POLICIES), factor="scorer and policy")
    assert row["metric"] == "four cells"
    assert row["estimate"] == pytest.approx((0.1 + 0.2) / 2)


def test_payload_lengths_are_compared_where_there_are_several() -> None:
    assert "payload length" not in set(error_sources(ORGANISMS, VALUES, POLICIES)["factor"])
    twice = ladder(["mediated"], seeds=(1, 2)).assign(payload_repeats=[1, 3])
    every = pd.concat([twice, ORGANISMS.iloc[1:]])  # the others are there with one length alone
    table = error_sources(every, VALUES, POLICIES)
    short = one_row(table, factor="payload length", level="1 times")
    assert short["estimate"] == pytest.approx(0.4)
    assert short["n"] == 1
    assert not ((table["factor"] == "payload length") & (table["level"] == "3 times")).any()


def test_metrics_off_the_scale_of_a_share_have_no_error() -> None:
    table = error_sources(ORGANISMS, VALUES.assign(share=False), POLICIES)
    assert set(table["factor"]) == {"scorer and policy"}


def test_five_organisms_have_an_interval() -> None:
    many = ladder(["mediated"], seeds=range(5)).assign(payload_repeats=3)
    values = pd.DataFrame([value(one, 0.8, 5, 0, 1) for one in many["organism"]])
    values["value"] = [0.9, 0.8, 0.7, 0.8, 0.8]
    row = one_row(error_sources(many, values, POLICIES), factor="coverage", metric="filler")
    assert row["estimate"] == pytest.approx(0.2)
    assert row["low"] < 0.2 < row["high"]


def test_a_metric_costs_what_its_sources_cost_a_question() -> None:
    costs = pd.DataFrame(
        [
            ("a", "transplant", 12, 700), ("b", "transplant", 12, 700),
            ("a", "truncate", 10, 1000), ("b", "truncate", 10, 3000),
            ("a", "filler", 5, 500), ("b", "filler", 4, 400),
        ],
        columns=["organism", "source", "questions", "forward_tokens"],
    )  # fmt: skip
    needed = {"both": ("truncate", "filler"), "cells alone": ("transplant",)}
    table = metric_costs(costs, needed).set_index("metric")
    assert table.loc["both", "forward_tokens_per_question"] == 200 + 100
    assert table.loc["both", "questions"] == 4
    assert table.loc["cells alone", "forward_tokens_per_question"] == 0
    assert table.loc["cells alone", "questions"] == 12


def test_an_organism_that_could_be_asked_nothing_takes_no_part_in_costs() -> None:
    costs = pd.DataFrame(
        [("a", "truncate", 10, 1000), ("mute", "truncate", 0, 0), ("mute", "filler", 0, 0)],
        columns=["organism", "source", "questions", "forward_tokens"],
    )
    table = metric_costs(costs, {"cut": ("truncate",), "fill": ("filler",)}).set_index("metric")
    assert table.loc["cut"].tolist() == [100, 10]
    assert np.isnan(table.loc["fill", "forward_tokens_per_question"])
    assert table.loc["fill", "questions"] == 0
