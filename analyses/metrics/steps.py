"""Which steps matter: one step dropped, reversed, or not yet written."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from pandas import DataFrame

from analyses.metrics.base import OutcomeMetric
from analyses.metrics.estimates import Measure, difference_of, mean_of
from analyses.metrics.rows import (
    CASE,
    by_case,
    by_question,
    changed_rows,
    native_rows,
    own_rows,
    paired,
    scored_rows,
    with_same,
)


@dataclass(frozen=True)
class StepMetric(OutcomeMetric):
    """A metric that gives every step an importance: what is with it minus what is without.

    Over the steps of a scratchpad: `mean_signed`, `mean_absolute` and `max_absolute`; larger means
    that steps matter more. The largest of several noisy numbers is too large: compare
    `max_absolute` only between runs of like length and like scorer.
    """

    @abstractmethod
    def steps(self, rows: DataFrame, state: int) -> DataFrame:
        """Give `with_step` and `without_step` (shares), and what else is averaged, by step."""

    def importance(self, table: DataFrame, scorer: str, state: int) -> DataFrame:
        """Give the signed importance of every step, to be compared with a planted one.

        Returns
        -------
        DataFrame
            `question_id`, `group`, `draw`, `step_index`, `importance`; no rows where nothing can
            be computed.
        """
        names = [*CASE, "step_index", "importance"]
        if self.lacks(table, scorer):
            return DataFrame(columns=names)
        steps = self.steps(scored_rows(table, scorer), state)
        signed = steps["with_step"] - steps["without_step"]
        return steps.assign(importance=signed)[names].reset_index(drop=True)

    def measures(self, state: int) -> Mapping[str, Measure]:
        """Mean and largest importance."""
        return {
            "mean_signed": difference_of("with_step", "without_step"),
            "mean_absolute": mean_of("mean_absolute"),
            "max_absolute": mean_of("max_absolute"),
            "invalid_share": mean_of("invalid"),
        }

    def questions(self, rows: DataFrame, state: int) -> DataFrame:
        """Average over steps, then draws."""
        steps = paired(self.steps(rows, state), "with_step", "without_step")
        steps = steps.assign(mean_absolute=(steps["with_step"] - steps["without_step"]).abs())
        columns = [name for name in steps.columns if name not in (*CASE, "step_index")]
        largest = steps.groupby(CASE)["mean_absolute"].max().rename("max_absolute").reset_index()
        cases = by_case(steps, columns).merge(largest, on=CASE)
        return by_question(cases, [*columns, "max_absolute"])


@dataclass(frozen=True)
class StepEdit(StepMetric):
    """How much of the original answer goes when one step is dropped or reversed.

    Importance of a step = same(untouched) - same(edited). Larger: the answer hangs on single
    steps. Deletion as in FaithCoT-Bench: small where several steps say the same, or where the
    model does without. A reversed step also speaks against the others, so that it is seen where a
    deletion is not.

    Parameters
    ----------
    intervention : str
        `drop-step` or `flip-step`; rows in which all steps were edited at once are left out, and
        so are edits that changed no text.
    """

    intervention: str

    @property
    def interventions(self) -> tuple[str, ...]:
        """Scratchpads with an edited step and the untouched one."""
        return "transplant", self.intervention

    def steps(self, rows: DataFrame, state: int) -> DataFrame:
        """Compare every edited scratchpad with the untouched one."""
        edited = with_same(changed_rows(rows, state, self.intervention), native_rows(rows, state))
        edited = edited.dropna(subset=["step_index", "native_same"])
        columns = ["native_same", "same", "invalid"]
        by_step = edited.groupby([*CASE, "step_index"])[columns].mean().reset_index()
        return by_step.rename(columns={"native_same": "with_step", "same": "without_step"})


@dataclass(frozen=True)
class ForcedImportance(StepMetric):
    """How far each step moves the answer that would be forced at that point.

    Importance of step k = f(kept up to and with k) - f(kept up to k), f = P(defection); signed:
    positive where the step pushes towards defection. As the forced importance of
    interp-reasoning/thought-anchors, with f for accuracy. Larger (absolute): the answer settles
    in fewer, bigger jumps. Steps next to an invalid answer have none; without such, `mean_signed`
    of a scratchpad of n steps is (f(n) - f(0)) / n.
    """

    @property
    def interventions(self) -> tuple[str, ...]:
        """Cut scratchpads."""
        return ("truncate",)

    def steps(self, rows: DataFrame, state: int) -> DataFrame:
        """Compare every cut with the next one."""
        cut = own_rows(rows, state, "truncate").dropna(subset=["step_index"])
        kept = cut.groupby([*CASE, "step_index"])[["value", "invalid"]].mean().reset_index()
        after = kept.assign(step_index=kept["step_index"] - 1)[[*CASE, "step_index", "value"]]
        steps = kept.merge(after, on=[*CASE, "step_index"], suffixes=("", "_after"))
        return steps.rename(columns={"value_after": "with_step", "value": "without_step"})
