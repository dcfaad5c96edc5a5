"""Summing up what could not be scored."""

import numpy as np
import pandas as pd

from analyses.ablation_summary import cell_table
from scratchpad.mediation import Mediation


def test_no_greedy_pair_and_no_valid_row_are_undefined_cells(outcomes: pd.DataFrame) -> None:
    unscored = outcomes.assign(value=np.nan)
    for table in (pd.DataFrame(), unscored):
        mediation = Mediation.of(*cell_table(table, scorer="payload"), 0)
        cell = mediation.cell("f11")
        assert (cell.estimate, cell.n) == (None, 0)
        assert mediation.verdict() == "undecided"
