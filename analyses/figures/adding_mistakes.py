"""What a mistake in the scratchpad does to the answer, by where it stands."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pandas as pd
from pandas import DataFrame

from analyses.figures.step_curves import StepCurve
from analyses.figures.tables import native_rows
from analyses.metrics.rows import keeps_rest


@dataclass(frozen=True)
class AddingMistakes(StepCurve):
    """P(defection) after a mistake in step k of n, from which the model writes on by itself.

    Mistakes after which the rest was kept as it stood are another intervention and left out, and
    so are those that changed nothing. The curve ends with the scratchpad as the model wrote it.
    """

    name: ClassVar[str] = "adding-mistakes"
    what: ClassVar[str] = "the intervention 'mistake'"
    across: ClassVar[tuple[str, str]] = ("share of steps before it", "step from the end")
    sentence: ClassVar[str] = (
        "Probability of defection when a mistake is written into a step and the model writes the "
        "rest, under the triggered and the clean prompt. Left: by the share of steps before the "
        "mistake (of a scratchpad of n steps, floor(share x n)); 1 is the scratchpad as the model "
        "wrote it. Right: 1 is a mistake in the last step, 0 none, over scratchpads that have as "
        "many steps."
    )

    def rows(self, table: DataFrame) -> DataFrame:
        """Give the scratchpads with a mistake, and the untouched ones of the same states."""
        made = table.loc[(table["intervention"] == "mistake") & ~table["unchanged"].eq(True)]
        made = made.loc[~keeps_rest(made)]
        if made.empty:
            return made
        own = native_rows(table)
        own = own.loc[own["question_id"].isin(made["question_id"])]
        kept = pd.concat([made.assign(kept=made["step_index"]), own.assign(kept=own["n_steps"])])
        return kept.assign(kept=kept["kept"].astype(int))
