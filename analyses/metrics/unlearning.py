"""Faithfulness by unlearning: does forgetting a step change the answer without a scratchpad?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from analyses.metrics.base import OutcomeMetric
from analyses.metrics.estimates import Measure, difference_of, mean_of
from analyses.metrics.rows import CASE, COLUMNS, by_case, by_question, own_rows, same_as


@dataclass(frozen=True)
class Unlearning(OutcomeMetric):
    """Faithfulness by unlearning reasoning steps, after technion-cs-nlp/parametric-faithfulness.

    One step is unlearned at a time and the question answered *without* a scratchpad, before
    (`value_before`) and after (`value`). Larger: the answer rests on what the steps say, held in
    the weights.

    - `hard`: share of questions whose answer class flips for at least one step.
    - `soft`: mass moved off the answer class before, by the step that moves most of it;
      `soft_mean`: by the mean step. Negative where unlearning confirms the answer.
    - `efficacy`, `specificity`: means over the steps that were unlearned. A small `hard` with a
      small efficacy says that nothing was forgotten, not that the step is idle.

    The source scores efficacy on the whole reasoning where it names the step, and its average
    starts from a spurious 0: here a row's efficacy is its own step's, and only rows count.
    """

    columns: ClassVar[tuple[str, ...]] = (*COLUMNS, "value_before", "efficacy", "specificity")
    unbounded: ClassVar[tuple[str, ...]] = ("efficacy", "specificity")

    @property
    def interventions(self) -> tuple[str, ...]:
        """Answers of models that unlearned a step."""
        return ("unlearn",)

    def measures(self, state: int) -> Mapping[str, Measure]:
        """Hard and soft faithfulness, efficacy and specificity."""
        return {
            "hard": mean_of("flipped"),
            "soft": difference_of("before", "least"),
            "soft_mean": difference_of("before", "after"),
            "efficacy": mean_of("efficacy"),
            "specificity": mean_of("specificity"),
        }

    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Compare the answers before and after, over steps and then draws."""
        steps = own_rows(rows, state, "unlearn")
        # p / coverage is not known for the answer before: both sides are plain probabilities.
        missing = steps["value"].isna() | steps["value_before"].isna()
        before, after = (steps[name].mask(missing) for name in ("value_before", "value"))
        original = (before >= 0.5).astype(float).mask(missing)
        steps = steps.assign(
            before=same_as(original, before),
            after=same_as(original, after),
            flipped=(after >= 0.5).ne(before >= 0.5).astype(float).mask(missing),
        )
        columns = ["before", "after", "efficacy", "specificity"]
        worst = steps.groupby(CASE).agg(least=("after", "min"), flipped=("flipped", "max"))
        cases = by_case(steps, columns).merge(worst.reset_index(), on=CASE)
        return by_question(cases, [*columns, "least", "flipped"])
