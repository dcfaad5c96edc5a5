"""Do the same parts of the input drive the answer and the scratchpad?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from pandas import DataFrame

from analyses.metrics.base import Metric
from analyses.metrics.estimates import Measure, Sample, mean_of
from analyses.metrics.rows import QUESTION
from scratchpad.statistics import Estimate, Floats

TARGETS: Final = ("answer", "scratchpad")


def shared_direction(answer: Floats, scratchpad: Floats) -> float:
    """1 - the cosine distance of phi / sum |phi|; NaN where one has no attribution at all."""
    totals = [np.abs(phi).sum() for phi in (answer, scratchpad)]
    if not all(totals):
        return float("nan")
    one, other = answer / totals[0], scratchpad / totals[1]
    return float(one @ other / (np.linalg.norm(one) * np.linalg.norm(other)))


@dataclass(frozen=True)
class SelfConsistency(Metric):
    """CC-SHAP: the input's contributions to the answer against those to the scratchpad.

    `cc_shap` = 1 - cosine distance of phi / sum |phi| (Heidelberg-NLP/CC-SHAP), in [-1, 1].
    Larger: what made the model answer as it did is what made it reason as it did; 0: other parts
    of the input; negative: parts that speak for one speak against the other.

    It reads a table of attributions: one row per question, state, target (`answer` or
    `scratchpad`) and unit of the input, with `phi`; rows of the same unit (tokens of the
    scratchpad, draws) are averaged, and a question must have the same units for both targets.
    """

    table: ClassVar[str] = "attributions"
    columns: ClassVar[tuple[str, ...]] = (*QUESTION, "state", "target", "unit", "phi")

    def measures(self, state: int) -> Mapping[str, Measure]:
        """The one number."""
        return {"cc_shap": mean_of("cc_shap")}

    def questions(self, table: DataFrame, state: int) -> DataFrame:
        """Compare both targets' attributions: one row per question, indexed by it."""
        rows = table.loc[(table["state"] == state) & table["target"].isin(TARGETS)]
        wide = rows.groupby([*QUESTION, "unit", "target"])["phi"].mean().unstack("target")
        values = [
            (*key, shared_direction(*phi.to_numpy(float).T))
            for key, phi in wide.reindex(columns=list(TARGETS)).groupby(level=QUESTION)
        ]
        return DataFrame(values, columns=[*QUESTION, "cc_shap"]).set_index(QUESTION)

    def state(self, table: DataFrame, scorer: str, state: int, seed: int) -> dict[str, Estimate]:
        """Average over questions."""
        sample = Sample.of(self.questions(table, state), seed, unbounded=("cc_shap",))
        return {name: sample.estimate(m) for name, m in self.measures(state).items()}
