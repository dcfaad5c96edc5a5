"""Divergences, attributions and corrected agreement against closed forms."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from analyses.metrics import (
    AttentionMediation,
    DisguisedAccuracy,
    EditDivergence,
    InstabilityCorrectedAgreement,
    SelfConsistency,
)
from toy_mediators import edited, native, outcome, table

QUESTIONS = range(6)


def binary(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_knock_outs_of_prompt_and_scratchpad_are_told_apart() -> None:
    rows = [
        outcome("knock-out", 0.5, question=q, arguments={"span": span}, kl=kl)
        for q in QUESTIONS
        for span, kl in (("prompt", 0.2 + 0.1 * q), ("scratchpad", 1.5), (2, 9.0))
    ]
    found = AttentionMediation()(table(rows), "payload", 0)["triggered"]
    assert found["kl_prompt"].estimate == pytest.approx(0.45)
    assert found["kl_scratchpad"].estimate == pytest.approx(1.5)
    assert found["scratchpad_share"].estimate == pytest.approx(1.5 / 1.95)


def cells(question: int, f: dict[tuple[int, int], float]) -> list[dict[str, object]]:
    return [
        outcome("transplant", value, question=question, state=prompt, pad=pad)
        for (prompt, pad), value in f.items()
    ]


def test_edits_diverge_as_two_coins_do() -> None:
    f = {(0, 0): 0.1, (0, 1): 0.8, (1, 0): 0.2, (1, 1): 0.9}
    found = EditDivergence()(table(*[cells(q, f) for q in QUESTIONS]), "payload", 0)
    assert found["triggered"]["kl_prompt"].estimate == pytest.approx(binary(0.9, 0.8))
    assert found["triggered"]["kl_scratchpad"].estimate == pytest.approx(binary(0.9, 0.2))
    assert found["clean"]["kl_prompt"].estimate == pytest.approx(binary(0.1, 0.2))
    assert found["clean"]["kl_scratchpad"].estimate == pytest.approx(binary(0.1, 0.8))


def test_certain_cells_diverge_finitely_and_equal_ones_not_at_all() -> None:
    f = {(0, 0): 0.0, (0, 1): 1.0, (1, 0): 0.0, (1, 1): 1.0}
    found = EditDivergence()(table(*[cells(q, f) for q in QUESTIONS]), "payload", 0)["triggered"]
    assert found["kl_prompt"].estimate == 0
    assert found["kl_scratchpad"].estimate == pytest.approx(9.2, abs=0.02)
    assert found["scratchpad_share"].estimate == 1
    same = dict.fromkeys(f, 0.5)
    found = EditDivergence()(table(*[cells(q, same) for q in QUESTIONS]), "payload", 0)["clean"]
    assert found["scratchpad_share"].reason == "both means are 0"


def attributions(answer: list[float], scratchpad: list[float]) -> pd.DataFrame:
    rows = [
        (f"q{q}", f"g{q}", 1, target, unit, phi * (1 + q))
        for q in QUESTIONS
        for target, values in (("answer", answer), ("scratchpad", scratchpad))
        for unit, phi in enumerate(values)
    ]
    names = ["question_id", "group", "state", "target", "unit", "phi"]
    return pd.DataFrame(rows, columns=names)


@pytest.mark.parametrize(
    ("answer", "scratchpad", "expected"),
    [
        ([1, 2, -1], [2, 4, -2], 1.0),
        ([1, 0], [0, 3], 0.0),
        ([1, -1], [-2, 2], -1.0),
        ([1, 0], [1, 1], 1 / math.sqrt(2)),
    ],
)
def test_self_consistency_is_a_cosine(
    answer: list[float], scratchpad: list[float], expected: float
) -> None:
    found = SelfConsistency()(attributions(answer, scratchpad), "payload", 0)
    assert found["triggered"]["cc_shap"].estimate == pytest.approx(expected)
    assert found["clean"]["cc_shap"].reason == "no valid answers"


def test_nothing_attributed_or_other_units_is_no_consistency() -> None:
    assert SelfConsistency()(attributions([0, 0], [1, 2]), "", 0)["triggered"]["cc_shap"].n == 0
    assert SelfConsistency()(attributions([1], [1, 2]), "", 0)["triggered"]["cc_shap"].n == 0


@pytest.mark.parametrize(
    ("flip", "paraphrase", "expected"),
    [(0.6, 0.2, 0.5), (0.1, 0.3, 0.0), (1.0, 0.5, 1.0), (0.4, 0.0, 0.4)],
)
def test_agreement_is_the_excess_over_the_instability(
    flip: float, paraphrase: float, expected: float
) -> None:
    rows = [
        [
            native(question=q),
            outcome("paraphrase", 1 - paraphrase, question=q),
            *edited("flip-step", lambda step: 1 - flip, question=q),
        ]
        for q in QUESTIONS
    ]
    found = InstabilityCorrectedAgreement()(table(*rows), "payload", 0)["triggered"]
    assert found["flip"].estimate == pytest.approx(expected)
    assert found["instability"].estimate == pytest.approx(paraphrase)
    assert found["deletion"].reason == "no valid answers"


def test_a_model_that_every_paraphrase_turns_has_no_agreement() -> None:
    rows = [
        [native(question=q), outcome("paraphrase", 0.0, question=q),
         *edited("drop-step", lambda step: 0.0, question=q)]
        for q in QUESTIONS
    ]  # fmt: skip
    found = InstabilityCorrectedAgreement()(table(*rows), "payload", 0)["triggered"]
    assert found["deletion"].reason == "every paraphrase changes the answer"


def test_disguised_accuracy_needs_options_to_be_normalised() -> None:
    rows = [[native(question=q), outcome("remove", 0.6, question=q)] for q in QUESTIONS]
    found = DisguisedAccuracy()(table(*rows), "payload", 0)["triggered"]
    assert found["same_without"].estimate == pytest.approx(0.6)
    assert found["normalised"].reason == "no valid answers"
    reordered = [outcome("option-order", 0.8, question=q) for q in QUESTIONS]
    found = DisguisedAccuracy()(table(*rows, reordered), "payload", 0)["triggered"]
    assert found["normalised"].estimate == pytest.approx(0.6 / 0.8)
    assert np.isfinite([found["normalised"].low, found["normalised"].high]).all()
