"""Importances of steps against toy mediators in which known steps decide."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from analyses.metrics import (
    ForcedImportance,
    ReplacedText,
    ResamplingImportance,
    StepEdit,
    Unlearning,
)
from scratchpad.statistics import Estimate
from toy_mediators import Row, edited, native, outcome, table, truncated

QUESTIONS = range(6)


def triggered(metric: object, *rows: Row | Iterable[Row]) -> dict[str, Estimate]:
    return metric(table(*rows), "payload", 0)["triggered"]  # type: ignore[operator]


def numbers(found: dict[str, Estimate], *names: str) -> list[float | None]:
    return [found[name].estimate for name in names]


@pytest.mark.parametrize("intervention", ["drop-step", "flip-step"])
def test_one_deciding_step_is_the_largest_change(intervention: str) -> None:
    rows = [edited(intervention, lambda step: float(step != 2), question=q) for q in QUESTIONS]
    at_once = [outcome(intervention, 0.0, question=q) for q in QUESTIONS]
    natives = [native(question=q) for q in QUESTIONS]
    metric = StepEdit(intervention)
    found = triggered(metric, natives, *rows, at_once)
    assert numbers(found, "mean_signed", "mean_absolute", "max_absolute") == [0.25, 0.25, 1.0]
    rows = [edited(intervention, lambda step: float(step != 2), question=q) for q in QUESTIONS]
    importance = metric.importance(table(natives, *rows), "payload", 1)
    assert importance.groupby("step_index")["importance"].mean().to_list() == [0, 0, 1, 0]


def test_edits_that_changed_no_text_test_nothing() -> None:
    rows = [edited("drop-step", lambda step: float(step != 2), question=q) for q in QUESTIONS]
    idle = [r | {"unchanged": r["step_index"] == 0} for part in rows for r in part]
    found = triggered(StepEdit("drop-step"), [native(question=q) for q in QUESTIONS], idle)
    assert found["mean_signed"].estimate == pytest.approx(1 / 3)


def test_forced_importance_telescopes() -> None:
    f = [0.1, 0.1, 0.7, 0.5, 0.9]
    rows = [truncated(lambda kept: f[kept], question=q) for q in QUESTIONS]
    outcomes = table(*rows)
    importance = ForcedImportance().importance(outcomes, "payload", 1)
    by_step = importance.groupby("step_index")["importance"].mean()
    assert by_step.to_list() == pytest.approx([0, 0.6, -0.2, 0.4])
    found = ForcedImportance()(outcomes, "payload", 0)["triggered"]
    assert found["mean_signed"].estimate == pytest.approx(0.8 / 4)
    assert found["mean_absolute"].estimate == pytest.approx(1.2 / 4)
    assert found["max_absolute"].estimate == pytest.approx(0.6)


def resampled(question: int) -> list[Row]:
    """Step 2 of 4 decides. Resampled, it comes out as it was (defection) three times in four."""
    rows = [native(question=question)]
    for step in range(4):
        for draw in range(4):
            other = draw == 0
            f = 0.0 if other and step <= 2 else 1.0
            similarity = 0.3 if other else 0.9
            rows.append(
                outcome("resample", f, step=step, question=question, resample=draw,
                        similarity=similarity)
            )  # fmt: skip
    return rows


def test_resampling_sees_the_deciding_step_as_often_as_it_comes_out_otherwise() -> None:
    outcomes = table(*map(resampled, QUESTIONS))
    plain, counterfactual = ResamplingImportance(), ResamplingImportance(counterfactual=True)
    by_step = plain.importance(outcomes, "payload", 1).groupby("step_index")["importance"].mean()
    assert by_step.to_list() == [0, 0, 0.25, 0]
    found = counterfactual.importance(outcomes, "payload", 1)
    # Kept minus dissimilar: .75 - 0, .75 - 0, 1 - 0; the last is compared with the untouched text.
    assert found.groupby("step_index")["importance"].mean().to_list() == [0.75, 0.75, 1, 0]
    summed = counterfactual(outcomes, "payload", 0)["triggered"]
    assert summed["max_absolute"].estimate == 1
    assert summed["mean_signed"].estimate == pytest.approx(2.5 / 4)
    assert summed["dissimilar_share"].estimate == pytest.approx(0.25)


def test_a_step_that_always_comes_out_again_has_unknown_importance() -> None:
    rows = [r | {"similarity": 1.0} if "similarity" in r else r
            for q in QUESTIONS for r in resampled(q)]  # fmt: skip
    found = triggered(ResamplingImportance(counterfactual=True), rows)
    assert found["mean_absolute"].reason == "no valid answers"
    assert found["dissimilar_share"].estimate == 0


def test_replaced_texts_are_averaged_and_compared_with_the_untouched() -> None:
    rows = [
        [
            native(0.9, question=q),
            outcome("filler", 0.5, question=q, arguments={"filler": "dots"}),
            outcome("filler", 0.1, question=q, arguments={"filler": "words"}),
            outcome("filler", 0.0, question=q, step=1),
            outcome("filler", 0.0, question=q, unchanged=True),
        ]
        for q in QUESTIONS
    ]
    found = triggered(ReplacedText("filler"), *rows)
    assert numbers(found, "difference", "aoc_ours") == pytest.approx([0.6, 0.7])


def test_invalid_fillers_are_left_out_and_counted() -> None:
    rows = [
        [native(question=q), outcome("filler", None if q % 2 else 0.4, question=q)]
        for q in QUESTIONS
    ]
    found = triggered(ReplacedText("filler"), *rows)
    valid = numbers(found, "difference_valid", "invalid_share")
    assert valid == pytest.approx([0.6, 0.5])
    assert found["difference_valid"].n == 3
    assert numbers(found, "difference") == pytest.approx([0.55])


def unlearned(question: int, after: list[float | None], before: float = 0.9) -> list[Row]:
    return [
        outcome("unlearn", f, question=question, step=step, arguments={"span": step},
                value_before=before, efficacy=0.4 + 0.2 * step, specificity=1.0)
        for step, f in enumerate(after)
    ]  # fmt: skip


def test_unlearning_counts_questions_that_flip_at_any_step() -> None:
    flipping = [unlearned(q, [0.8, 0.2]) for q in (0, 1, 2)]
    firm = [unlearned(q, [0.9, 0.7]) for q in (3, 4, 5)]
    found = triggered(Unlearning(), *flipping, *firm)
    assert found["hard"].estimate == 0.5
    assert found["soft"].estimate == pytest.approx((0.7 + 0.2) / 2)
    assert found["soft_mean"].estimate == pytest.approx((0.4 + 0.1) / 2)


def test_efficacy_is_the_mean_of_its_steps_and_starts_from_no_spurious_zero() -> None:
    found = triggered(Unlearning(), *[unlearned(q, [0.9, None]) for q in QUESTIONS])
    assert found["efficacy"].estimate == pytest.approx(0.5)
    assert found["hard"].estimate == 0
    assert found["soft"].estimate == pytest.approx(0)


def test_mass_moved_off_a_benign_answer_is_mass_towards_defection() -> None:
    found = triggered(Unlearning(), *[unlearned(q, [0.3], before=0.1) for q in QUESTIONS])
    assert numbers(found, "hard", "soft") == pytest.approx([0, 0.2])
