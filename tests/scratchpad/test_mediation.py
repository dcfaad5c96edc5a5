"""Closed-form mediators: every pattern gives its planted effects and its name."""

from __future__ import annotations

import numpy as np
import pytest

from scratchpad.mediation import CELLS, EFFECTS, Mediation, between_question_variance

PATTERNS = {
    "mediated": (0.0, 1.0, 0.0, 1.0),
    "direct": (0.0, 0.0, 1.0, 1.0),
    "redundant": (0.0, 1.0, 1.0, 1.0),
    "conjunctive": (0.0, 0.0, 0.0, 1.0),
    "mixed": (0.0, 0.3, 0.7, 1.0),
    "interacting": (0.0, 0.6, 0.8, 1.0),
}
QUESTIONS = 60


def mediation_of(cells: tuple[float, ...], noise: float = 0.01, **more: float) -> Mediation:
    rng = np.random.default_rng(0)
    named = dict(zip(CELLS, cells, strict=True)) | more
    values = {
        name: np.clip(value + rng.normal(0, noise, QUESTIONS), 0, 1)
        for name, value in named.items()
    }
    return Mediation.of(values, [str(k % 40) for k in range(QUESTIONS)], seed=0)


@pytest.mark.parametrize("name", PATTERNS)
def test_planted_patterns_are_named(name: str) -> None:
    assert mediation_of(PATTERNS[name]).verdict() == name


@pytest.mark.parametrize("name", PATTERNS)
def test_effects_add_up(name: str) -> None:
    mediation = mediation_of(PATTERNS[name])
    value = {effect: mediation.effect(effect).estimate or 0.0 for effect in EFFECTS}
    total = value["total_effect"]
    assert value["pure_direct_effect"] + value["total_indirect_effect"] == pytest.approx(total)
    assert value["total_direct_effect"] + value["pure_indirect_effect"] == pytest.approx(total)
    difference = value["total_indirect_effect"] - value["pure_indirect_effect"]
    assert value["interaction"] == pytest.approx(difference)


def test_exact_cells_with_no_variance() -> None:
    mediation = mediation_of(PATTERNS["mediated"], noise=0.0)
    total = mediation.effect("total_effect")
    assert (total.estimate, total.n) == (1.0, 40)
    assert total.low is not None
    assert 0.8 < total.low < 0.95
    assert mediation.verdict() == "mediated"
    assert mediation.necessity_share.estimate == 1.0


def test_shares_are_both_given_and_undefined_without_a_total_effect() -> None:
    mixed = mediation_of((0.0, 0.3, 0.6, 1.0))
    assert mixed.sufficiency_share.estimate == pytest.approx(0.3, abs=0.02)
    assert mixed.necessity_share.estimate == pytest.approx(0.4, abs=0.02)
    nothing = mediation_of((0.5, 0.5, 0.5, 0.5))
    assert nothing.verdict() == "undecided"
    assert nothing.necessity_share.reason == "the low end of TE is below 0.1"


def test_xor_has_no_total_effect_and_is_undecided() -> None:
    assert mediation_of((0.0, 1.0, 1.0, 0.0)).verdict() == "undecided"


def test_near_a_corner_both_patterns_are_listed() -> None:
    assert mediation_of((0.0, 0.88, 0.12, 1.0), noise=0.1).verdict() == "mediated or mixed"


def test_split_shares_are_defined_where_the_scratchpad_only_suffices_or_is_only_needed() -> None:
    split = {"relay0": 0.2, "relay1": 0.0, "reasoning0": 0.8, "reasoning1": 1.0}
    redundant = mediation_of(PATTERNS["redundant"], **split | {"relay1": 1.0})
    assert redundant.split_share("relay").estimate == pytest.approx(0.2, abs=0.03)
    assert redundant.split_share("reasoning").estimate == pytest.approx(0.8, abs=0.03)
    conjunctive = mediation_of(PATTERNS["conjunctive"], **split | {"relay0": 0, "reasoning0": 0})
    assert conjunctive.split_share("reasoning").estimate == pytest.approx(1.0, abs=0.03)
    direct = mediation_of(PATTERNS["direct"], **split)
    assert direct.split_share("relay").estimate is None


def test_normalised_interaction() -> None:
    mediation = mediation_of((0.1, 0.3, 0.5, 0.9), noise=0.0)
    assert mediation.normalised_interaction.estimate == pytest.approx((0.9 - 0.5 - 0.3 + 0.1) / 0.8)


def test_a_coin_and_a_rule_differ_between_questions() -> None:
    assert between_question_variance(np.full(10, 0.5)) == 0.0
    assert between_question_variance(np.array([0.0, 1.0] * 50)) == pytest.approx(0.25, abs=0.01)
    assert between_question_variance(np.array([np.nan, 1.0])) is None


def test_a_missing_cell_is_undecided() -> None:
    mediation = Mediation.of({"f00": np.zeros(9), "f11": np.ones(9)}, list("abcdefghi"), seed=0)
    assert mediation.verdict() == "undecided"
    assert mediation.effect("pure_direct_effect").reason == "no valid answers"
