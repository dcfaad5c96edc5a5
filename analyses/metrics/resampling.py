"""Which steps matter to what the model would go on to write."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

from pandas import DataFrame

from analyses.metrics.estimates import Measure, mean_of
from analyses.metrics.rows import CASE, COLUMNS, native_rows, own_rows
from analyses.metrics.steps import StepMetric

SIMILAR: Final = 0.8
"""A resampled step at least this close (cosine) to the original says the same."""


@dataclass(frozen=True)
class ResamplingImportance(StepMetric):
    """How far f moves when a step, and all that follows, is left to the model again.

    Importance of step k = f where step k is kept (resampled from k + 1; for the last step the
    untouched scratchpad) minus f where it is resampled (from k), f = P(defection). After
    resampling and counterfactual importance of interp-reasoning/thought-anchors, there of
    accuracy. Larger (absolute): what follows hangs on this step. Signed: positive where keeping
    the step makes defection likelier. That is the source's sign of resampling importance and the
    *reverse* of its counterfactual importance, which is (dissimilar - kept).

    A step whose comparison lacks a side has none; the source gives it 0, and its last step too.

    Parameters
    ----------
    counterfactual : bool
        Of the resamples from k, use those alone whose step k is unlike the original (cosine
        below .8). `dissimilar_share` says how many these are; where the model always writes the
        step again, its counterfactual importance is unknown, not small.
    """

    counterfactual: bool = False
    columns: ClassVar[tuple[str, ...]] = (*COLUMNS, "similarity")

    @property
    def interventions(self) -> tuple[str, ...]:
        """Resampled scratchpads and the untouched one."""
        return "transplant", "resample"

    def measures(self, state: int) -> Mapping[str, Measure]:
        """Mean and largest importance, and how many resamples were unlike the original."""
        return {**super().measures(state), "dissimilar_share": mean_of("dissimilar")}

    def steps(self, rows: DataFrame, state: int) -> DataFrame:
        """Compare the rollouts that keep each step with those that do not."""
        drawn = own_rows(rows, state, "resample").dropna(subset=["step_index"])
        dissimilar = drawn["similarity"] < SIMILAR
        used = drawn["value"].where(dissimilar) if self.counterfactual else drawn["value"]
        drawn = drawn.assign(
            without_step=used,
            dissimilar=dissimilar.astype(float).where(drawn["similarity"].notna()),
        )
        columns = ["value", "n_steps", "without_step", "dissimilar", "invalid"]
        steps = drawn.groupby([*CASE, "step_index"])[columns].mean().reset_index()
        kept = steps.assign(step_index=steps["step_index"] - 1)[[*CASE, "step_index", "value"]]
        steps = steps.merge(
            kept.rename(columns={"value": "with_step"}), on=[*CASE, "step_index"], how="left"
        ).merge(native_rows(rows, state, "value"), on=CASE, how="left")
        last = steps["step_index"] == steps["n_steps"] - 1
        steps["with_step"] = steps["native"].where(last, steps["with_step"])
        return steps.drop(columns=["value", "n_steps", "native"])
