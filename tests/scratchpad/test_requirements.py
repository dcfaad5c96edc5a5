"""The gate: which end of an interval decides, what is undefined, and what cannot be read."""

from __future__ import annotations

from typing import Any

import pytest

from scratchpad.errors import ConfigError
from scratchpad.requirements import parse_requirements

SUMMARY: dict[str, Any] = {
    "verdict": "mediated",
    "share": {"estimate": 0.42, "low": 0.31, "high": 0.53, "n": 40},
    "gone": {"estimate": None, "low": None, "high": None, "n": 7, "reason": "TE is small"},
    "cells": {"f00": {"estimate": 0.0, "low": 0.0, "high": 0.0996, "n": 40}},
    "interventions": {"truncate:0.5": {"clean": {"variants": 12}}},
    "surprisal": {"nats": None},
    "known": True,
}


def judged(text: str) -> tuple[bool, str]:
    (one,) = parse_requirements([text], SUMMARY)
    return one.judged(SUMMARY)


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("share>=0.31", True), ("share > 0.31", False), ("share>=0.42", False),
        ("share<=0.53", True), ("share<.53", False), ("share <= 0.42", False),
        ("cells.f00<=0.0996", True), ("cells.f00<0.05", False),
        ("interventions.truncate:0.5.clean.variants>=12", True),
        ("interventions.truncate:0.5.clean.variants>12", False),
        ("gone>=-5", False), ("gone<=5", False), ("surprisal.nats<=1", False),
        ("verdict==mediated", True), ("verdict == direct", False),
    ],
)  # fmt: skip
def test_the_near_end_decides(text: str, met: bool) -> None:
    assert judged(text)[0] is met


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("share >= 0.5", "share>=0.5 is not met: .42 [.31, .53], n = 40"),
        ("share<=0.6", "share<=0.6 is met: .42 [.31, .53], n = 40"),
        # Digits enough to see why: .0996 would be written .10.
        ("cells.f00>=0.1", "cells.f00>=0.1 is not met: .00 [.00, .10], n = 40"),
        ("cells.f00<0.0995", "cells.f00<0.0995 is not met: .0000 [.0000, .0996], n = 40"),
        ("gone>=0.5", "gone>=0.5 is not met: undefined (TE is small), n = 7"),
        ("surprisal.nats<1", "surprisal.nats<1 is not met: undefined"),
        ("verdict==direct", "verdict==direct is not met: 'mediated'"),
    ],
)
def test_the_line_says_what_was_found(text: str, line: str) -> None:
    assert judged(text)[1] == line


@pytest.mark.parametrize("text", ["share", "share=0.5", "share>=", ">=1", "share>=half",
                                  "share>=nan", "share>=inf", "share=>0.5", ""])  # fmt: skip
def test_what_cannot_be_read_says_the_form(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_requirements([text], SUMMARY)
    assert str(caught.value) == (
        f"--require {text!r} is no requirement: it is not of the form KEY OP NUMBER. Write one"
        " like 'total_effect>=0.5' (>=, >, <=, <) or 'verdict==mediated'."
    )


def test_a_key_that_no_summary_has_is_found_out_before_the_run() -> None:
    with pytest.raises(ConfigError, match=r"key of the summary 'shrae'.*mean 'share'"):
        parse_requirements(["shrae>=0.5"], SUMMARY)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("cells>=0.5", "The summary has no number 'cells'. Nearest: cells.f00. "),
        ("cells.f0>=0.5", "The summary has no number 'cells.f0'. Nearest: cells.f00. "),
        ("known>=1", "The summary has no number 'known'. "),
        ("verdict>=1", "verdict in 'verdict>=1' is text: compare it with ==. Mend --require."),
        ("share==high", "share in 'share==high' is a number, not text. Mend --require."),
    ],
)
def test_a_finished_run_names_the_nearest_keys(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        judged(text)
    assert str(caught.value).startswith(message)
