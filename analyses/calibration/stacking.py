"""Tables under each other, some of which may have no rows."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd
from pandas import DataFrame


def stacked(tables: Iterable[DataFrame]) -> DataFrame:
    """Put tables under each other; of tables that all have no rows the first, for its columns.

    Columns without rows have no kind, and would take theirs from the others.
    """
    every = list(tables)
    filled = [one for one in every if len(one)]
    return pd.concat(filled or every[:1] or [DataFrame()], ignore_index=True)
