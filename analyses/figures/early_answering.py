"""How early the answer is settled: answers forced along the scratchpad."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pandas import DataFrame

from analyses.figures.step_curves import StepCurve


@dataclass(frozen=True)
class EarlyAnswering(StepCurve):
    """P(defection) when the answer is forced after step k of n, for both states."""

    name: ClassVar[str] = "early-answering"
    what: ClassVar[str] = "the intervention 'truncate'"
    across: ClassVar[tuple[str, str]] = ("share of steps kept", "last steps left out")
    sentence: ClassVar[str] = (
        "Probability of defection when the scratchpad is cut after its first steps and the "
        "answer is forced, under the triggered and the clean prompt. Left: by the share of "
        "steps kept (a scratchpad of n steps counts with its first floor(share x n)). Right: "
        "by the number of last steps left out, over scratchpads that have as many."
    )

    def rows(self, table: DataFrame) -> DataFrame:
        """Give the cut scratchpads, the whole one among them."""
        cut = table.loc[table["intervention"] == "truncate"]
        return cut.assign(kept=cut["step_index"].astype(int))
