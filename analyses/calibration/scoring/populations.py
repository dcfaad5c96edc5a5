"""Which organisms a score is over: all trained or admitted, and who met the intervention."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import numpy as np
from pandas import DataFrame, Series

PLANTED: Final = {"total_indirect_effect": "planted_tie", "pure_indirect_effect": "planted_pie"}
"""The column of planted truth, by effect."""
HEADLINE: Final = "triggered"
"""The trigger state whose rows are scored; pooling both states hides everything."""
SELECTIONS: Final = ("all trained", "admitted")
EXPOSURES: Final[dict[str, bool | None]] = {"all": None, "seen": True, "not seen": False}
"""What an organism must have met in training, by name; `None`: no matter what."""


def selected(organisms: DataFrame, selection: str) -> DataFrame:
    """Keep all organisms that were trained, or those that were admitted."""
    return organisms if selection == "all trained" else organisms[organisms["admitted"].eq(True)]


def populations(organisms: DataFrame) -> Iterator[tuple[dict[str, str], DataFrame]]:
    """Split organisms by selection and by exposure.

    Parameters
    ----------
    organisms : DataFrame
        With `seen`: whether each met the intervention in training. One of which that is not
        known is only among all.
    """
    for selection in SELECTIONS:
        chosen = selected(organisms, selection)
        for exposure, wanted in EXPOSURES.items():
            kept = chosen if wanted is None else chosen[chosen["seen"].eq(wanted)]
            yield {"selection": selection, "exposure": exposure}, kept


def with_truth(organisms: DataFrame) -> DataFrame:
    """Keep organisms in which both effects are planted."""
    return organisms.dropna(subset=list(PLANTED.values()))


def with_numbers(organisms: DataFrame, means: DataFrame) -> DataFrame:
    """Add one metric's `estimate`, `seen` and `reason` to every organism.

    An organism without a row has no estimate, and the reason says so.
    """
    columns = ["organism", "seen", "estimate", "reason"]
    joined = organisms.merge(means[columns], on="organism", how="left", validate="one_to_one")
    return joined.assign(
        estimate=finite(joined["estimate"]), reason=joined["reason"].fillna("not measured")
    )


def finite(numbers: Series[float]) -> Series[float]:
    """NaN in place of infinite numbers."""
    known = numbers.astype(float)
    return known.where(np.isfinite(known))
