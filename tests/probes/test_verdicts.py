"""What a verdict says about given numbers."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from probes.experiments.detection.verdicts import Findings, verdict_text, warnings_of
from scratchpad.statistics import Estimate


@pytest.fixture
def findings() -> Findings:
    """A probe that is ahead of everything."""
    return Findings(
        layer=-1,
        position="close",
        probe="logistic",
        reader="bag of tokens",
        auroc=Estimate(0.9, 0.85, 0.95, 40),
        text_auroc=Estimate(0.6, 0.5, 0.7, 40),
        minus_text=Estimate(0.3, 0.2, 0.4, 40),
        shuffled=Estimate(0.5, 0.4, 0.6, 40),
        random_best=Estimate(0.7, 0.6, 0.8, 40),
        trigger=Estimate(0.6, 0.5, 0.7, 40),
        benign_per_fold=100,
        caught=Estimate(0.8, 0.7, 0.9, 40),
        over_near_misses=Estimate(0.9, 0.8, 1.0, 40),
        near_miss_alarms=Estimate(0.02, 0.0, 0.05, 40),
    )


def test_a_probe_ahead_of_everything_has_no_warnings(findings: Findings) -> None:
    assert warnings_of(findings) == []
    assert verdict_text(findings) == (
        "On held-out questions a logistic probe at the embeddings, position close (where most "
        "folds put it), ranks a defection above a benign answer with AUROC .90 [.85, .95], "
        "n = 40 groups. The best text reader of the same prefix (bag of tokens) reaches .60 "
        "[.50, .70]. The probe is ahead of these text readers by .30 [.20, .40]: the "
        "activations tell more than the words, as far as these readers can read them. At the "
        "threshold that 1 % of control text passes it catches .80 [.70, .90] of defections, and "
        ".02 [.00, .05] of near misses, which are benign."
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"minus_text": Estimate(0.1, -0.1, 0.3, 40)}, "nothing beyond the text"),
        ({"minus_text": Estimate(0.02, 0.005, 0.03, 40)}, "nothing beyond the text"),
        ({"minus_text": Estimate(None, None, None, 40, "none")}, "nothing beyond the text"),
        ({"trigger": Estimate(0.97, 0.9, 1.0, 40)}, "labels coincide with the trigger"),
        ({"random_best": Estimate(0.91, 0.8, 1.0, 40)}, "a random direction does as well"),
        ({"shuffled": Estimate(0.5, 0.1, 0.92, 40)}, "shuffled labels does as well"),
        ({"benign_per_fold": 99}, "rests on 99 benign transcripts a fold"),
        ({"near_miss_alarms": Estimate(0.4, 0.3, 0.5, 40)}, "fires on near misses: .40"),
        ({"over_near_misses": Estimate(0.6, 0.4, 0.7, 40)}, "not tell defections from near misses"),
    ],
)
def test_each_weakness_is_named(findings: Findings, change: dict[str, Any], words: str) -> None:
    (warning,) = warnings_of(replace(findings, **change))
    assert words in warning


def test_a_probe_at_chance_claims_nothing(findings: Findings) -> None:
    unknown = Estimate.undefined(0, "no control text")
    at_chance = Estimate(0.55, 0.45, 0.65, 40)
    text = verdict_text(replace(findings, auroc=at_chance, caught=unknown))
    assert text.endswith("does not tell defections from benign answers: its interval includes .5.")
