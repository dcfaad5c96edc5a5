"""What the rows of an outcomes table are summed up under."""

from __future__ import annotations

import pandas as pd

from scratchpad.interventions import INTERVENTIONS, rebuild


def labels(rows: pd.DataFrame) -> pd.Series[str]:
    """The label of each row's intervention; a name that is not in the registry stands for itself.

    Edits of single layers are labelled by the layer, too.
    """
    given = rows[["intervention", "arguments"]].drop_duplicates()
    known = {
        (name, arguments): rebuild(name, arguments).label if name in INTERVENTIONS else name
        for name, arguments in given.itertuples(index=False)
    }
    keys = zip(rows["intervention"], rows["arguments"], strict=True)
    found = pd.Series([known[key] for key in keys], index=rows.index, dtype=object)
    if "layer" not in rows:
        return found
    layers = " layer " + rows["layer"].astype("Int64").astype(str)
    return found.where(rows["layer"].isna(), found + layers)
